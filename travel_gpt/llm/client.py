"""The way to the model's server: one connection pool for the life of the environment."""

import random
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import httpx2
import openai

from travel_gpt.base_url import is_openai
from travel_gpt.credentials.advice import not_permitted_message
from travel_gpt.credentials.credential import Credential, WorkloadIdentity
from travel_gpt.deadline import Deadline
from travel_gpt.errors import NotPermitted, TravelGPTError, UpstreamFailed
from travel_gpt.llm.capabilities import ServerCapabilities
from travel_gpt.llm.errors import (
    is_failed_exchange,
    map_openai_error,
    may_pass,
    require_no_error,
    retry_after,
)
from travel_gpt.llm.model_apis import MODEL_APIS, Answer, ModelApi, Question
from travel_gpt.redaction import guard
from travel_gpt.settings import Settings

if TYPE_CHECKING:
    from openai.auth import SubjectTokenWorkloadIdentity

T = TypeVar("T")

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for a connection; a server that is there takes a fraction of one."""

MAX_RETRY_DELAY: Final = 1.0
"""Seconds between two tries at most: a server that asks for longer gets its way through the caller."""

MIN_TRY_SECONDS: Final = 1.0
"""Seconds that must be left after a pause for another try to make sense."""

TRIAL_QUERY: Final = "Answer with the word ok."

TRIAL_TOKENS: Final = 256
"""Output tokens that such an answer may cost: room for a model that thinks before it answers."""


class ModelClient:
    """Calls to the model's server, bounded by a deadline, tried again where that can help.

    The SDK's own retries are off: it would sleep out any Retry-After, and repeat an exhausted quota.

    Args:
        settings: which server, model and wire, unless the credential says otherwise.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # A redirect would take the query to a server that nobody configured.
        self._http = openai.DefaultHttpxClient(
            follow_redirects=False, event_hooks={"request": [_guard_bearer]}
        )
        self._made_for: Credential | None = None
        self._made: openai.OpenAI | None = None
        self._dialects: dict[tuple[str, str], ServerCapabilities] = {}

    def ask(self, query: str, credential: Credential, deadline: Deadline) -> Answer:
        """Ask the model.

        Args:
            query: what the traveller wrote.
            credential: the key to use, and where it belongs.
            deadline: when the answer must be here.

        Returns:
            The model's answer.

        Raises:
            KeyRefused: the server answered 401.
            TravelGPTError: any other failure, in the project's terms.
        """
        wire = MODEL_APIS[credential.api or self._settings.api]
        question = self._question(query, credential, self._settings.max_output_tokens)
        return wire.read(self._post(wire, question, credential, deadline), question)

    def try_model(self, credential: Credential, deadline: Deadline) -> None:
        """Prove that a key may ask the model, with a short query to the API in use, whose answer is not read.

        Listing the models needs another permission than asking one. This call costs a few tokens.

        Args:
            credential: the key to prove.
            deadline: when the answer must be here.

        Raises:
            KeyRefused: the server answered 401.
            TravelGPTError: any other failure, in the project's terms.
        """
        wire = MODEL_APIS[credential.api or self._settings.api]
        self._post(wire, self._question(TRIAL_QUERY, credential, TRIAL_TOKENS), credential, deadline)

    def list_models(self, credential: Credential, deadline: Deadline) -> None:
        """Prove a key with the one call that costs nothing.

        Args:
            credential: the key to prove.
            deadline: when the answer must be here.

        Raises:
            KeyRefused: the server answered 401.
            TravelGPTError: any other failure, in the project's terms.
        """
        reply = self._call(
            lambda client, timeout: client.get("/models", cast_to=object, options={"timeout": timeout}),
            credential,
            deadline,
        )
        require_no_error(reply, (credential.base_url or self._settings.base_url) + "/models")

    def close(self) -> None:
        """Close the connections; whoever waits for an answer gets UpstreamFailed."""
        self._http.close()

    def _call(
        self,
        call: Callable[[openai.OpenAI, openai.Timeout], T],
        credential: Credential,
        deadline: Deadline,
        dialect: ServerCapabilities | None = None,
    ) -> T:
        client = self._client(credential)
        tried = 0
        while True:
            timeout = openai.Timeout(deadline.left(), connect=min(CONNECT_TIMEOUT, deadline.left()))
            try:
                return deadline.run(partial(call, client, timeout))
            except Exception as caught:  # noqa: BLE001 - a broken reply makes more than the SDK's own exceptions
                failure = caught
            if credential.identity and isinstance(failure, TimeoutError | openai.APITimeoutError):
                # An exchange of tokens that hangs would hold all that follow: the next one begins its own.
                self._made = None
            meaning = map_openai_error(failure)
            # A refusal with a meaning of its own, such as a full context, may name a parameter in passing.
            if dialect is not None and type(meaning) is UpstreamFailed and dialect.learn(failure):
                continue
            pause = _pause_before_another_try(failure, tried) if may_pass(failure, meaning) else None
            last = tried == self._settings.max_retries
            if last or pause is None or deadline.left() < pause + MIN_TRY_SECONDS:
                # Not chained: the text of a 401 quotes a part of the key.
                raise _worded(meaning, credential.base_url or self._settings.base_url)
            tried += 1
            time.sleep(pause)

    def _question(self, query: str, credential: Credential, max_output_tokens: int) -> Question:
        model = credential.model or self._settings.model
        return Question(
            query=query,
            model=model,
            max_output_tokens=max_output_tokens,
            reasoning_effort=self._settings.reasoning_effort,
            dialect=self._dialect(credential.base_url or self._settings.base_url, model),
        )

    def _post(self, wire: ModelApi, question: Question, credential: Credential, deadline: Deadline) -> object:
        def call(client: openai.OpenAI, timeout: openai.Timeout) -> object:
            # Half the time of client.responses.create(), which checks what is known to be right here. And as
            # plain JSON: the first Response that the SDK builds has pydantic make the schemas of all its
            # unions, a tenth of a cold start, and checks nothing.
            return client.post(
                wire.path, cast_to=object, body=wire.body(question), options={"timeout": timeout}
            )

        reply = self._call(call, credential, deadline, question.dialect)
        require_no_error(reply, (credential.base_url or self._settings.base_url) + wire.path)
        return reply

    def _dialect(self, base_url: str, model: str) -> ServerCapabilities:
        return self._dialects.setdefault((base_url, model), ServerCapabilities(at_openai=is_openai(base_url)))

    def _client(self, credential: Credential) -> openai.OpenAI:
        # Local names: another thread may replace both between two looks.
        made, made_for = self._made, self._made_for
        if made is None or made_for != credential:
            made = openai.OpenAI(
                api_key=None if credential.identity else credential.key.reveal(),
                workload_identity=_exchanged(credential.identity) if credential.identity else None,
                base_url=credential.base_url or self._settings.base_url,
                organization=credential.organization,
                project=credential.project,
                max_retries=0,
                http_client=self._http,
            )
            self._made, self._made_for = made, credential
        return made


