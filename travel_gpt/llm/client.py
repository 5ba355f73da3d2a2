"""The client of the model's server, with one connection pool for the life of the environment."""

import time
from collections.abc import Callable, Generator, Mapping
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

import httpx2
import openai

from travel_gpt.base_url import is_openai, is_openai_region
from travel_gpt.credentials.advice import not_permitted_message
from travel_gpt.credentials.secret import Credential, WorkloadIdentity
from travel_gpt.deadline import Deadline
from travel_gpt.errors import NotPermitted, TravelGPTError, UpstreamFailed
from travel_gpt.llm.capabilities import ServerCapabilities
from travel_gpt.llm.chat_api import ChatApi
from travel_gpt.llm.error_body import RESULTS, is_error
from travel_gpt.llm.errors import (
    cannot_be_charged,
    map_openai_error,
    may_pass,
    retry_delay,
)
from travel_gpt.llm.model_api import Answer, Meter, ModelApi, ModelRequest, Prompt
from travel_gpt.llm.refusals import meaning_of_error_in_200
from travel_gpt.llm.responses_api import ResponsesApi, objects_in, text_in
from travel_gpt.redaction import guard
from travel_gpt.settings import Settings

if TYPE_CHECKING:
    from openai.auth import SubjectTokenWorkloadIdentity

    from travel_gpt.llm.stream_connections import StreamConnections
    from travel_gpt.llm.streaming import StreamControl

T = TypeVar("T")
NewHttp = Callable[..., httpx2.Client]

