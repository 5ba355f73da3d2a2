"""The way to a Vault or OpenBao server: what is asked of it, and one answer at a time."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import hvac
import requests
from hvac.adapters import RawAdapter
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from travel_gpt.errors import CredentialsUnavailable, Misconfigured
from travel_gpt.redaction import redact
from travel_gpt.settings import VaultSettings

TIMEOUT: Final = (1, 2)
"""Seconds to connect, and to wait for an answer."""

# A connection that slept in a frozen Lambda environment is dead when it is used next.
_RETRIES: Final = Retry(
    total=1,
    backoff_factor=0,
    status_forcelist=(500, 502, 503, 504),
    allowed_methods={"GET"},
    raise_on_status=False,
    respect_retry_after_header=False,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered."""

    status: int
    document: dict[str, Any] = field(repr=False)

    @property
    def is_outage(self) -> bool:
        """Whether it is no word on the secret: redirects of a standby node, quotas, failures."""
        return 300 <= self.status < 400 or self.status in (408, 412, 429, 472, 473) or self.status >= 500

    @property
    def says(self) -> str:
        """The server's own words, for the operator's log."""
        errors = self.document.get("errors")
        words = "; ".join(str(error) for error in errors) if isinstance(errors, list) else ""
        if 300 <= self.status < 400:
            words = "it redirects to another host, which is not followed: is VAULT_ADDR a standby node's?"
        return redact(words)[:300] or f"HTTP {self.status}"

    def part(self, *names: str) -> dict[str, Any]:
        """Return an object inside the answer, by the names that lead to it; an empty one for none."""
        found: object = self.document
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}


class VaultServer:
    """One server. The client is made at the first question, so that nothing at import depends on it.

    Args:
        settings: the settings.
        environment: the environment variables, with ``VAULT_CACERT``.
    """

    def __init__(self, settings: VaultSettings, environment: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._environment = environment
        self._made: hvac.Client | None = None

    def read(self, token: str, version: int | None) -> Reply:
        """Ask for the secret.

        Args:
            token: the token to ask with.
            version: the version; None for the current one.

        Returns:
            The answer, whatever its status.

        Raises:
            Misconfigured: a setting keeps the server from being asked.
            CredentialsUnavailable: it cannot be reached, or what answers is none.
        """
        client = self._client()
        client.token = token
        return _reply_of(
            lambda: client.secrets.kv.v2.read_secret_version(
                path=self._settings.vault_path,
                version=version,
                mount_point=self._settings.vault_mount,
                raise_on_deleted_version=True,
            )
        )

    def log_in(self, method: str, credentials: Mapping[str, str]) -> Reply:
        """Ask for a token.

        Args:
            method: where the auth method is mounted.
            credentials: the parameters of the method.

        Returns:
            The answer, whatever its status.

        Raises:
            Misconfigured: a setting keeps the server from being asked.
            CredentialsUnavailable: it cannot be reached, or what answers is none.
        """
        client = self._client()
        client.token = ""
        return _reply_of(lambda: client.adapter.post(f"/v1/auth/{method}/login", json=dict(credentials)))

    def _client(self) -> hvac.Client:
        if self._made is None:
            client = hvac.Client(  # type: ignore[no-untyped-call] # hvac publishes no types
                url=self._settings.vault_addr,
                # None would have hvac look into the home folder for one.
                token="",
                namespace=self._settings.vault_namespace or None,
                verify=self._environment.get("VAULT_CACERT") or True,
                timeout=TIMEOUT,
                # requests would send the token along, wherever it is led.
                allow_redirects=False,
                adapter=RawAdapter,
                # Its exceptions do not tell one status above 500 from another.
                ignore_exceptions=True,
            )
            for scheme in ("https://", "http://"):
                client.session.mount(scheme, HTTPAdapter(max_retries=_RETRIES))
            # Otherwise requests adds what the netrc file of the user holds for the host, or for any.
            client.session.auth = _unchanged
            if self._settings.vault_addr.startswith("http://"):
                # This machine's: a proxy would see the token.
                client.session.trust_env = False
            self._made = client
        return self._made


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _reply_of(ask: Callable[[], requests.Response]) -> Reply:
    # What requests raises holds the request, and that the token: none of it is chained.
    try:
        response = ask()
        if 300 <= response.status_code < 400:
            return Reply(response.status_code, {})
        document = response.json()
    except requests.exceptions.JSONDecodeError:
        document = None
    except requests.RequestException as failure:
        if isinstance(failure, ValueError):
            raise Misconfigured(
                f"Vault cannot be asked at this address or through this proxy ({type(failure).__name__})",
                message="VAULT_ADDR or a proxy variable is not a URL.",
            ) from None
        raise CredentialsUnavailable(f"Vault cannot be reached ({type(failure).__name__})") from None
    except OSError:
        raise Misconfigured(
            "the file of VAULT_CACERT, VAULT_CLIENT_CERT or VAULT_CLIENT_KEY is not there",
            message="VAULT_CACERT, VAULT_CLIENT_CERT or VAULT_CLIENT_KEY is not a file's path.",
        ) from None
    # A proxy's page or a network's sign-in is no word of the owner's: a good key must outlive it.
    if not isinstance(document, dict) or not document.keys() & {"errors", "data", "auth"}:
        raise CredentialsUnavailable(f"what answered is not Vault (HTTP {response.status_code})")
    return Reply(response.status_code, document)
