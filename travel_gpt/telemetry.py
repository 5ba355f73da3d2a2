"""Log lines, metrics and audit events.

Importing this configures nothing: an entry point calls ``configure`` once, before it answers anything.
"""

import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from travel_gpt.errors import Paused
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

_metrics: list[Metrics] = []
_answered: list[bool] = []


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
    handler.setFormatter(RedactingFormatter(service=settings.service))
    logger.handlers[:] = [handler]
    logger.setLevel(settings.log_level)
    # Lambda's own handler on the root logger would write each line again, and not mask it.
    logger.propagate = False
    for library in _VERBOSE_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
    # The OpenAI SDK's own switch, read when it is imported: at "debug" it would write whole queries.
    os.environ.pop("OPENAI_LOG", None)
    _answered.clear()
    _metrics[:] = [Metrics(service=settings.service, namespace=settings.metrics_namespace)] if metrics else []
    return handler


class RedactingFormatter(LambdaPowertoolsFormatter):
    """Powertools' JSON, with credentials masked in whatever a line came to hold."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON without credentials."""
        # Half of a surrogate pair, as a server's cut text ends in, would keep the line from being written.
        return redact(super().format(record)).encode("utf-8", "replace").decode()


def log_answer(status: int, seconds: float, fields: Mapping[str, Any], *, failed_as: int = 0) -> None:
    """Write the one line of a request: what happened, and nothing that was said.

    Args:
        status: the status of the response.
        seconds: how long it took.
        fields: further fields; ``code`` is that of a failure.
        failed_as: the status of a failure that came after the response had begun.
    """
    failed_as = failed_as or status
    # A pause is what the owner asked for.
    is_error = failed_as >= 500 and fields.get("code") != Paused.code
    if is_error and failed_as != status:
        # API Gateway counts it as a 200, and Lambda as a success.
        count("StreamFailed")
    write = logger.error if is_error else logger.info
    if failed_as < 500 and "upstream_status" in fields:
        # A rate limit of the model's server is for its owner to know, at LOG_LEVEL=WARNING too.
        write = logger.warning
    first = not _answered
    _answered[:] = [True]
    milliseconds = round(seconds * 1000, 1)
    facts = {"status": status, "milliseconds": milliseconds, "cold_start": first, **fields}
    write("Answered a request", extra=facts)


def count(name: str, amount: int = 1) -> None:
    """Add to a metric of this invocation.

    Args:
        name: the metric's name, such as ``CredentialFailure``.
        amount: what to add.
    """
    for metrics in _metrics:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=amount)


def flush_metrics() -> None:
    """Write the invocation's metrics to the log, where CloudWatch finds them (embedded metric format)."""
    for metrics in _metrics:
        # Powertools warns when there are none, which is the ordinary case.
        if metrics.metric_set:
            metrics.flush_metrics()


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