MODEL_APIS: Final[Mapping[str, ModelApi]] = {"responses": ResponsesApi(), "chat": ChatApi()}
"""By the value of OPENAI_API."""

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for a connection; a server that can be reached takes a fraction of one."""

MIN_TRY_SECONDS: Final = 1.0
"""Seconds that must be left after the delay for another try."""

VERIFICATION_PROMPT: Final = Prompt("Answer with one word.", "Answer with the word ok.")

VERIFICATION_TOKENS: Final = 256
"""Output tokens that such an answer may cost: enough for a model that reasons first."""


class Connection:
    """The SDK's client, with a pool of connections of its own.

    Args:
        new_http: makes the HTTP client, of these event hooks.
    """

    def __init__(self, new_http: NewHttp) -> None:
        self._http = new_http(event_hooks={"request": [_guard_bearer, self._prepare]})
        self._made_for: Credential | None = None
        self._made: openai.OpenAI | None = None

    def client(self, credential: Credential, base_url: str) -> openai.OpenAI:
        """Return the SDK's client for a credential.

        Args:
            credential: the key to use.
            base_url: where the server is.
        """
        # Local names: another thread may replace both between two reads.
        made, made_for = self._made, self._made_for
        if made is None or made_for != credential:
            made = openai.OpenAI(
                api_key=None if credential.identity else credential.key.reveal(),
                workload_identity=_exchanged(credential.identity) if credential.identity else None,
                base_url=base_url,
                organization=credential.organization,
                project=credential.project,
                max_retries=0,
                http_client=self._http,
            )
            self._made, self._made_for = made, credential
        return made

    def served_another_than(self, credential: Credential) -> bool:
        """Return whether it served another credential, which may be for another server."""
        return self._made_for not in (None, credential)

    def renew(self) -> None:
        """Have the next call make another client: one that exchanges a token keeps others waiting."""
        self._made = None

    def close(self) -> None:
        """Close the connections that are not in use, and those in use as soon as they are noticed."""
        self._http.close()

    def _prepare(self, request: httpx2.Request) -> None:
        """Change a request before it is sent: here nothing."""


class ModelClient:
    """Calls to the model's server, bounded by a deadline and repeated where that can help.

    The SDK's own retries are off: it would wait for any Retry-After, and repeat an exhausted quota.

    Args:
        settings: which server, model and API, unless the credential says otherwise.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # A redirect would take the query to a server that is not configured. To read the certificates takes
        # longer than all else here.
        self._new_http = partial(
            openai.DefaultHttpxClient, follow_redirects=False, verify=httpx2.create_ssl_context()
        )
        self._connection = Connection(self._new_http)
        self._lock = Lock()
        self._made_streams: StreamConnections | None = None
        self._servers: dict[tuple[str, str], tuple[ServerCapabilities, tuple[str, ...]]] = {}

    def ask(
        self, prompt: Prompt, credential: Credential, deadline: Deadline, meter: Meter | None = None
    ) -> Answer:
        """Ask the model.

        Args:
            prompt: what to ask.
            credential: the key to use, and the server that it is for.
            deadline: when the answer must be here.
            meter: counts what each try may cost, and what the answer cost.

        Returns:
            The model's answer.

        Raises:
            KeyRefused: the server answered 401.
            TravelGPTError: any other failure, in the project's terms.
        """
        api = self._api(credential)
        request = self._request(prompt, credential, self._cap(prompt))
        reply = self._post(api, request, credential, deadline, meter)
        if meter is not None:
            meter.settle(api.usage(reply))
        return api.read(reply, request.model)

    def stream(
        self,
        prompt: Prompt,
        credential: Credential,
        deadline: Deadline,
        control: "StreamControl",
        meter: Meter | None = None,
    ) -> Generator[str | Answer]:
        """Ask the model, and read its answer while it arrives.

        Nothing is sent before the first piece is asked for. Failures are tried again only until the server's
        response begins: what it has begun may be charged. Closing the generator closes the connection.

        Args:
            prompt: what to ask.
            credential: the key to use, and the server that it is for.
            deadline: when the response must have begun. After that only ``control`` bounds it.
            control: lets other threads end the call, and see when the server's last event came.
            meter: counts what each try may cost, and what the answer cost.

        Yields:
            The pieces of the answer's text, without credentials, then the answer.

        Raises:
            KeyRefused: the server answered 401.
            TravelGPTError: any other failure, in the project's terms.
        """
        from travel_gpt.llm.streaming import read_stream

        api = self._api(credential)
        request = self._request(prompt, credential, self._cap(prompt))
        control.model = request.model

        def begin(client: openai.OpenAI, timeout: openai.Timeout) -> openai.Stream[object]:
            # As plain JSON: the first event that the SDK builds of a Response takes half a second.
            return client.post(
                api.path,
                cast_to=object,
                body=api.body(request, stream=True),
                options={"timeout": timeout},
                stream=True,
                stream_cls=openai.Stream[object],
            )

        def before_try() -> None:
            control.require_open()
            if meter is not None:
                meter.reserve(request)
                # The table may have taken its time.
                control.require_open()

        not_charged = meter.not_charged if meter is not None else _ignore
        settle = meter.settle if meter is not None else _ignore
        with self._streams.lend(credential, control) as connection:
            events = self._call(begin, credential, deadline, request, before_try, not_charged, connection)
            try:
                yield from read_stream(events, api, request, control, settle)
            except Exception as caught:  # noqa: BLE001 - as in _call
                failure = caught
            else:
                return
            raise self._meaning(failure, credential)

    def note_schema_ignored(self, credential: Credential) -> None:
        """Note that an answer does not follow the schema of its prompt, though the server accepted that.

        Later calls of this server and model carry the schema in words too.

        Args:
            credential: what the answer was asked with.
        """
        capabilities, _ = self._server(credential)
        capabilities.note_schema_ignored()

    def verify(self, credential: Credential, deadline: Deadline) -> frozenset[str]:
        """Verify a key with the one call that costs nothing: it lists the models.

        Args:
            credential: the key to verify.
            deadline: when the answer must be here.

        Returns:
            The names of the models that the key may use, as far as the server lists them.

        Raises:
            KeyRefused: the server answered 401.
            TravelGPTError: any other failure, in the project's terms.
        """
        reply = self._call(
            lambda client, timeout: client.get("/models", cast_to=object, options={"timeout": timeout}),
            credential,
            deadline,
        )
        self._require_no_error(reply, credential, "/models")
        listed = objects_in(reply, "data") if isinstance(reply, dict) else []
        return frozenset(text_in(model, "id") for model in listed)

    def verify_by_asking(self, credential: Credential, deadline: Deadline) -> None:
        """Verify that a key may ask the model, with a short query whose answer is not read.

        Listing the models needs another permission than asking one. This call costs a few tokens.

        Args:
            credential: the key to verify.
            deadline: when the answer must be here.

        Raises:
            KeyRefused: the server answered 401.
            TravelGPTError: any other failure, in the project's terms.
        """
        request = self._request(VERIFICATION_PROMPT, credential, VERIFICATION_TOKENS)
        self._post(self._api(credential), request, credential, deadline)

    def close(self) -> None:
        """Close the connections; a call that is under way fails with UpstreamFailed."""
        self._connection.close()
        if self._made_streams is not None:
            self._made_streams.close()

    @property
    def _streams(self) -> "StreamConnections":
        # Not at the start: the function that does not stream needs none.
        from travel_gpt.llm.stream_connections import StreamConnections

        with self._lock:
            if self._made_streams is None:
                self._made_streams = StreamConnections(self._new_http)
            return self._made_streams

    def _call(
        self,
        call: Callable[[openai.OpenAI, openai.Timeout], T],
        credential: Credential,
        deadline: Deadline,
        request: ModelRequest | None = None,
        before_try: Callable[[], None] = lambda: None,
        not_charged: Callable[[], None] = lambda: None,
        connection: Connection | None = None,
    ) -> T:
        connection = connection or self._connection
        client = connection.client(credential, self._base_url(credential))
        retries = 0
        while True:
            before_try()
            sent = request.structured if request is not None else None
            timeout = openai.Timeout(deadline.left(), connect=min(CONNECT_TIMEOUT, deadline.left()))
            try:
                return deadline.run(partial(call, client, timeout))
            except Exception as caught:  # noqa: BLE001 - a broken reply makes more than the SDK's own exceptions
                failure = caught
            if credential.identity and isinstance(failure, TimeoutError | openai.APITimeoutError):
                # The SDK makes later calls wait for an exchange of tokens that hangs: a new client does not.
                connection.renew()
            meaning = self._meaning(failure, credential)
            # A refusal with a meaning of its own, such as a full context, may name a parameter in passing.
            learned = (
                request is not None
                and type(meaning) is UpstreamFailed
                and request.capabilities.learn(failure, sent)
            )
            if learned or cannot_be_charged(failure, meaning):
                not_charged()
            if learned:
                continue
            delay = retry_delay(failure, meaning, retries) if may_pass(failure, meaning) else None
            last = retries == self._settings.max_retries
            if last or delay is None or deadline.left() < delay + MIN_TRY_SECONDS:
                # Not chained: the text of a 401 quotes a part of the key.
                raise meaning
            retries += 1
            time.sleep(delay)

    def _meaning(self, failure: Exception, credential: Credential) -> TravelGPTError:
        meaning = map_openai_error(failure)
        if isinstance(meaning, NotPermitted):
            meaning.message = not_permitted_message(self._base_url(credential))
        return meaning

    def _post(
        self,
        api: ModelApi,
        request: ModelRequest,
        credential: Credential,
        deadline: Deadline,
        meter: Meter | None = None,
    ) -> object:
        def call(client: openai.OpenAI, timeout: openai.Timeout) -> object:
            # Half the time of client.responses.create(), which checks what is known to be right here. And as
            # plain JSON: the first Response that the SDK builds has pydantic make the schemas of all its
            # unions, a tenth of a cold start, and checks nothing.
            return client.post(api.path, cast_to=object, body=api.body(request), options={"timeout": timeout})

        metered = (partial(meter.reserve, request), meter.not_charged) if meter is not None else ()
        reply = self._call(call, credential, deadline, request, *metered)
        self._require_no_error(reply, credential, api.path)
        return reply

    def _require_no_error(self, reply: object, credential: Credential, path: str) -> None:
        if isinstance(reply, dict) and RESULTS.isdisjoint(reply) and is_error(reply):
            raise meaning_of_error_in_200(reply, self._base_url(credential) + path)

    def _api(self, credential: Credential) -> ModelApi:
        return MODEL_APIS[credential.api or self._settings.api]

    def _base_url(self, credential: Credential) -> str:
        return credential.base_url or self._settings.base_url

    def _cap(self, prompt: Prompt) -> int:
        setting = self._settings.max_output_tokens
        if prompt.max_output_tokens is None:
            return setting
        # Reasoning counts as output: without tokens for it, there may be no answer.
        reasoning = 0 if self._settings.reasoning_effort == "none" else setting
        return prompt.max_output_tokens + reasoning

    def _request(self, prompt: Prompt, credential: Credential, max_output_tokens: int) -> ModelRequest:
        model = credential.model or self._settings.model
        effort = self._settings.reasoning_effort
        return ModelRequest(prompt, model, max_output_tokens, effort, *self._server(credential))

    def _server(self, credential: Credential) -> tuple[ServerCapabilities, tuple[str, ...]]:
        """Return what is known of a server and its model, and the names of its surcharges."""
        base_url = self._base_url(credential)
        key = base_url, credential.model or self._settings.model
        return self._servers.get(key) or self._servers.setdefault(
            key,
            (
                ServerCapabilities(at_openai=is_openai(base_url)),
                ("openai-region",) if is_openai_region(base_url) else (),
            ),
        )


def _exchanged(identity: WorkloadIdentity) -> "SubjectTokenWorkloadIdentity":
    """Return an identity as the SDK takes it. The SDK exchanges it for a token, and caches that."""
    return {
        "identity_provider_id": identity.provider_id,
        "service_account_id": identity.service_account_id,
        "provider": {"token_type": "jwt", "get_token": identity.get_token},
    }


def _guard_bearer(request: httpx2.Request) -> None:
    # The only place that sees a token which the SDK exchanged, before it could reach a log.
    guard(request.headers.get("Authorization", "").removeprefix("Bearer "))


def _ignore(*_: object) -> None:
    """Where nothing is counted."""
