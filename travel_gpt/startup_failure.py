"""The API of a function that could not start: it says so, instead of crashing with every request."""

import json
import os
import time
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from travel_gpt.api.headers import STANDING
from travel_gpt.errors import HTTP_STATUS, Misconfigured
from travel_gpt.redaction import redact

if TYPE_CHECKING:
    from travel_gpt.api.responses import ProxyResponse
    from travel_gpt.api.routes import Context


class StartupFailure:
    """Answers every request with 503 ``misconfigured``.

    It uses nothing that could be what did not start: no library, no logger.

    Args:
        failure: what the start raised.
    """

    def __init__(self, failure: Exception) -> None:
        self._kind = type(failure).__name__
        self._say("The function could not start", detail="".join(traceback.format_exception(failure)))

    def answer(self, event: Mapping[str, Any], context: "Context") -> "ProxyResponse":
        """Answer one request.

        Args:
            event: API Gateway's proxy event.
            context: Lambda's context.

        Returns:
            API Gateway's proxy response.
        """
        request_id = (event.get("requestContext") or {}).get("requestId") or context.aws_request_id
        self._say("Answered a request", request_id=request_id, code=Misconfigured.code)
        self._count_failure()
        body: dict[str, Any] = {
            "status": "error",
            "code": Misconfigured.code,
            "message": (
                f"The function could not start ({self._kind}): most likely a variable of its environment has "
                "a value that a library does not take. Its owner finds which in the log."
            ),
            "request_id": request_id,
            "timestamp": int(time.time()),
        }
        if event.get("httpMethod") == "GET":
            body["has_api_key"] = False
        return {
            "statusCode": HTTP_STATUS[Misconfigured],
            "headers": dict(STANDING),
            "body": json.dumps(body),
            "isBase64Encoded": False,
        }

    def _count_failure(self) -> None:
        # What the alarm on credentials watches, in CloudWatch's embedded metric format.
        service = os.environ.get("POWERTOOLS_SERVICE_NAME", "travel-gpt")
        metric = {
            "Namespace": os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "TravelGPT"),
            "Dimensions": [["service"]],
            "Metrics": [{"Name": "CredentialFailure", "Unit": "Count"}],
        }
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}
        line = json.dumps({"_aws": about, "service": service, "CredentialFailure": 1})
        print(redact(line), flush=True)  # noqa: T201 - Lambda takes standard output for the log

    def _say(self, message: str, **facts: str) -> None:
        line = json.dumps({"level": "CRITICAL", "message": message, **facts})
        print(redact(line), flush=True)  # noqa: T201 - Lambda takes standard output for the log
