"""The logger, the metrics and the audit events: made once, imported everywhere."""

import logging
import os
import time
from typing import Final

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from travel_gpt.redaction import redact
from travel_gpt.settings import Settings

# At DEBUG these write what they receive, and one of them receives the secret. A function whose log level is
# set in the Lambda console lowers the root logger, so theirs are pinned by name.
_TALKATIVE: Final = ("boto3", "botocore", "urllib3", "openai", "httpx2", "httpcore2")


AUDIT: Final = 60
"""The level of an audit event: above all others, so that no LOG_LEVEL drops it."""

logging.addLevelName(AUDIT, "AUDIT")


class RedactingFormatter(LambdaPowertoolsFormatter):
    """Powertools' JSON, with credentials masked in whatever a line came to hold."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON without credentials."""
        # Half of a surrogate pair, as a server's cut text ends in, would keep the line from being written.
        return redact(super().format(record)).encode("utf-8", "replace").decode()


_settings: Final = Settings.load(os.environ)

logger: Final = Logger(
    service=_settings.service,
    level=_settings.log_level,
    logger_formatter=RedactingFormatter(),
)
_metrics: Final = Metrics(service=_settings.service, namespace=_settings.metrics_namespace)

# Lambda's own handler on the root logger would write each line again, and not mask it.
logging.getLogger(_settings.service).propagate = False

# The OpenAI SDK's own switch: at "debug" it would write whole queries. It is read when the SDK is imported.
os.environ.pop("OPENAI_LOG", None)

for _name in _TALKATIVE:
    logging.getLogger(_name).setLevel(logging.WARNING)


def count(name: str, amount: int = 1) -> None:
    """Add to a metric of this invocation.

    Args:
        name: the metric's name, such as ``CredentialFailure``.
        amount: what to add.
    """
    _metrics.add_metric(name=name, unit=MetricUnit.Count, value=amount)


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
    described: dict[str, str | int | float] = {
        "event": event,
        "who": who or os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
        "outcome": outcome,
    }
    if source:
        described["source"] = source
    if version:
        described["version"] = version
    if began is not None:
        described["milliseconds"] = round((time.perf_counter() - began) * 1000, 1)
    logging.getLogger(_settings.service).log(AUDIT, "Audit", extra={"audit": {**described, **facts}})


def flush_metrics() -> None:
    """Write the invocation's metrics to the log, where CloudWatch finds them (embedded metric format)."""
    # Powertools warns when there are none, which is the ordinary case.
    if _metrics.metric_set:
        _metrics.flush_metrics()


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
