"""One tree of failures, and one table from failure to HTTP status.

::

    TravelGPTError
    ├── RequestError                 the caller can fix it
    │   ├── InvalidJson
    │   ├── InvalidQuery
    │   ├── InvalidConstraint
    │   ├── InvalidParameter
    │   ├── InvalidIdempotencyKey
    │   ├── IdempotencyKeyReused
    │   ├── RequestInProgress
    │   ├── Forbidden
    │   ├── SessionRequired
    │   ├── SessionExpired
    │   ├── OriginRefused
    │   ├── InvitationInvalid
    │   ├── NotFound
    │   ├── PageDisabled
    │   ├── MethodNotAllowed
    │   ├── StreamingDisabled
    │   ├── PayloadTooLarge
    │   └── UnsupportedMediaType
    ├── LimitError                   a limit of the client or of the API, or its owner, refuses the request
    │   ├── RateLimited
    │   ├── BudgetExhausted
    │   ├── ClientDisabled
    │   ├── ClientExpired
    │   ├── Paused
    │   └── LimitsUnavailable
    ├── CredentialError              the owner can fix it: no usable credential
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
    ├── UpstreamError                OpenAI, or the connection to it
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
    │   ├── InvalidItinerary
    │   └── ContentRefused
    └── InternalError                a bug
"""

from collections.abc import Mapping
from typing import ClassVar, Final, Self


class TravelGPTError(Exception):
    """The base class of every failure that Travel GPT reports.

    Args:
        detail: the cause, for the operator's log. Never a credential.
        message: the message for the caller, instead of the class's own.
        retry_after: seconds after which another try may succeed, where that is known.
        upstream_status: the HTTP status that the model's server answered with, where it answered.
        headers: further headers of the response.
        log_fields: further fields of the request's log line: identifiers, such as that of the client.
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
        headers: Mapping[str, str] | None = None,
        log_fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or message or self.message)
        self.detail = detail
        if message is not None:
            self.message = message
        self.retry_after = retry_after
        self.upstream_status = upstream_status
        self.headers = dict(headers or {})
        self.log_fields = dict(log_fields or {})

    def again(self) -> Self:
        """Return a copy for another request, because an exception has one traceback, without log fields."""
        return type(self)(
            self.detail,
            message=self.message,
            retry_after=self.retry_after,
            upstream_status=self.upstream_status,
            headers=self.headers,
        )


class RequestError(TravelGPTError):
    """A request that cannot be answered: the caller can fix it."""

    advice = "Change the request as the message says. The same request gets the same answer again."
    remedy = "Nothing: the caller has to correct the request."


class InvalidJson(RequestError):
    """The body is not a JSON object."""

    code = "invalid_json"
    message = 'The body must be a JSON object, such as {"query": "Three days in Lisbon in May?"}.'


class InvalidQuery(RequestError):
    """The JSON has no usable ``query``."""

    code = "invalid_query"
    message = '"query" must be a text of 1 to 4,000 characters.'


class InvalidConstraint(RequestError):
    """A field beside ``query`` has a value that it cannot have."""

    code = "invalid_constraint"
    message = "A field of the request has a value that it cannot have."


class InvalidParameter(RequestError):
    """A query parameter of GET has a value that it cannot have."""

    code = "invalid_parameter"
    message = 'The query parameter "verify" must be true or false, given once.'


class InvalidIdempotencyKey(RequestError):
    """The header Idempotency-Key is malformed."""

    code = "invalid_idempotency_key"
    message = "Idempotency-Key must be 1 to 255 visible ASCII characters, such as a UUID."


class IdempotencyKeyReused(RequestError):
    """The Idempotency-Key came with another query before."""

    code = "idempotency_key_reused"
    message = "This Idempotency-Key was sent with another query before. Send another one for a new query."


class RequestInProgress(RequestError):
    """The first request with the Idempotency-Key is still being answered."""

    code = "request_in_progress"
    message = "The first request with this Idempotency-Key is still being answered. Try again in a moment."
    advice = "Wait for the seconds in `Retry-After`, then send the same request with the same key again."


class Forbidden(RequestError):
    """API Gateway did not authenticate the caller."""

    code = "forbidden"
    message = (
        "This API needs an API key in the header x-api-key. Ask its owner, who creates one with: "
        "travel-gpt client add NAME"
    )
    advice = "Ask the owner for an API key and send it in the header `x-api-key`."
    remedy = (
        "Give the caller a client with `travel-gpt client add NAME`. If its key is refused, look for it with "
        "`travel-gpt client list`, and give it a new one with `travel-gpt client rotate NAME`. If the "
        "function's log has this code, API Gateway asked for no key: deploy again."
    )


class SessionRequired(RequestError):
    """A request of the page came without a session."""

    code = "session_required"
    message = "Open the invitation link that the owner of this page sent you, and accept it in this browser."
    advice = (
        "Accept an invitation on the page, which needs cookies. A program uses an API key and /travel-gpt."
    )
    remedy = "Invite the person with `travel-gpt invite NAME --budget 2/month --expires 30d`."


class SessionExpired(RequestError):
    """The session is unknown, expired, or was ended."""

    code = "session_expired"
    message = "Your session on this page has ended. Ask the owner of the page for another invitation link."
    advice = "Accept another invitation on the page. The question can be sent again after that."
    remedy = (
        "Give the person another link with `travel-gpt invite NAME --again`. A session ends after 90 days, "
        "after 30 days without use, when its person signs out, and when the client is disabled or removed."
    )


class OriginRefused(RequestError):
    """A request with the rights of the page's visitor did not come from the page."""

    code = "origin_refused"
    message = "This request did not come from the page itself. Open the page at its own https address."
    advice = (
        "Use the page at its own address, over https or on localhost. A program uses an API key and "
        "/travel-gpt."
    )
    remedy = (
        "Behind a proxy or with a domain of your own, check that `Host` and `Origin` reach the function as "
        "the browser sends them."
    )


