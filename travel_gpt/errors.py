"""One tree of failures, and one table from failure to HTTP status.

::

    TravelGPTError
    ├── RequestError                 the caller can mend it
    │   ├── InvalidJson
    │   ├── InvalidQuery
    │   ├── InvalidParameter
    │   ├── Forbidden
    │   ├── NotFound
    │   ├── MethodNotAllowed
    │   ├── PayloadTooLarge
    │   └── UnsupportedMediaType
    ├── CredentialError              the owner can mend it: no usable credential
    │   ├── SecretNotFound
    │   │   └── SecretDeleted
    │   ├── AccessDenied
    │   ├── InvalidSecret
    │   ├── CredentialsUnavailable
    │   ├── CredentialRejected
    │   │   ├── KeyRefused
    │   │   └── NotPermitted
    │   ├── CredentialExpired
    │   └── Misconfigured
    ├── UpstreamError                OpenAI, or the way to it
    │   ├── UpstreamFailed
    │   ├── UpstreamTimeout
    │   ├── UpstreamUnreachable
    │   ├── UpstreamNotFound
    │   ├── UpstreamApiUnsupported
    │   ├── UpstreamRateLimited
    │   ├── QuotaExhausted
    │   ├── ModelUnavailable
    │   ├── ContextLengthExceeded
    │   ├── RequestTooLarge
    │   └── ContentRefused
    └── InternalError                a mistake of ours
"""

from typing import ClassVar, Final, Self


class TravelGPTError(Exception):
    """A failure that Travel GPT knows.

    Args:
        detail: what happened, for the operator's log. Never a credential.
        message: what to tell the caller instead of the class's own message.
        retry_after: seconds after which another try may succeed, where that is known.
        upstream_status: the HTTP status that the model's server answered with, where it answered.
    """

    code: ClassVar[str]
    message: str
    advice: ClassVar[str]
    """What the caller can do. It and ``remedy`` are for docs/errors.md."""
    remedy: ClassVar[str]
    """What the owner can do, and where to look."""

    def __init__(
        self,
        detail: str = "",
        *,
        message: str | None = None,
        retry_after: int | None = None,
        upstream_status: int | None = None,
    ) -> None:
        super().__init__(detail or message or self.message)
        self.detail = detail
        if message is not None:
            self.message = message
        self.retry_after = retry_after
        self.upstream_status = upstream_status

    def again(self) -> Self:
        """Return the same failure anew, for another request: an exception carries one traceback."""
        return type(self)(
            self.detail,
            message=self.message,
            retry_after=self.retry_after,
            upstream_status=self.upstream_status,
        )


class RequestError(TravelGPTError):
    """A request that cannot be answered as it is: the caller can mend it."""

    advice = "Change the request as the message says. The same request again gets the same answer."
    remedy = "Nothing. It is for the caller to correct."


class InvalidJson(RequestError):
    """The body is not a JSON object."""

    code = "invalid_json"
    message = 'The body must be a JSON object, such as {"query": "Three days in Lisbon in May?"}.'


class InvalidQuery(RequestError):
    """The JSON has no usable ``query``."""

    code = "invalid_query"
    message = '"query" must be a text of 1 to 4,000 characters.'


class InvalidParameter(RequestError):
    """A query parameter of GET has a value that it cannot have."""

    code = "invalid_parameter"
    message = 'The query parameter "verify" must be true or false, given once.'


class Forbidden(RequestError):
    """API Gateway did not authenticate the caller."""

    code = "forbidden"
    message = (
        "This API needs a key: send it in the header x-api-key. The owner reads it with: "
        "aws apigateway get-api-key --api-key API_KEY_ID --include-value --query value --output text"
    )
    advice = "Ask the owner for the API key and send it in the header `x-api-key`."
    remedy = (
        "Give the caller the key. Where a right key is refused, look whether it is enabled and in the usage "
        "plan. Where the function's log has this code, API Gateway asked for no key: deploy again."
    )


class NotFound(RequestError):
    """No such path."""

    code = "not_found"
    message = "There is nothing here: the path is /travel-gpt."


class MethodNotAllowed(RequestError):
    """A method other than GET and POST."""

    code = "method_not_allowed"
    message = "Use GET for the health check or POST with a query."


class PayloadTooLarge(RequestError):
    """The body is over the limit."""

    code = "payload_too_large"
    message = "The body may have 32 KiB at most."


class UnsupportedMediaType(RequestError):
    """The body is not declared as JSON in UTF-8."""

    code = "unsupported_media_type"
    message = "Send JSON: add the header Content-Type: application/json."


class CredentialError(TravelGPTError):
    """No usable credential for OpenAI: the owner can mend it."""

    advice = "Tell the owner. Trying again helps only when the owner has fixed it."


class SecretNotFound(CredentialError):
    """The secret does not exist, or is scheduled for deletion."""

    code = "secret_not_found"
    message = "The secret with the OpenAI key does not exist. The owner can create it with ./deploy.sh."
    remedy = (
        "Run `./deploy.sh`: it creates the secret, or restores it while it is scheduled for deletion. "
        "If it is there, compare its name and region with `OPENAI_SECRET_NAME` and the stack's region. "
        "With another `CREDENTIAL_SOURCE` the message names the place of the key."
    )


