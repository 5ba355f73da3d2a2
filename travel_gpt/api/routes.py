"""The routes: what is done for which request."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from travel_gpt.advisor.adviser import Adviser
from travel_gpt.api import request as requests, responses
from travel_gpt.api.health import CredentialStatus, status_of
from travel_gpt.api.request import Verify
from travel_gpt.api.responses import ProxyResponse
from travel_gpt.credentials.cache import CredentialCache
from travel_gpt.deadline import Deadline, Invocation
from travel_gpt.errors import (
    CredentialError,
    InternalError,
    InvalidParameter,
    MethodNotAllowed,
    Misconfigured,
    NotFound,
    TravelGPTError,
    UpstreamError,
)
from travel_gpt.guard.access import require_access
from travel_gpt.settings import Settings
from travel_gpt.telemetry import count, describe, flush_metrics, logger

RESOURCE: Final = "/travel-gpt"


class Context(Invocation, Protocol):
    """The part of Lambda's context that is read."""

    @property
    def aws_request_id(self) -> str:
        """The invocation's id."""
        ...


class Api:
    """The HTTP API, from event to response. Nothing that a request can cause escapes it.

    Args:
        settings: the settings; where one is wrong, every answer names it.
        credentials: the key.
        adviser: what answers queries.
        keyless: makes the adviser that would answer them with the role's identity, to try that beforehand;
            None where nothing is set up for it.
    """

    def __init__(
        self,
        settings: Settings,
        credentials: CredentialCache,
        adviser: Adviser,
        keyless: Callable[[], Adviser] | None = None,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._adviser = adviser
        self._keyless = keyless
        self._cold = True

    def answer(self, event: Mapping[str, Any], context: Context) -> ProxyResponse:
        """Answer one request.

        Args:
            event: API Gateway's proxy event.
            context: Lambda's context.

        Returns:
            API Gateway's proxy response, whatever happened.
        """
        began = time.perf_counter()
        request_id = (event.get("requestContext") or {}).get("requestId") or context.aws_request_id
        facts: dict[str, Any] = {"request_id": request_id, "function_request_id": context.aws_request_id}
        try:
            response = self._route(event, Deadline.of(event, context), facts)
        except TravelGPTError as failure:
            response = self._failed(event, failure, facts)
        except Exception as failure:  # noqa: BLE001 - a bare 500 of Lambda's would tell nobody anything
            logger.exception("A mistake of ours", extra=facts)
            response = self._failed(event, InternalError(type(failure).__name__), facts)
        self._log(event, response["statusCode"], time.perf_counter() - began, facts)
        flush_metrics()
        return response

    def _route(self, event: Mapping[str, Any], deadline: Deadline, facts: dict[str, Any]) -> ProxyResponse:
        if event.get("resource") != RESOURCE:
            raise NotFound("no such resource")
        match event.get("httpMethod"):
            case "GET":
                return self._health(event, deadline, facts)
            case "POST":
                return self._advise(event, deadline, facts)
            case _:
                raise MethodNotAllowed

    def _health(self, event: Mapping[str, Any], deadline: Deadline, facts: dict[str, Any]) -> ProxyResponse:
        verify = requests.read_verify(event)
        self._require_settings()
        if verify is Verify.IDENTITY:
            return self._rehearse(deadline, facts)
        if verify is Verify.CREDENTIAL:
            self._adviser.prove_key(deadline)
        credential = self._credentials.current(deadline)
        if verify is Verify.NOTHING and self._credentials.is_rejected(credential):
            raise self._credentials.refusal(
                credential, "the server refused this credential when it was last used"
            )
        return responses.healthy(
            status_of(credential, self._settings),
            source=self._credentials.source_name,
            verified=verify is Verify.CREDENTIAL,
            last_call=self._adviser.last_call,
            warnings=self._credentials.warnings(),
            request_id=facts["request_id"],
        )

    def _rehearse(self, deadline: Deadline, facts: dict[str, Any]) -> ProxyResponse:
        """Prove the keyless credential while another one serves: its failure is no failure of the API."""
        source, request_id = "workload-identity", facts["request_id"]
        if self._keyless is None:
            raise InvalidParameter(
                "no workload identity is set up",
                message="OPENAI_IDENTITY_PROVIDER_ID and OPENAI_SERVICE_ACCOUNT_ID must be set to try "
                "workload-identity.",
            )
        status = CredentialStatus("keyless", has_api_key=False)
        try:
            self._keyless().prove_key(deadline)
        except (CredentialError, UpstreamError) as failure:
            facts.update(code=failure.code, detail=failure.detail, exceptions=describe(failure))
            return responses.unhealthy(failure, status, source=source, request_id=request_id)
        return responses.healthy(status, source=source, verified=True, request_id=request_id)

    def _advise(self, event: Mapping[str, Any], deadline: Deadline, facts: dict[str, Any]) -> ProxyResponse:
        require_access(event, self._settings.api_access)
        query = requests.read_query(event)
        self._require_settings()
        answer = self._adviser.answer(query, deadline)
        facts.update(
            model=answer.model,
            input_tokens=answer.usage.input_tokens,
            output_tokens=answer.usage.output_tokens,
            truncated=answer.truncated,
        )
        return responses.answered(answer, request_id=facts["request_id"])

    def _require_settings(self) -> None:
        if self._settings.problems:
            named = "; ".join(self._settings.problems)
            raise Misconfigured(named, message=f"A setting of this deployment is wrong: {named}.")

    def _failed(
        self, event: Mapping[str, Any], failure: TravelGPTError, facts: dict[str, Any]
    ) -> ProxyResponse:
        if isinstance(failure, CredentialError):
            count("CredentialFailure")
        facts.update(code=failure.code, detail=failure.detail, exceptions=describe(failure))
        if isinstance(failure, UpstreamError) or failure.upstream_status is not None:
            facts["upstream_status"] = failure.upstream_status
        if event.get("resource") == RESOURCE and event.get("httpMethod") == "GET":
            credential = self._credentials.usable
            return responses.unhealthy(
                failure,
                status_of(credential, self._settings) if credential is not None else None,
                source=self._credentials.source_name,
                last_call=self._adviser.last_call,
                request_id=facts["request_id"],
            )
        return responses.failed(failure, request_id=facts["request_id"])

    def _log(self, event: Mapping[str, Any], status: int, seconds: float, facts: Mapping[str, Any]) -> None:
        """Write the one line of this request: what happened, and nothing of what was said."""
        write = logger.error if status >= 500 else logger.info
        if status < 500 and "upstream_status" in facts:
            # A rate limit of the model's server is for its owner to know, at LOG_LEVEL=WARNING too.
            write = logger.warning
        write(
            "Answered a request",
            extra={
                "method": event.get("httpMethod"),
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
                "cold_start": self._cold,
                **facts,
            },
        )
        self._cold = False
