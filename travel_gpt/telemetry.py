"""Log lines, metrics and audit events.

Importing this configures nothing: an entry point calls ``configure`` once, before it answers anything.
"""

import json
import logging
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from travel_gpt.redaction import redact
from travel_gpt.settings import TelemetrySettings

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

AUDIT: Final = 60
"""The level of an audit event: above all others, so that no LOG_LEVEL drops it."""

logger: Final = logging.getLogger("travel_gpt")
"""The logger of the whole project."""

# At DEBUG these write what they receive, and one of them receives the secret. A function whose log level is
# set in the Lambda console lowers the root logger, so theirs are set by name.
_VERBOSE_LIBRARIES: Final = ("boto3", "botocore", "urllib3", "openai", "httpx2", "httpcore2")

_OF_EVERY_RECORD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

# A deque, since appending to it is atomic: sources count in threads of their own.
_counted: Final[deque[tuple[str, int]]] = deque()
_metrics: dict[str, str] = {}


def configure(
    settings: TelemetrySettings, *, stream: "SupportsWrite[str] | None" = None, metrics: bool = True
) -> logging.Handler:
    """Set up logging and metrics for this process. Called again, it replaces what it set up before.

    Args:
        settings: the log level, the service and the metrics' namespace.
        stream: where log lines go; standard output, which Lambda takes for the log, unless given.
        metrics: whether to write metrics, which go to standard output.

    Returns:
        The handler that writes the log lines.
    """
    logging.addLevelName(AUDIT, "AUDIT")
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(RedactingFormatter(settings.service))
    logger.handlers[:] = [handler]
    logger.setLevel(settings.log_level)
    # Lambda's own handler on the root logger would write each line again, and not mask it.
    logger.propagate = False
    for library in _VERBOSE_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
    # The OpenAI SDK's own switch, read when it is imported: at "debug" it would write whole queries.
    os.environ.pop("OPENAI_LOG", None)
    _metrics.clear()
    if metrics:
        _metrics.update(namespace=settings.metrics_namespace, service=settings.service)
    return handler


class RedactingFormatter(logging.Formatter):
    """One line of JSON for each record, with credentials masked in whatever it came to hold.

    Args:
        service: the ``service`` of each line.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON without credentials."""
        local = time.localtime(record.created)
        line = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": f"{time.strftime('%Y-%m-%d %H:%M:%S', local)},{int(record.msecs):03d}"
            + time.strftime("%z", local),
            "service": self._service,
            **{name: value for name, value in record.__dict__.items() if name not in _OF_EVERY_RECORD},
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = self.formatException(record.exc_info)
            line["exception_name"] = record.exc_info[0].__name__
        text = json.dumps(line, default=str, ensure_ascii=False, separators=(",", ":"))
        # Half of a surrogate pair, as a server's cut text ends in, would keep the line from being written.
        return redact(text).encode("utf-8", "replace").decode()


def count(name: str, amount: int = 1) -> None:
    """Add to a metric of this invocation.

    Args:
        name: the metric's name, such as ``CredentialFailure``.
        amount: what to add.
    """
    _counted.append((name, amount))


def flush_metrics() -> None:
    """Write the invocation's metrics to the log, where CloudWatch finds them.

    Source: CloudWatch User Guide, "Specification: Embedded metric format".
    """
    totals: Counter[str] = Counter()
    while _counted:
        name, amount = _counted.popleft()
        totals[name] += amount
    if totals and _metrics:
        print(embedded_metrics(totals, **_metrics), flush=True)  # noqa: T201 - Lambda's log


def embedded_metrics(totals: Mapping[str, int], *, namespace: str, service: str) -> str:
    """Return counts as one line in CloudWatch's embedded metric format.

    Args:
        totals: the counts, by the metric's name.
        namespace: the CloudWatch namespace.
        service: the value of the dimension ``service``.
    """
    directive = {
        "Namespace": namespace,
        "Dimensions": [["service"]],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in totals],
    }
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": about, "service": service, **totals})


def audit(
    event: str,
    *,
    outcome: str,
    source: str = "",
    version: str = "",
    began: float | None = None,
    who: str = "",
    **facts: str | int | float,
) -> None:
    """Write one audit event: something that was done with a credential, and never its value.

    Args:
        event: what was done, such as ``credential.fetch`` or ``rotation.finish``.
        outcome: ``success``, or the code of the failure.
        source: where the credential is kept, such as ``secrets-manager``.
        version: the source's identifier of the version in question.
        began: when it began by ``time.perf_counter()``; the event then says how long it took.
        who: who did it; by default this Lambda function, or ``local``.
        facts: what else belongs to it: identifiers and numbers.
    """
    fields: dict[str, str | int | float] = {
        "event": event,
        "who": who or os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
        "outcome": outcome,
    }
    if source:
        fields["source"] = source
    if version:
        fields["version"] = version
    if began is not None:
        fields["milliseconds"] = round((time.perf_counter() - began) * 1000, 1)
    logger.log(AUDIT, "Audit", extra={"audit": {**fields, **facts}})


def describe(failure: BaseException) -> list[str]:
    """Describe a failure for the log by its types alone: a text from outside could quote anything.

    Args:
        failure: what was raised.

    Returns:
        The type of each exception of the chain, innermost last.
    """
    chain: list[str] = []
    link: BaseException | None = failure
    while link is not None and len(chain) < 5:
        chain.append(f"{type(link).__module__}.{type(link).__qualname__}")
        link = link.__cause__
    return chain