class InvitationInvalid(RequestError):
    """The invitation is unknown, has expired, or was accepted on as many devices as it is for."""

    code = "invitation_invalid"
    message = "This invitation link is not valid. Ask the owner of the page for another one."
    advice = (
        "Compare the link with the one that was sent to you, or ask the owner of the page for another one."
    )
    remedy = "Make another link with `travel-gpt invite NAME --again`; it says for how many devices it is."


class NotFound(RequestError):
    """No such path."""

    code = "not_found"
    message = "There is nothing here: the path is /travel-gpt."


class PageDisabled(RequestError):
    """The owner has not turned the web page on."""

    code = "page_disabled"
    message = "This API has no web page. Its owner can turn it on: ./deploy.sh --parameter WebPage=enabled."
    advice = "Send queries to /travel-gpt with an API key, or ask the owner to turn the page on."
    remedy = "Set `WebPage` to `enabled`: `./deploy.sh --parameter WebPage=enabled`."


class MethodNotAllowed(RequestError):
    """A method other than GET and POST."""

    code = "method_not_allowed"
    message = "Use GET for the health check or POST with a query."


class StreamingDisabled(RequestError):
    """The owner turned streaming off."""

    code = "streaming_disabled"
    message = "This API does not stream. Send the query to /travel-gpt instead."
    remedy = "Set `Streaming` to `on`: `./deploy.sh --parameter Streaming=on`."


class PayloadTooLarge(RequestError):
    """The body is over the limit."""

    code = "payload_too_large"
    message = "The body may have 32 KiB at most."


class UnsupportedMediaType(RequestError):
    """The body is not declared as JSON in UTF-8."""

    code = "unsupported_media_type"
    message = "Send JSON: add the header Content-Type: application/json."


class LimitError(TravelGPTError):
    """A limit of the client or of the API, or its owner, keeps the request from being answered."""

    advice = "Wait for the seconds in `Retry-After`, then try again."


