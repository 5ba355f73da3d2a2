"""The health check: the mode, whether there is a usable credential, and how the last query ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

from travel_gpt.advisor.adviser import Adviser
from travel_gpt.api import responses
from travel_gpt.api.request import Request, Verify
from travel_gpt.base_url import is_loopback, is_openai
from travel_gpt.credentials.secret import Credential
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    CredentialError,
    InvalidParameter,
    TravelGPTError,
    UpstreamError,
    UpstreamTimeout,
)
from travel_gpt.llm.deferred_client import DeferredClient
from travel_gpt.settings import Settings
from travel_gpt.telemetry import describe

VERIFICATION_TTL: Final = 60
"""Seconds for which the result of one verification answers every request for one."""

VERIFY_TIMEOUT: Final = 10.0
"""Seconds that a verification may take."""

DEMO_MODEL: Final = "travel-gpt-demo"
"""The model's name at the demo server of `make run`. Loopback reaches no server on Lambda, so no deployed
function can report the demo by mistake."""

_CONFIGURED: Final = "OpenAI API key is configured"
_NO_KEY: Final[dict[responses.Mode, str]] = {
    "openai": "No OpenAI API key is configured: the secret holds a placeholder",
    "compatible": "No API key is configured: the model server is called without one",
    "demo": "No OpenAI API key is configured: the built-in demo model answers",
    "keyless": "No OpenAI API key is stored: the function authenticates with its own identity",
}


@dataclass(frozen=True, slots=True)
class CredentialStatus:
    """What a credential means for the caller of GET."""

    mode: responses.Mode
    """Which model server answers, and how the function authenticates to it."""
    has_api_key: bool
    """Whether the credential is an API key, and not an identity or a placeholder."""

    @property
    def message(self) -> str:
        """The message of a GET that found this credential usable."""
        return _CONFIGURED if self.has_api_key else _NO_KEY[self.mode]


@dataclass(frozen=True, slots=True)
class _Verification:
    credential: Credential
    at: float
    failure: TravelGPTError | None


class Health:
    """Answers GET, and verifies the credential where that is asked for.

    Args:
        settings: the settings.
        session: the credential.
        client: gives what calls the model's server.
        adviser: knows how the last query ended.
        identity: returns the health of the function's own identity, which can be verified while another
            credential is in use; None where no identity is set up.
        now: the wall clock, in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        session: CredentialSession,
        client: DeferredClient,
        adviser: Adviser,
        *,
        identity: "Callable[[], Health] | None" = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._session = session
        self._client = client
        self._adviser = adviser
        self._identity = identity
        self._now = now
        self._last: _Verification | None = None
        self._lock = Lock()

    def check(self, verify: Verify, request: Request) -> responses.Reply:
        """Report whether there is a usable credential, and a client to use it with.

        Args:
            verify: what to verify with a call to the model's server.
            request: the request.

        Returns:
            The response. The failure to verify an identity is in it, since it is no failure of the API.

        Raises:
            TravelGPTError: there is no usable credential, or it could not be verified, or no client.
        """
        self._client.get()
        if verify is Verify.IDENTITY:
            return self._check_identity(request)
        if verify is Verify.CREDENTIAL:
            credential = self.verify(request.deadline)
        else:
            credential = self.require_credential(request.deadline)
        return responses.Reply(
            responses.healthy(
                status_of(credential, self._settings),
                source=self._session.source_name,
                verified=verify is Verify.CREDENTIAL,
                last_call=self._adviser.last_call,
                warnings=self._session.warnings(),
                request_id=request.id,
            ),
            {"credential_version": credential.version},
        )

    def require_credential(self, deadline: Deadline) -> Credential:
        """Return the credential in use.

        Args:
            deadline: when it must be here.

        Raises:
            CredentialError: there is none, or the server refused it when it was last used.
        """
        credential = self._session.current(deadline)
        if self._session.is_rejected(credential):
            raise self._session.refusal(
                credential, "the server refused this credential when it was last used"
            )
        return credential

    def failed(self, failure: TravelGPTError, request: Request) -> responses.ProxyResponse:
        """Return the response of a GET that failed, with what is known of the credential nevertheless."""
        credential = self._session.usable
        return responses.unhealthy(
            failure,
            status_of(credential, self._settings) if credential is not None else None,
            source=self._session.source_name,
            last_call=self._adviser.last_call,
            request_id=request.id,
        )

    def verify(self, deadline: Deadline) -> Credential:
        """Verify the credential with one call that lists the models.

        The result, good or bad, is shared for a minute, and one call is under way at most, so that requests
        to verify put no load on the model's server. A credential that replaced the verified one is verified
        anew.

        Args:
            deadline: when the result must be ready.

        Returns:
            The credential that the server accepted.

        Raises:
            CredentialError: there is no usable credential.
            UpstreamError: the model's server failed, so nothing is verified.
        """
        if not self._lock.acquire(timeout=deadline.left()):
            raise UpstreamTimeout("another request's verification did not end in time")
        try:
            credential, last = self._session.current(deadline), self._last
            if (
                last is None
                or last.credential != credential
                or not 0 <= self._now() - last.at < VERIFICATION_TTL
            ):
                last = self._last = self._verify_now(credential, deadline.within(VERIFY_TIMEOUT))
                credential = last.credential
        finally:
            self._lock.release()
        if last.failure is not None:
            raise last.failure.again()
        return credential

    def _check_identity(self, request: Request) -> responses.Reply:
        if self._identity is None:
            raise InvalidParameter(
                "no workload identity is set up",
                message="OPENAI_IDENTITY_PROVIDER_ID and OPENAI_SERVICE_ACCOUNT_ID must be set to try "
                "workload-identity.",
            )
        source, status = "workload-identity", CredentialStatus("keyless", has_api_key=False)
        try:
            self._identity().verify(request.deadline)
        except (CredentialError, UpstreamError) as failure:
            return responses.Reply(
                responses.unhealthy(failure, status, source=source, request_id=request.id),
                {"code": failure.code, "detail": failure.detail, "exceptions": describe(failure)},
            )
        return responses.Reply(responses.healthy(status, source=source, verified=True, request_id=request.id))

    def _verify_now(self, credential: Credential, deadline: Deadline) -> _Verification:
        used, failure = credential, None

        def call(candidate: Credential) -> None:
            nonlocal used
            used = candidate
            self._client.get().verify(candidate, deadline)

        try:
            self._session.use(call, deadline, first=credential)
        except TravelGPTError as found:
            failure = found
        return _Verification(used, self._now(), failure)


def status_of(credential: Credential, settings: Settings) -> CredentialStatus:
    """Describe a credential without its value.

    Args:
        credential: the credential in use.
        settings: the settings, for what the credential leaves open.

    Returns:
        The mode, and whether there is an API key.
    """
    mode = _mode(credential, settings)
    return CredentialStatus(mode, mode in ("openai", "compatible") and not credential.placeholder)


def _mode(credential: Credential, settings: Settings) -> responses.Mode:
    if credential.identity is not None:
        return "keyless"
    base_url = credential.base_url or settings.base_url
    if is_loopback(base_url) and (credential.model or settings.model) == DEMO_MODEL:
        return "demo"
    return "openai" if is_openai(base_url) else "compatible"
