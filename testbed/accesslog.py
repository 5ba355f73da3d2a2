"""API Gateway's access log: a line for each request, in the format the stage was given."""

import contextlib
import re
import time
from typing import Any

VARIABLE = re.compile(r"\$context\.([A-Za-z]+(?:\.[A-Za-z]+)*)")


def line(form: str, context: dict[str, Any]) -> str:
    """A line in a format; what a request has no value for is a dash.

    Args:
        form: the format, with ``$context.…`` in it.
        context: the values, nested as the variables' names are.
    """

    def value(match: re.Match[str]) -> str:
        found: Any = context
        for name in match[1].split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return "-" if found is None else str(found)

    return VARIABLE.sub(value, form)


def write(logs: Any, settings: dict[str, str], text: str) -> None:
    """Write a line.

    Args:
        logs: a boto3 client for CloudWatch Logs.
        settings: the stage's ``accessLogSettings``.
        text: the line.
    """
    group = settings["destinationArn"].partition(":log-group:")[2].removesuffix(":*")
    append(logs, group, "access", [text])


def append(logs: Any, group: str, stream: str, lines: list[str]) -> None:
    """Add lines to a stream of a log group, and make the stream the first time."""
    events = [{"timestamp": int(time.time() * 1000), "message": each} for each in lines]
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
