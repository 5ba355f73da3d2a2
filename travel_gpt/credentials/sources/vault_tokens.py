"""The tokens that Vault is asked with: the owner's, or one for a login with AWS credentials."""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure
from travel_gpt.credentials.credential import Key
from travel_gpt.credentials.sources.vault_server import Reply, VaultServer
from travel_gpt.errors import AccessDenied, CredentialError, CredentialsUnavailable, Misconfigured
from travel_gpt.redaction import guard
from travel_gpt.settings import VaultSettings

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
