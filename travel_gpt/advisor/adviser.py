"""What is done with a working key: answering a query, and proving the key."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final, TypeVar

from travel_gpt.advisor.prompts import INSTRUCTIONS
from travel_gpt.credentials.cache import CredentialCache
from travel_gpt.credentials.credential import Credential
from travel_gpt.deadline import Deadline
from travel_gpt.errors import CredentialRejected, KeyRefused, TravelGPTError, UpstreamTimeout
from travel_gpt.llm.client import ModelClient
from travel_gpt.llm.model_api import Answer, Prompt

T = TypeVar("T")

VERIFICATION_TTL: Final = 60
"""Seconds that the result of one proof serves everybody who asks."""

VERIFY_TIMEOUT: Final = 10.0
"""Seconds that a proof may take."""


@dataclass(frozen=True, slots=True)
class LastCall:
    """How the last query to the model ended."""

    outcome: str
    """``success``, or the code of the failure."""
    seconds_ago: float
    """How long ago it ended; never negative, also where the clock was set back."""


class Adviser:
    """Answers queries, and proves the key.

    Args:
        credentials: where the key comes from.
        upstream: the way to the model's server.
        now: the wall clock, in seconds.
    """

    def __init__(
        self, credentials: CredentialCache, upstream: ModelClient, *, now: Callable[[], float] = time.time
    ) -> None:
        self._credentials = credentials
        self._upstream = upstream
        self._now = now
        self._proof: _Proof | None = None
        self._last_outcome: tuple[str, float] | None = None
        self._proving = Lock()

    @property
    def last_call(self) -> LastCall | None:
        """The last query that was sent to the model; None before the first one."""
        if (last := self._last_outcome) is None:
            return None
        outcome, at = last
        return LastCall(outcome, max(0.0, self._now() - at))

    def answer(self, query: str, deadline: Deadline) -> Answer:
        """Answer a query.

        Args:
            query: what the traveller wrote.
            deadline: when the answer must be here.

        Returns:
            The model's answer.

        Raises:
            CredentialError: there is no usable key.
            UpstreamError: the model's server failed.
        """

        def ask(credential: Credential) -> Answer:
            try:
                answer = self._upstream.ask(Prompt(INSTRUCTIONS, query), credential, deadline)
            except TravelGPTError as failure:
                self._last_outcome = (failure.code, self._now())
                raise
            self._last_outcome = ("success", self._now())
            return answer

        return self._with_a_working_key(ask, deadline)

    def prove_key(self, deadline: Deadline) -> None:
        """Prove the key with one models call.

        The result, good or bad, is shared for a minute and one call is under way at most, so that nobody can
        turn this into load. A key that replaced the proven one is proven anew.

        Args:
            deadline: when the answer must be here.

        Raises:
            CredentialError: there is no usable key.
            UpstreamError: the model's server failed, so nothing is proven.
        """
        if not self._proving.acquire(timeout=deadline.left()):
            raise UpstreamTimeout("another request's proof did not end in time")
        try:
            credential = self._credentials.current(deadline)
            proof = self._proof
            if proof is None or proof.of != credential or not 0 <= self._now() - proof.at < VERIFICATION_TTL:
                proof = self._proof = self._prove(credential, deadline.within(VERIFY_TIMEOUT))
        finally:
            self._proving.release()
        if proof.failure is not None:
            raise proof.failure.again()

    def _prove(self, credential: Credential, deadline: Deadline) -> "_Proof":
        used = credential

        def call(candidate: Credential) -> None:
            nonlocal used
            used = candidate
            self._upstream.verify(candidate, deadline)

        failure: TravelGPTError | None = None
        try:
            self._with_a_working_key(call, deadline)
        except TravelGPTError as found:
            failure = found
        return _Proof(used, self._now(), failure)

    def _with_a_working_key(self, use: Callable[[Credential], T], deadline: Deadline) -> T:
        credential = self._credentials.current(deadline)
        # The cached one, the fresh one and the one before that.
        for _ in range(3):
            try:
                result = use(credential)
            except KeyRefused as refused:
                credential = self._after_rejection(credential, refused, deadline)
            else:
                self._credentials.accepted(credential)
                return result
        raise self._credentials.refusal(credential, "the server refused three keys, one after the other")

    def _after_rejection(self, rejected: Credential, refused: KeyRefused, deadline: Deadline) -> Credential:
        try:
            return self._credentials.after_rejection(rejected, deadline)
        except CredentialRejected as failure:
            failure.upstream_status = refused.upstream_status
            raise


@dataclass(frozen=True, slots=True)
class _Proof:
    of: Credential
    at: float
    failure: TravelGPTError | None
