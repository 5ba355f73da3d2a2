"""The person's AWS account: clients, who is asking, and what AWS's refusals mean."""

import getpass
import os
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError as BotoConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from travel_gpt.cli.destinations import before_aws
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.redaction import redact

AWS_FAILURES: Final = (ClientError, BotoCoreError, ResponseParserError)
"""What a call to AWS raises."""

_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"}
)
_CANNOT_ASK: Final[tuple[tuple[tuple[type[Exception], ...], str], ...]] = (
    (
        (SSOError, TokenRetrievalError),
        "Your AWS sign-in is over. Sign in again with `aws sso login`, then repeat.",
    ),
    (
        (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError),
        (
            "There are no AWS credentials. Set them up with `aws configure` or `aws configure sso`, or name "
            "a profile with --profile; then repeat."
        ),
    ),
    (
        (ProfileNotFound,),
        "There is no such AWS profile. `aws configure list-profiles` lists those there are.",
    ),
    (
        (NoRegionError,),
        "No AWS region is set. Name it with --region, such as --region eu-west-1, or set AWS_REGION.",
    ),
    (
        (BotoConnectionError, HTTPClientError),
        "AWS cannot be reached. Check the network, a proxy, and that the region is spelt right.",
    ),
    (
        # Its text may quote all that was answered.
        (ResponseParserError,),
        "What answered is not AWS: a proxy or a sign-in page of the network stands in the way.",
    ),
)
_STALE: Final = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_UNKNOWN: Final = (
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "AuthFailure",
)


def choose_account(region: str | None, profile: str | None, environ: MutableMapping[str, str]) -> None:
    """Have every AWS client of this process use a region and a profile.

    Args:
        region: the region; None for the one that is configured.
        profile: the profile; None for the one that is configured.
        environ: the environment variables.
    """
    if region:
        environ["AWS_REGION"] = region
    # boto3 itself knows the second name only.
    if chosen := environ.get("AWS_REGION"):
        environ["AWS_DEFAULT_REGION"] = chosen
    if profile:
        environ["AWS_PROFILE"] = profile
        # Exported keys would win over the profile that was asked for.
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            environ.pop(name, None)


def client(service: str) -> Any:
    """Make a client of an AWS service.

    Args:
        service: its name in boto3.

    Returns:
        The client.

    Raises:
        Stop: there is no region, or no such profile.
        NotAllowed: a file .env names another endpoint, and the person does not allow it.
    """
    before_aws()
    try:
        return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]
    except (BotoCoreError, ValueError) as failed:
        raise stop_of(failed) from None


def caller() -> str:
    """Return the ARN of whoever's AWS credentials are used.

    Raises:
        Stop: there are none, or AWS does not take them.
    """
    try:
        return str(client("sts").get_caller_identity()["Arn"])
    except AWS_FAILURES as failed:
        raise stop_of(failed) from None


def elsewhere(environ: Mapping[str, str]) -> str:
    """Say where a key goes that is not sent to AWS itself, with a comma before it; nothing otherwise.

    Args:
        environ: the environment variables.
    """
    endpoint = environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or environ.get("AWS_ENDPOINT_URL")
    return f", at {endpoint} and not at AWS" if endpoint else ""


def person() -> str:
    """Return the name of the person at this machine, for what is done without AWS."""
    try:
        return f"local:{getpass.getuser()}"
    except (OSError, KeyError):
        return f"local:{os.getuid()}"


def code_of(failed: Exception) -> str:
    """Return AWS's name for an error, such as ``AccessDenied``; empty where AWS did not answer."""
    return (
        str(failed.response.get("Error", {}).get("Code", "")).rpartition("#")[2]
        if isinstance(failed, ClientError)
        else ""
    )


def is_denied(failed: Exception) -> bool:
    """Tell whether AWS does not allow the caller to do this."""
    return code_of(failed).startswith("AccessDenied") or code_of(failed) == "UnauthorizedOperation"


def said_by(failed: Exception) -> str:
    """Return AWS's own words, masked, on one line."""
    message = (
        failed.response.get("Error", {}).get("Message", "")
        if isinstance(failed, ClientError)
        else str(failed)
    )
    return redact(" ".join(str(message).split()))[:500] or type(failed).__name__


def stop_of(failed: Exception) -> CliError:
    """Say what a failure of a call to AWS means, and what to do.

    Args:
        failed: what boto3 raised.

    Returns:
        What to stop with: status 2 where nothing could be tried.
    """
    for kinds, says in _CANNOT_ASK:
        if isinstance(failed, kinds):
            return CliError(says, USAGE)
    if isinstance(failed, ClientError):
        return _stop_of_refusal(failed)
    return CliError(
        f"An AWS setting is wrong ({type(failed).__name__}): check AWS_REGION, AWS_PROFILE and "
        "AWS_ENDPOINT_URL.",
        USAGE,
    )


def _stop_of_refusal(refused: ClientError) -> CliError:
    code = code_of(refused)
    if code in _STALE:
        return CliError(
            "Your AWS credentials have expired. Fetch new ones the way you fetched these, then repeat.", USAGE
        )
    if code in _UNKNOWN:
        return CliError(
            f"AWS does not accept your credentials ({code}). Look at `aws sts get-caller-identity`.", USAGE
        )
    if is_denied(refused):
        return CliError(
            f"AWS does not allow you to do this: {said_by(refused)} Ask whoever administers the account for "
            "that permission, then repeat."
        )
    return CliError(f"AWS refused ({code}): {said_by(refused)} Mend what it says and repeat.")