class RateLimited(LimitError):
    """The client sent as many requests as it may."""

    code = "rate_limited"
    message = "Too many requests at once. Try again in a second."
    remedy = (
        "Raise the limits of the client with `travel-gpt client limit`. Where API Gateway refused the "
        "request (its answer has no `timestamp`), raise `ThrottleRate`, `ThrottleBurst` or `DailyQuota`."
    )


class BudgetExhausted(LimitError):
    """What is left of a budget is less than what the query may cost."""

    code = "budget_exhausted"
    message = "The budget is used up."
    remedy = (
        "Raise the budget of the client with `travel-gpt client limit NAME --budget 5/month`, or that of "
        "the API with `BudgetPerDay` and `BudgetPerMonth`. `travel-gpt usage` lists who spent it."
    )


class ClientDisabled(LimitError):
    """The owner disabled the client."""

    code = "client_disabled"
    message = "The owner of this API has disabled your access."
    advice = "Ask the owner of the API. Retrying does not help."
    remedy = "`travel-gpt client enable NAME` lets the client ask again."


class ClientExpired(LimitError):
    """The client's time is over."""

    code = "client_expired"
    message = "Your access to this API has expired. Ask its owner for more time."
    advice = "Ask the owner of the API. Retrying does not help."
    remedy = "`travel-gpt client limit NAME --expires 30d` gives the client more time."


class Paused(LimitError):
    """The owner paused the API."""

    code = "paused"
    message = "The owner of this API has paused it. Try again later."
    advice = "Try again later."
    remedy = "`travel-gpt resume` lets queries through again."


class LimitsUnavailable(LimitError):
    """The table with the limits and the budget cannot be used, and such requests are refused."""

    code = "limits_unavailable"
    message = "The limits of this API cannot be checked right now. Try again in a few seconds."
    remedy = (
        "Read `detail` in the log: DynamoDB is away, throttled, or the role may not use the table. In a "
        "VPC, add a gateway endpoint for DynamoDB. `BudgetWhenUnavailable` and `LimitsWhenUnavailable` "
        "choose what happens meanwhile."
    )


class CredentialError(TravelGPTError):
    """No usable credential for OpenAI: the owner can fix it."""

    advice = "Inform the owner. Retrying helps only after the owner has fixed it."


class SecretNotFound(CredentialError):
    """The secret does not exist, or is scheduled for deletion."""

    code = "secret_not_found"
    message = "The secret with the OpenAI key does not exist. The owner can create it with ./deploy.sh."
    remedy = (
        "Run `./deploy.sh`: it creates the secret, or restores it while it is scheduled for deletion. "
        "If it exists, compare its name and region with `OPENAI_SECRET_NAME` and the stack's region. "
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
        "Check first that the secret exists under exactly this name. Then read `detail` in the log: AWS "
        "names the role, the action and the resource. Check the role's policy, the secret's resource policy, "
        "and its KMS key if it has one of its own."
    )


class InvalidSecret(CredentialError):
    """The secret holds no readable key."""

    code = "invalid_secret"
    message = (
        'The secret is not a key and not valid JSON with "api_key". '
        "The owner can replace it with ./deploy.sh --replace-key."
    )
    remedy = (
        'Read `detail` in the log for the cause. Then store `{"api_key":"…"}` or the bare key, '
        "with `./deploy.sh --replace-key` or by hand; with another `CREDENTIAL_SOURCE`, at the place that "
        "the message names."
    )


class CredentialsUnavailable(CredentialError):
    """Secrets Manager is throttled, slow or unreachable, and no good key is left."""

    code = "credentials_unavailable"
    message = "The OpenAI key cannot be fetched right now. Try again in a moment."
    advice = "Retry after the time in `Retry-After`, or after a few seconds without that header."
    remedy = (
        "Wait: it is fetched again after 5 s at most. If the failure persists, read `detail` in the log and "
        "check AWS's health page. If the calls are throttled, something in this account and region calls "
        "Secrets Manager too often."
    )