class SecretDeleted(SecretNotFound):
    """The secret is scheduled for deletion. That was on purpose, so no other source replaces it."""


class AccessDenied(CredentialError):
    """The function's role may not read the secret, or not use its KMS key."""

    code = "access_denied"
    message = (
        "The function may not read the secret with the OpenAI key. Its owner should check the role's policy."
    )
    remedy = (
        "Look first whether the secret exists under exactly this name. Then read `detail` in the log: AWS "
        "names the role, the action and the resource. Look at the role's policy, at the secret's own, and at "
        "its KMS key if it has one of its own."
    )


class InvalidSecret(CredentialError):
    """The secret holds no readable key."""

    code = "invalid_secret"
    message = (
        'The secret is not a key and not valid JSON with "api_key". '
        "The owner can replace it with ./deploy.sh --replace-key."
    )
    remedy = (
        'Read `detail` in the log: it says what is wrong. Then store `{"api_key":"…"}` or the bare key, '
        "with `./deploy.sh --replace-key` or by hand; with another `CREDENTIAL_SOURCE`, at the place that "
        "the message names."
    )


class CredentialsUnavailable(CredentialError):
    """Secrets Manager is throttled, slow or unreachable, and no good key is left."""

    code = "credentials_unavailable"
    message = "The OpenAI key cannot be fetched right now. Try again in a moment."
    advice = "Try again: after the time in `Retry-After` where there is one, else after a few seconds."
    remedy = (
        "Wait: it is fetched again after 5 s at most. If it stays, read `detail` in the log and look at "
        "AWS's health page. If it says throttled, something in this account and region calls Secrets Manager "
        "too often."
    )


class CredentialRejected(CredentialError):
    """OpenAI, or the server that is configured instead, refuses the key."""

    code = "credential_rejected"
    message = "OpenAI refused the configured key. The owner should replace it with ./deploy.sh --replace-key."
    remedy = (
        "Do what the message says: it fits the place of the key and the server. For OpenAI and a deployed "
        "stack, replace the key with `./deploy.sh --replace-key`. Where the message speaks of permissions, "
        "give the key those instead. Where it names another server, check that the key is for it."
    )


class KeyRefused(CredentialRejected):
    """The model's server answered 401: another version of the key may be valid, so it is fetched again."""


class NotPermitted(CredentialRejected):
    """The key is valid and lacks a permission. Another version of it has the same permissions."""


class CredentialExpired(CredentialError):
    """The key's ``expires_at`` has passed, and the deployment refuses expired keys."""

    code = "credential_expired"
    message = 'The configured key has expired: the time in "expires_at" beside it has passed.'
    remedy = (
        "Store a new key as the message says; for a deployed stack, with `./deploy.sh --replace-key`. "
        'Where the key is still valid and the time is wrong, write the right "expires_at" into the secret. '
        "`CredentialExpiry` (`CREDENTIAL_EXPIRY`) set to `warn` uses expired keys meanwhile."
    )


class Misconfigured(CredentialError):
    """A setting is wrong; the message names it."""

    code = "misconfigured"
    message = "A setting of this deployment is wrong."
    remedy = "Set right what the message names (docs/settings.md says what it may be) and deploy again."


class UpstreamError(TravelGPTError):
    """The model's server failed, or the way to it."""


class UpstreamFailed(UpstreamError):
    """A 5xx, a connection that was cut, a request that the server refused, or a reply that cannot be read."""

    code = "upstream_error"
    message = "The model did not give a usable answer. Try again."
    advice = (
        "Do what the message says. Where it says to try again: after the time in `Retry-After` where there "
        "is one, else after a few seconds."
    )
    remedy = (
        "Read `detail` in the log and look at the provider's status page. With a server of your own, "
        "check `OPENAI_BASE_URL`, `OPENAI_API` and the server's log."
    )


class UpstreamUnreachable(UpstreamError):
    """No connection to the model's server: refused, no route, unknown name, or a certificate not trusted."""

    code = "upstream_unreachable"
    message = (
        "The model's server cannot be reached. The owner should check that the server runs and that "
        "OPENAI_BASE_URL is right."
    )
    advice = "Tell the owner. Trying again helps only when the server can be reached again."
    remedy = (
        "Read `detail` in the log: it names the host and the cause. Check that the server runs, "
        "`OPENAI_BASE_URL` and the `base_url` in the secret; in a VPC, that its subnets have a route to the "
        "internet (a NAT gateway)."
    )


class UpstreamNotFound(UpstreamError):
    """The model's server has no such path: the base URL is wrong."""

    code = "upstream_not_found"
    message = (
        "The model's server does not have the path that was asked for. The owner should check "
        "OPENAI_BASE_URL: most servers' ends in /v1."
    )
    advice = "Tell the owner. Waiting does not help."
    remedy = (
        "Read `detail` in the log: it has the whole URL that was asked for. Correct `OPENAI_BASE_URL`, or "
        "the `base_url` in the secret. `?verify=true` asks for `/models`, which some servers do not have."
    )


