"""The way to a Vault or OpenBao server: what is asked of it, one answer at a time, and with which token."""

import base64
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import boto3
import hvac
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from hvac.adapters import RawAdapter
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure
from travel_gpt.credentials.secret import Key
from travel_gpt.errors import AccessDenied, CredentialError, CredentialsUnavailable, Misconfigured
from travel_gpt.redaction import guard, redact
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


RENEW_BEFORE: Final = 30
"""Seconds before the end of a token from which it is replaced."""

# What the server passes on to AWS to learn who asks: by default it calls the global endpoint.
# https://developer.hashicorp.com/vault/docs/auth/aws#iam-auth-method
_STS: Final = "https://sts.amazonaws.com/"
_STS_REGION: Final = "us-east-1"
_WHO_AM_I: Final = "Action=GetCallerIdentity&Version=2011-06-15"
_FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"

_NOTHING_TO_SIGN_WITH: Final = "there are no AWS credentials to log in to Vault with"
_NO_AWS: Final = "There are no AWS credentials to log in to Vault with, which VAULT_AUTH=aws asks for."
_REFUSED: Final = (
    "Vault refuses the login of this deployment. Its owner should check VAULT_ROLE and the role."
)


class Tokens(Protocol):
    """Where tokens come from."""

    def current(self, server: VaultServer) -> Key:
        """Return a token to ask with, or raise a CredentialError."""
        ...

    def discard_refused(self) -> bool:
        """Note that the server refused the current token, and tell whether another may be taken."""
        ...


class OwnersToken:
    """The token in ``VAULT_TOKEN``.

    Args:
        environment: the environment variables.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def current(self, _server: VaultServer) -> Key:
        """Return the token.

        Raises:
            Misconfigured: there is none, or it cannot be one.
        """
        text = self._environment.get("VAULT_TOKEN", "").strip()
        guard(text)
        if not text:
            raise Misconfigured("VAULT_TOKEN is not set", message="VAULT_TOKEN is not set.")
        if not re.fullmatch(r"[!-~]{1,4096}", text):
            # requests would quote it.
            raise Misconfigured("VAULT_TOKEN is no token", message="VAULT_TOKEN is no token.")
        return Key(text)

    def discard_refused(self) -> bool:
        """Return False: there is no other token than the configured one."""
        return False


class AwsLogin:
    """Tokens for a signed GetCallerIdentity request, which verifies an IAM role and reveals no key.

    Args:
        settings: the settings.
        now: the wall clock, in seconds: a frozen environment's monotonic clock stands still.
    """

    def __init__(self, settings: VaultSettings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now = now
        self._token: Key | None = None
        self._ends = 0.0
        self._is_new = False

    def current(self, server: VaultServer) -> Key:
        """Return the token of the last login, or log in when it is over.

        Raises:
            AccessDenied: the login is refused, or there are no AWS credentials.
            CredentialsUnavailable: the server, or AWS behind it, is away.
        """
        self._is_new = self._token is None or self._now() >= self._ends
        if self._token is None or self._is_new:
            self._token = self._accept(server.log_in("aws", self._login_request()))
        return self._token

    def discard_refused(self) -> bool:
        """Forget the token, unless it is new: it may have been revoked, or the server have forgotten it."""
        if self._is_new:
            return False
        self._token = None
        return True

    def _accept(self, reply: Reply) -> Key:
        granted = reply.part("auth")
        token, lease = granted.get("client_token"), granted.get("lease_duration")
        if reply.status != 200:
            raise _refusal(reply)
        if not isinstance(token, str) or not token or not isinstance(lease, int):
            raise CredentialsUnavailable("what answered the login is not Vault")
        guard(token)
        # 0 is a token without an end.
        self._ends = self._now() + (lease - RENEW_BEFORE if lease else 10**10)
        return Key(token)

    def _login_request(self) -> dict[str, str]:
        """Sign the request that the server shows to AWS.

        hvac's own signer takes the time in a way that Python is about to drop.
        """
        try:
            credentials = boto3.Session().get_credentials()
            if credentials is None:
                raise AccessDenied(_NOTHING_TO_SIGN_WITH, message=_NO_AWS)
            headers = {"Content-Type": _FORM}
            if self._settings.vault_server_id:
                headers["X-Vault-AWS-IAM-Server-ID"] = self._settings.vault_server_id
            request = AWSRequest("POST", _STS, headers=headers, data=_WHO_AM_I)
            SigV4Auth(credentials.get_frozen_credentials(), "sts", _STS_REGION).add_auth(request)
        except AWS_ERRORS as failed:
            # The text is left out: it may quote a setting.
            if (failure := AwsFailure.of(failed)).retryable:
                raise CredentialsUnavailable(f"AWS gives no credentials now ({failure.kind})") from None
            raise AccessDenied(f"{_NOTHING_TO_SIGN_WITH} ({failure.kind})", message=_NO_AWS) from None
        signed = {name: [value] for name, value in request.headers.items()}
        login = {
            "iam_http_request_method": "POST",
            "iam_request_url": _base64(_STS),
            "iam_request_body": _base64(_WHO_AM_I),
            "iam_request_headers": _base64(json.dumps(signed)),
        }
        return login | ({"role": self._settings.vault_role} if self._settings.vault_role else {})


def tokens_for(settings: VaultSettings, environment: Mapping[str, str]) -> Tokens:
    """Return the tokens that VAULT_AUTH names."""
    return AwsLogin(settings) if settings.vault_auth == "aws" else OwnersToken(environment)


def _refusal(reply: Reply) -> CredentialError:
    # The server says 400 to what it refuses, and also when it could not ask AWS.
    asked_in_vain = "upstream request" in reply.says and "received error code 4" not in reply.says
    if reply.is_outage or asked_in_vain:
        return CredentialsUnavailable(f"Vault failed at the login: {reply.says}")
    if reply.status == 404:
        return Misconfigured(
            f"Vault has no auth method at auth/aws: {reply.says}",
            message="Vault has no AWS auth method, which VAULT_AUTH=aws asks for.",
        )
    return AccessDenied(f"Vault refused the login with AWS credentials: {reply.says}", message=_REFUSED)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