class CredentialRejected(CredentialError):
    """OpenAI, or the server that is configured instead, refuses the key."""

    code = "credential_rejected"
    message = "OpenAI refused the configured key. The owner should replace it with ./deploy.sh --replace-key."
    remedy = (
        "Do what the message says; it depends on where the key is stored and on the server. For OpenAI and a "
        "deployed stack, replace the key with `./deploy.sh --replace-key`. If the message names permissions, "
        "give them to the key instead. If it names another server, check that the key is for that server."
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
        'If the key is still valid and the time is wrong, correct "expires_at" in the secret. '
        "`CredentialExpiry` (`CREDENTIAL_EXPIRY`) set to `warn` uses expired keys meanwhile."
    )


class Misconfigured(CredentialError):
    """A setting is wrong; the message names it."""

    code = "misconfigured"
    message = "A setting of this deployment is wrong."
    remedy = "Correct the setting that the message names (see docs/settings.md) and deploy again."


def not_started(failure: Exception) -> Misconfigured:
    """Return the error for a library that could not be imported or set up."""
    kind = type(failure).__name__
    return Misconfigured(
        kind,
        message=f"The function could not start ({kind}): most likely a variable of its environment has a "
        "value that a library does not accept. Its owner finds which in the log.",
    )


class UpstreamError(TravelGPTError):
    """The model's server, or the connection to it, failed."""

    advice = "Inform the owner. Waiting does not help."


class UpstreamFailed(UpstreamError):
    """A 5xx, a connection that was cut, a request that the server refused, or a reply that cannot be read."""

    code = "upstream_error"
    message = "The model did not give a usable answer. Try again."
    advice = (
        "Do what the message says. To try again, wait for the time in `Retry-After`, or for a few seconds "
        "without that header."
    )
    remedy = (
        "Read `detail` in the log and check the provider's status page. With a server of your own, "
        "check `OPENAI_BASE_URL`, `OPENAI_API` and the server's log."
    )


class UpstreamUnreachable(UpstreamError):
    """No connection to the model's server: refused, no route, unknown name, or a certificate not trusted."""

    code = "upstream_unreachable"
    message = (
        "The model's server cannot be reached. The owner should check that the server runs and that "
        "OPENAI_BASE_URL is right."
    )
    advice = "Inform the owner. Retrying helps only after the server can be reached again."
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
    remedy = (
        "Read `detail` in the log: it has the whole URL. Correct `OPENAI_BASE_URL`, or "
        "the `base_url` in the secret. `?verify=true` calls `/models`, which some servers do not have."
    )


class UpstreamApiUnsupported(UpstreamError):
    """The model's server has only Chat Completions, not the Responses API."""

    code = "upstream_api_unsupported"
    message = (
        "The model's server does not have the Responses API. The owner should set OPENAI_API=chat; if that "
        "fails as well, OPENAI_BASE_URL is wrong."
    )
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
        "If it is frequent, lower `OPENAI_MAX_OUTPUT_TOKENS` or `OPENAI_REASONING_EFFORT`, or use a faster "
        "model. With `make run`, `ANSWER_WITHIN_SECONDS` gives a slow model more time."
    )


class UpstreamRateLimited(UpstreamError):
    """OpenAI's rate limit."""

    code = "upstream_rate_limited"
    message = "The model's rate limit is reached. Try again after the time in Retry-After."
    advice = "Wait for the seconds in `Retry-After`, then try again."
    remedy = "Raise the limits of the OpenAI project, or lower `ThrottleRate` and `ThrottleBurst`."


class QuotaExhausted(UpstreamError):
    """The OpenAI account has no credit left."""

    code = "quota_exhausted"
    message = "The OpenAI account behind this API has no credit left. Its owner should check the billing."
    remedy = "Add credit, or raise the spend limit of the OpenAI project."


class ModelUnavailable(UpstreamError):
    """The model does not exist, or the key may not use it."""

    code = "model_unavailable"
    message = "The configured model cannot be used with this key. The owner should check OPENAI_MODEL."
    remedy = "Check `OPENAI_MODEL`, the `model` in the secret, and which models the key's project may use."