class UpstreamApiUnsupported(UpstreamError):
    """The model's server does not have the Responses API: it speaks Chat Completions only."""

    code = "upstream_api_unsupported"
    message = (
        "The model's server does not have the Responses API. The owner should set OPENAI_API=chat; if that "
        "fails as well, OPENAI_BASE_URL is wrong."
    )
    advice = "Tell the owner. Waiting does not help."
    remedy = (
        "Set `OPENAI_API=chat`, or `api` to `chat` in the secret (`./deploy.sh --parameter OpenAIApi=chat`). "
        "If that fails with `upstream_not_found`, correct `OPENAI_BASE_URL`."
    )


class UpstreamTimeout(UpstreamError):
    """The model did not answer before the deadline."""

    code = "upstream_timeout"
    message = "The model took too long to answer. Try again, or ask for less at once."
    advice = "Ask for less at once, or try again."
    remedy = (
        "If it is frequent, lower `OPENAI_MAX_OUTPUT_TOKENS` or `OPENAI_REASONING_EFFORT`, or take a faster "
        "model. `make run` gives a slow one more time with `ANSWER_WITHIN_SECONDS`."
    )


class UpstreamRateLimited(UpstreamError):
    """OpenAI's rate limit."""

    code = "upstream_rate_limited"
    message = "The model is asked too often right now. Try again after the time in Retry-After."
    advice = "Wait for the seconds in `Retry-After`, then try again."
    remedy = "Raise the limits of the OpenAI project, or lower `ThrottleRate` and `ThrottleBurst`."


class QuotaExhausted(UpstreamError):
    """The OpenAI account has no credit left."""

    code = "quota_exhausted"
    message = "The OpenAI account behind this API has no credit left. Its owner should check the billing."
    advice = "Tell the owner. Waiting does not help."
    remedy = "Add credit, or raise the budget of the OpenAI project."


class ModelUnavailable(UpstreamError):
    """The model does not exist, or the key may not use it."""

    code = "model_unavailable"
    message = "The configured model cannot be used with this key. The owner should check OPENAI_MODEL."
    advice = "Tell the owner. Waiting does not help."
    remedy = "Check `OPENAI_MODEL`, the `model` in the secret, and which models the key's project may use."


class ContextLengthExceeded(UpstreamError):
    """The query and the longest answer do not fit into the model's context window."""

    code = "context_length_exceeded"
    message = (
        "The query is too long for the configured model. Ask in fewer words; if a short query fails as well, "
        "tell the owner."
    )
    advice = "Ask in fewer words. The same query again gets the same answer."
    remedy = (
        "Take a model with a larger context window, or raise the window of a server of your own; lower "
        "`OPENAI_MAX_OUTPUT_TOKENS` where the server counts it in."
    )


class RequestTooLarge(UpstreamError):
    """The request alone is over a limit of the model's server, so that waiting does not help."""

    code = "request_too_large"
    message = (
        "The request is larger than the model's server lets through at once. Ask in fewer words; if a short "
        "query fails as well, tell the owner."
    )
    advice = "Ask in fewer words. The same query again gets the same answer, however long you wait."
    remedy = (
        "Read `detail` in the log: it says which limit. Lower `OPENAI_MAX_OUTPUT_TOKENS`, which counts "
        "against the limit of tokens per minute, or have the limit of the OpenAI project raised."
    )


class ContentRefused(UpstreamError):
    """The model or its provider refuses to answer this query."""

    code = "content_refused"
    message = "The model declined to answer this query. Ask about travel in other words."
    advice = "Ask in other words. The same query again will most likely be refused again."
    remedy = "Nothing, unless ordinary travel queries get it: then try another model."


class InternalError(TravelGPTError):
    """A mistake of ours."""

    code = "internal_error"
    message = "Something went wrong here. Try again; if it stays, give the owner the request_id."
    advice = "Try again. If it stays, give the owner the `request_id`."
    remedy = (
        "Search the log for the `request_id`: the traceback is there, and it is a bug to report. Where there "
        "is none, the function crashed, ran out of time or could not be called: look at the lines around it."
    )


HTTP_STATUS: Final[dict[type[TravelGPTError], int]] = {
    InvalidJson: 400,
    InvalidQuery: 400,
    InvalidParameter: 400,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    PayloadTooLarge: 413,
    UnsupportedMediaType: 415,
    ContentRefused: 422,
    ContextLengthExceeded: 422,
    RequestTooLarge: 422,
    UpstreamRateLimited: 429,
    InternalError: 500,
    CredentialRejected: 502,
    ModelUnavailable: 502,
    UpstreamApiUnsupported: 502,
    UpstreamFailed: 502,
    UpstreamNotFound: 502,
    UpstreamUnreachable: 502,
    AccessDenied: 503,
    CredentialExpired: 503,
    CredentialsUnavailable: 503,
    InvalidSecret: 503,
    Misconfigured: 503,
    QuotaExhausted: 503,
    SecretNotFound: 503,
    UpstreamTimeout: 504,
}