def _exchanged(identity: WorkloadIdentity) -> "SubjectTokenWorkloadIdentity":
    """Write an identity as the SDK takes it, which exchanges its proof for a token and keeps that."""
    return {
        "identity_provider_id": identity.provider_id,
        "service_account_id": identity.service_account_id,
        "provider": {"token_type": "jwt", "get_token": identity.proof},
    }


def _worded(failure: TravelGPTError, base_url: str) -> TravelGPTError:
    """Name the server that does not permit a call; of a refused key the cache knows where it is kept."""
    if isinstance(failure, NotPermitted):
        failure.message = not_permitted_message(base_url)
    return failure


def _guard_bearer(request: httpx2.Request) -> None:
    # A token that the SDK exchanged is seen nowhere else before it could reach a log.
    guard(request.headers.get("Authorization", "").removeprefix("Bearer "))


def _pause_before_another_try(failure: Exception, tried: int) -> float | None:
    """Return the seconds to wait before another try; None where it cannot help."""
    if isinstance(failure, openai.APITimeoutError):
        # The time is spent, and the first answer may still be on its way to the bill.
        return None
    if isinstance(failure, openai.APIConnectionError) or is_failed_exchange(failure):
        asked = None
    elif isinstance(failure, openai.APIStatusError) and (
        failure.status_code == 409 or failure.status_code >= 500
    ):
        asked = retry_after(failure)
    else:
        return None
    if asked is not None:
        return asked if asked <= MAX_RETRY_DELAY else None
    # Spread out, so that the requests which failed together do not come back together.
    return min(MAX_RETRY_DELAY, random.uniform(0.5, 1.0) * 0.25 * 2.0**tried)  # noqa: S311 - no secret