class ContextLengthExceeded(UpstreamError):
    """The query and the longest answer do not fit into the model's context window."""

    code = "context_length_exceeded"
    message = (
        "The query is too long for the configured model. Ask in fewer words; if a short query fails as well, "
        "inform the owner."
    )
    advice = "Ask in fewer words. The same query gets the same answer again."
    remedy = (
        "Use a model with a larger context window, or raise the window of a server of your own; lower "
        "`OPENAI_MAX_OUTPUT_TOKENS` if the server counts it."
    )


class RequestTooLarge(UpstreamError):
    """The request alone is over a limit of the model's server, so that waiting does not help."""

    code = "request_too_large"
    message = (
        "The request is larger than the model's server accepts at once. Ask in fewer words; if a short query "
        "fails as well, inform the owner."
    )
    advice = "Ask in fewer words. Waiting does not help."
    remedy = (
        "Read `detail` in the log: it names the limit. Lower `OPENAI_MAX_OUTPUT_TOKENS`, which counts "
        "against the limit of tokens per minute, or raise the limit of the OpenAI project."
    )


class InvalidItinerary(UpstreamError):
    """The model wrote no plan that can be used, asked twice."""

    code = "invalid_itinerary"
    message = (
        "The model did not write a plan that can be used. Try again, ask for fewer days, or leave out "
        '"format" for an answer in prose.'
    )
    advice = "Try again, ask for fewer days, or leave out `format` for an answer in prose."
    remedy = (
        "Read `detail` in the log: it names what was missing. Small models often cannot write the JSON that "
        "is asked for: set `OPENAI_MODEL` to a larger one."
    )


class ContentRefused(UpstreamError):
    """The model or its provider refuses to answer this query."""

    code = "content_refused"
    message = "The model declined to answer this query. Ask about travel in other words."
    advice = "Ask in other words. The same query again will most likely be refused again."
    remedy = "If ordinary travel queries are refused, try another model."


class InternalError(TravelGPTError):
    """A bug in Travel GPT, or a function that crashed."""

    code = "internal_error"
    message = "Something went wrong here. Try again; if it stays, give the owner the request_id."
    advice = "Try again. If it persists, give the owner the `request_id`."
    remedy = (
        "Search the log for the `request_id`: a traceback there is a bug to report. Without one, the "
        "function crashed, ran out of time or could not be invoked: read the lines around it."
    )


HTTP_STATUS: Final[dict[type[TravelGPTError], int]] = {
    InvalidJson: 400,
    InvalidQuery: 400,
    InvalidConstraint: 400,
    InvalidParameter: 400,
    SessionExpired: 401,
    SessionRequired: 401,
    ClientDisabled: 403,
    ClientExpired: 403,
    Forbidden: 403,
    InvitationInvalid: 403,
    OriginRefused: 403,
    NotFound: 404,
    PageDisabled: 404,
    InvalidIdempotencyKey: 400,
    MethodNotAllowed: 405,
    RequestInProgress: 409,
    StreamingDisabled: 409,
    PayloadTooLarge: 413,
    UnsupportedMediaType: 415,
    ContentRefused: 422,
    IdempotencyKeyReused: 422,
    ContextLengthExceeded: 422,
    RequestTooLarge: 422,
    BudgetExhausted: 429,
    RateLimited: 429,
    UpstreamRateLimited: 429,
    InternalError: 500,
    CredentialRejected: 502,
    InvalidItinerary: 502,
    ModelUnavailable: 502,
    UpstreamApiUnsupported: 502,
    UpstreamFailed: 502,
    UpstreamNotFound: 502,
    UpstreamUnreachable: 502,
    AccessDenied: 503,
    CredentialExpired: 503,
    CredentialsUnavailable: 503,
    InvalidSecret: 503,
    LimitsUnavailable: 503,
    Misconfigured: 503,
    Paused: 503,
    QuotaExhausted: 503,
    SecretNotFound: 503,
    UpstreamTimeout: 504,
}
