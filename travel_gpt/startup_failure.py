"""The API of a function that could not start: it answers with the cause, instead of crashing each time."""

import json
import os
import time
import traceback
from collections.abc import Mapping
from typing import Any

from travel_gpt.api.request import Context, Request
from travel_gpt.api.responses import ProxyResponse, failed, unhealthy
from travel_gpt.errors import Misconfigured, not_started
from travel_gpt.redaction import redact


class StartupFailure:
    """Answers every request with 503 ``misconfigured``.

    It uses nothing that could be what did not start: no library, no logger.

    Args:
        failure: what the start raised.
    """

    def __init__(self, failure: Exception) -> None:
        self._failure = not_started(failure)
        self._log("The function could not start", detail="".join(traceback.format_exception(failure)))

    def answer(self, event: Mapping[str, Any], context: Context) -> ProxyResponse:
        """Answer one request.

        Args:
            event: API Gateway's proxy event.
            context: Lambda's context.

        Returns:
            API Gateway's proxy response.
        """
        request = Request.of(event, context)
        self._log("Answered a request", request_id=request.id, code=Misconfigured.code)
        self._count_failure()
        failure = self._failure.again()
        if request.method == "GET":
            return unhealthy(failure, None, request_id=request.id)
        return failed(failure, request_id=request.id)

    def _count_failure(self) -> None:
        # The metric of the alarm on credentials, in CloudWatch's embedded metric format.
        service = os.environ.get("POWERTOOLS_SERVICE_NAME", "travel-gpt")
        metric = {
            "Namespace": os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "TravelGPT"),
            "Dimensions": [["service"]],
            "Metrics": [{"Name": "CredentialFailure", "Unit": "Count"}],
        }
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}
        self._print({"_aws": about, "service": service, "CredentialFailure": 1})

    def _log(self, message: str, **fields: str) -> None:
        self._print({"level": "CRITICAL", "message": message, **fields})

    def _print(self, line: Mapping[str, Any]) -> None:
        print(redact(json.dumps(line)), flush=True)  # noqa: T201 - Lambda logs standard output
