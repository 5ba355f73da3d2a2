"""The measured process: the part of Lambda's runtime that every design needs, and nothing else.

It is run as a script by an interpreter that sees the design's package and the standard library only:

    python -I -S -B runtime.py PACKAGE MODULE REPORT_FD

It reads an event as a line of JSON, imports the module, answers the event and writes a line of JSON to
REPORT_FD. Each further line is a number of requests to answer in a row. It ends with its standard input.
"""

import sys

# What Lambda does before it imports a handler: the package comes first.
sys.path.insert(0, sys.argv[1])

import json
import os
import time
from importlib import import_module
from typing import Any


class Context:
    """The part of Lambda's context that handlers and Powertools read."""

    aws_request_id = "3f1c6a52-0000-4000-8000-000000000001"
    function_name = "benchmark"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:benchmark"
    memory_limit_in_mb = "1024"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left, in milliseconds: each request has as much as the first."""
        return 30_000


def peak_memory() -> int:
    """Return the most memory that this process has held, in KiB."""
    try:
        # Not getrusage: on Linux it starts from what the parent held.
        with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib is an import that Lambda's runtime has not
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Answer what comes on standard input."""
    with os.fdopen(int(sys.argv[3]), "w") as report:

        def tell(**what: Any) -> None:
            report.write(json.dumps(what) + "\n")
            report.flush()

        event, context = json.loads(sys.stdin.readline()), Context()
        handler = import_module(sys.argv[2]).lambda_handler
        response = handler(event, context)
        # The system's monotonic clock is the same one in the process that started this one.
        tell(
            answered_at=time.monotonic_ns(),
            cpu=time.process_time_ns(),
            memory=peak_memory(),
            response=response,
        )
        for line in sys.stdin:
            began, cpu_began = time.perf_counter_ns(), time.process_time_ns()
            for _ in range(int(line)):
                # Requests come fresh: one of half a minute ago would be refused.
                event["requestContext"]["requestTimeEpoch"] = int(time.time() * 1000)
                response = handler(event, context)
            took, cpu = time.perf_counter_ns() - began, time.process_time_ns() - cpu_began
            tell(took=took, cpu=cpu, response=response)
    # As Lambda ends an environment: without tidying up.
    os._exit(0)


main()
