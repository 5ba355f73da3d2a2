"""What a refusal of a model's server means: OpenAI's, and those of servers that are compatible with it.

The rules are applied in their order; the first that returns an error decides. "openai/…" and other names with
slashes are lines of recorded answers: service, operation and case.
"""

import re
from dataclasses import dataclass
from typing import Final

from travel_gpt.base_url import is_openai
from travel_gpt.errors import (
    ContentRefused,
    ContextLengthExceeded,
    CredentialRejected,
    KeyRefused,
    ModelUnavailable,
    NotPermitted,
    QuotaExhausted,
    RequestTooLarge,
    TravelGPTError,
    UpstreamApiUnsupported,
    UpstreamFailed,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from travel_gpt.llm.error_body import ErrorBody, read_error_body
from travel_gpt.redaction import redact

_CONTENT: Final = (
    "content_filter",
    "content_policy",
    "moderation",
    "invalid_prompt",
    "safety",
    "bio_policy",
)

# OpenAI's error codes guide, "429"; the four codes of 2026 as Microsoft Learn lists them in "OpenAI
# insufficient_quota and credit_balance_exhausted". budget_exceeded: litellm/…/429-budget-exceeded.
_NO_CREDIT: Final = (
    "insufficient_quota",
    "credit_balance_exhausted",
    "spend_limit_exceeded",
    "usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
    "budget_exceeded",
)
_NO_CREDIT_TEXT: Final = re.compile(r"exceeded your current quota|exceeded budget|budget has been exceeded")
# Gemini says "You exceeded your current quota … Please retry in 17.3s." for a limit per minute
# (continuedev/continue issue 11926).
_PASSES: Final = re.compile(r"(retry|try again) in \d")

_KEY_TEXT: Final = re.compile(r"(not valid|invalid|incorrect).*\bapi key|\bapi key.*(not valid|invalid)")

# Each server has its own words for it: openai, vllm, ollama, llama.cpp, litellm/…/400-context-length.
_CONTEXT_TEXT: Final = re.compile(r"context[ _-]?(length|window|size|limit)")
_CONTEXT_CODES: Final = ("context_length_exceeded", "exceed_context_size")

_MODEL: Final = re.compile(r"(?<!/)\bmodel\b")
_MODEL_MISSING: Final = re.compile(
    r"not found|not exist|no such|unknown|invalid|access|not (available|supported|loaded|allowed)"
)
# A 400 may mention the model for another reason, so only these statements about it count.
_MODEL_400: Final = re.compile(
    r"invalid model name|(unknown|no such) model|not a valid model|\bmodel\b[^.]{0,80}\b(not found|not exist)"
)

_NO_SUCH_PATH: Final = re.compile(r"^(invalid url|unexpected endpoint|404 page not found)")

_DEFAULT_RETRY_AFTER: Final = 5

_REFUSED_AS_SENT: Final = (
    "The model's server refused the request as it was sent. Tell the owner: the same request again gets the "
    "same answer."
)
_REGION: Final = (
    "The model's server does not serve the country or region that this API calls from. The owner should "
    "deploy it to another region, or use another server."
)
_CREDENTIAL_OF_THE_SERVER: Final = (
    "The model's server answered, and its own credential for the model's provider was refused. The owner "
    "should correct the configuration of that server."
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that a server answered."""

    status: int
    error: ErrorBody
    url: str
    """The URL of the request."""
    retry_after: int | None = None
    """Seconds that the server asks to wait."""
    prefix: str = ""
    """What the detail begins with; by default, that the server answered with the status."""

    @property
    def lists_models(self) -> bool:
        """Whether the request was for the list of models, which has no query."""
        return self.url.endswith("/models")

    @property
    def detail(self) -> str:
        """One line for the log: the status, and the cause in the server's words, without credentials."""
        error = self.error
        cause = redact(" ".join(filter(None, (error.code, error.type, error.message))))
        return f"{self.summary}: {cause}" if cause else self.summary

    @property
    def summary(self) -> str:
        """The line without the server's words: those of a 401 quote a part of the key."""
        return self.prefix or f"the server answered {self.status}"


def meaning_of(refusal: Refusal) -> TravelGPTError:
    """Return what a refusal means.

    Args:
        refusal: what the server answered.

    Returns:
        The error. Its detail quotes the server only where that cannot hold a
        credential, and masked even then.
    """
    for rule in _RULES:
        if (meaning := rule(refusal)) is not None:
            break
    else:
        meaning = UpstreamFailed(refusal.detail, message=_REFUSED_AS_SENT)
    meaning.upstream_status = refusal.status
    return meaning


def meaning_of_error_in_200(
    error: object, url: str = "", *, status: int = 200, prefix: str = "the server answered 200 with an error"
) -> TravelGPTError:
    """Return what an error means that came with HTTP status 200: as the reply, in a Response or in a stream.

    Args:
        error: the error, or the whole reply.
        url: the URL of the request.
        status: the HTTP status that the error stands for, where its code does not say.
        prefix: what the detail begins with.
    """
    body = read_error_body(error)
    if body.code.isdecimal() and len(body.code) == 3:
        status = int(body.code)
    elif "rate_limit" in body.codes:
        status = 429
    elif "invalid_request" in body.codes:
        # groq/POST /v1/chat/completions stream/stream-error-mid.
        status = 400
    return meaning_of(Refusal(status, body, url, prefix=prefix))


def _missing_permission(refusal: Refusal) -> TravelGPTError | None:
    if refusal.status in (401, 403) and refusal.error.names_missing_scope:
        return NotPermitted(f"{refusal.summary}: the key lacks a permission")
    return None


def _credential_of_the_server(refusal: Refusal) -> TravelGPTError | None:
    # litellm/POST /v1/responses/401-upstream-identity-failed, litellm/…/403-upstream-permission.
    if re.match(r"litellm\.(authentication|permissiondenied)error", refusal.error.text):
        return CredentialRejected(
            f"{refusal.summary}: its provider refuses the server's own credential",
            message=_CREDENTIAL_OF_THE_SERVER,
        )
    return None


def _refused_key(refusal: Refusal) -> TravelGPTError | None:
    status, error = refusal.status, refusal.error
    # xai/POST /v1/responses/400-invalid-key. LiteLLM without a database answers any key but its master key
    # with 400 and the type no_db_connection (tests/integration/test_compatible_servers.py).
    by_message = status in (400, 403) and _KEY_TEXT.search(error.text)
    if status == 401 or by_message or error.type == "no_db_connection":
        return KeyRefused(f"{refusal.summary}: it refuses the key")
    return None


def _refused_query(refusal: Refusal) -> TravelGPTError | None:
    if refusal.lists_models:
        return None
    status, error = refusal.status, refusal.error
    if any(sign in error.codes for sign in _CONTENT):
        return ContentRefused(refusal.detail)
    by_code = any(sign in error.codes for sign in _CONTEXT_CODES)
    if by_code or (status in (400, 413, 422, 500) and _names_full_context(error)):
        return ContextLengthExceeded(refusal.detail)
    # openai/…/429-request-too-large: the status, type and code of a rate limit, but waiting does not help.
    if status == 413 or (status == 429 and "request too large" in error.text):
        return RequestTooLarge(refusal.detail)
    return None


def _names_full_context(error: ErrorBody) -> bool:
    return "contextwindowexceeded" in error.text or bool(_CONTEXT_TEXT.search(error.text))


def _no_credit(refusal: Refusal) -> TravelGPTError | None:
    status, error = refusal.status, refusal.error
    by_message = (
        status in (400, 429) and _NO_CREDIT_TEXT.search(error.text) and not _PASSES.search(error.text)
    )
    if status == 402 or by_message or any(sign in error.codes for sign in _NO_CREDIT):
        return QuotaExhausted(refusal.detail)
    return None


def _unavailable_model(refusal: Refusal) -> TravelGPTError | None:
    status, error = refusal.status, refusal.error
    by_field = "model_not_found" in error.codes or (status in (400, 404) and error.param == "model")
    by_message = status in (403, 404) and _MODEL.search(error.text) and _MODEL_MISSING.search(error.text)
    if by_field or by_message or (status == 400 and _MODEL_400.search(error.text)):
        return ModelUnavailable(refusal.detail)
    return None


def _wrong_address(refusal: Refusal) -> TravelGPTError | None:
    status = refusal.status
    # LM Studio answers it with status 200 (lmstudio-bug-tracker issue 618).
    absent = status in (404, 405, 501) or _NO_SUCH_PATH.search(refusal.error.text)
    if absent and refusal.url.endswith("/responses") and not is_openai(refusal.url):
        return UpstreamApiUnsupported(
            f"{refusal.detail} ({redact(refusal.url)}): OPENAI_API=chat may be needed"
        )
    if absent or 300 <= status < 400:
        return UpstreamNotFound(f"{refusal.detail} ({redact(refusal.url)})")
    return None


def _forbidden(refusal: Refusal) -> TravelGPTError | None:
    if refusal.status != 403:
        return None
    # openai/POST /v1/chat/completions/403-country.
    if "unsupported_country" in refusal.error.codes:
        return CredentialRejected(refusal.detail, message=_REGION)
    return NotPermitted(refusal.detail)


def _temporary_failure(refusal: Refusal) -> TravelGPTError | None:
    if refusal.status == 429:
        return UpstreamRateLimited(refusal.detail, retry_after=refusal.retry_after or _DEFAULT_RETRY_AFTER)
    if refusal.status == 408:
        return UpstreamTimeout(refusal.detail)
    if refusal.status == 409 or refusal.status >= 500:
        return UpstreamFailed(refusal.detail, retry_after=refusal.retry_after)
    return None


_RULES: Final = (
    _missing_permission,
    _credential_of_the_server,
    _refused_key,
    _refused_query,
    _no_credit,
    _unavailable_model,
    _wrong_address,
    _forbidden,
    _temporary_failure,
)
