"""The session with AWS that all of the command shares: its region, its profile, and who is signed in."""

import getpass
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import InvalidConfigError, ProfileNotFound
from botocore.utils import JSONFileCache

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure, Kind
from travel_gpt.cli.errors import FAILED, USAGE, CliError
from travel_gpt.cli.target import before_aws

_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"}
)
_EXPORTED_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(frozen=True, slots=True)
class Account:
    """Who calls AWS, and where."""

    number: str
    caller: str
    """The caller's ARN."""
    region: str

    @property
    def partition(self) -> str:
        """``aws``, or the name of another part of AWS, such as ``aws-cn``."""
        return self.caller.split(":")[1]


def choose_account(region: str | None, profile: str | None) -> None:
    """Have every AWS client of this process use a region and a profile.

    Args:
        region: the region that was asked for.
        profile: the profile that was asked for.

    Raises:
        ProfileNotFound: there is no such profile.
    """
    if chosen := region or os.environ.get("AWS_REGION"):
        os.environ |= {"AWS_REGION": chosen, "AWS_DEFAULT_REGION": chosen}
    if profile:
        os.environ["AWS_PROFILE"] = profile
        for name in _EXPORTED_KEYS:
            os.environ.pop(name, None)
    try:
        boto3.DEFAULT_SESSION = AwsSession()
    except ProfileNotFound:
        if profile:
            raise
        # A command that calls AWS says so; others do not need the profile of AWS_PROFILE.


def caller() -> str:
    """Return the ARN of the caller of AWS.

    Raises:
        ClientError: AWS does not accept the credentials.
        BotoCoreError: there are none, or AWS cannot be reached.
    """
    return boto3.client("sts").get_caller_identity()["Arn"]


class AwsSession(boto3.Session):
    """A boto3 session that signs in as the ``aws`` and ``sam`` programs do.

    The region is the option, AWS_REGION, AWS_DEFAULT_REGION or the profile's, in this order: boto3 by itself
    ignores AWS_REGION. The profile is the option, which wins over exported keys as it does in ``aws``, or
    AWS_PROFILE.

    Credentials are those that boto3 finds: profiles, cached sign-ins of ``aws sso login`` and ``aws login``,
    ``credential_process``, and roles to assume. The code of an MFA device is asked for at the terminal. What
    it gives is cached where ``sam`` looks for it, so that the code is asked for once: a code is valid once.

    Source: botocore has no such cache by default. sam installs botocore's own into the same provider
    (samcli/cli/context.py, ``Context._refresh_session``: the folder ~/.aws/boto/cache); so does aws, in
    another folder (awscli/customizations/assumerole.py: ~/.aws/cli/cache).

    Args:
        region: the region that was asked for.
        profile: the profile that was asked for.

    Raises:
        ProfileNotFound: there is no such profile.
    """

    def __init__(self, region: str | None = None, profile: str | None = None) -> None:
        core = botocore.session.Session()
        core.set_default_client_config(_CONFIG)
        super().__init__(
            botocore_session=core,
            region_name=region or os.environ.get("AWS_REGION") or None,
            profile_name=profile,
        )
        self._profile = profile
        assume_role = core.get_component("credential_provider").get_provider("assume-role")
        assume_role.cache = JSONFileCache()
        # There is no public way: botocore's own prompt reads standard input where there is no terminal.
        assume_role._prompter = _ask_for_mfa_code  # noqa: SLF001

    @property
    def profile(self) -> str:
        """The profile's name; empty where none is named."""
        return self._session.profile or ""

    # Hidden from type checkers: the stubs declare one overload for each service.
    if not TYPE_CHECKING:

        def client(self, *args: Any, **options: Any) -> Any:
            """Make a client of a service, as ``boto3.Session.client`` does.

            Raises:
                NotAllowed: a file .env names another endpoint or account, and the person does not allow it.
                BotoCoreError: there is no region, or a setting is wrong.
            """
            before_aws()
            try:
                return super().client(*args, **options)
            except ValueError:
                raise InvalidConfigError(error_msg="AWS_ENDPOINT_URL is not a URL") from None

    def account(self) -> Account:
        """Ask AWS who is calling.

        Raises:
            ClientError: AWS does not accept the credentials.
            BotoCoreError: there are none, or AWS cannot be reached.
        """
        # Any region will do for this question.
        identity = self.client("sts", region_name=self.region_name or "us-east-1").get_caller_identity()
        return Account(identity["Account"], identity["Arn"], self.region_name or "")

    def child_environment(self) -> dict[str, str]:
        """Return the environment for a program that calls AWS, such as ``sam``: the same region and profile.

        The OpenAI key is not in it.
        """
        environment = dict(os.environ)
        environment.pop("OPENAI_API_KEY", None)
        if self.region_name:
            environment |= {"AWS_REGION": self.region_name, "AWS_DEFAULT_REGION": self.region_name}
        if self._profile:
            environment["AWS_PROFILE"] = self._profile
            # They would win over AWS_PROFILE.
            for name in _EXPORTED_KEYS:
                environment.pop(name, None)
        return environment


def _ask_for_mfa_code(prompt: str) -> str:
    with warnings.catch_warnings():
        # What getpass warns of before it reads standard input in the place of a terminal.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except (getpass.GetPassWarning, EOFError):
            raise CliError(
                "The AWS profile asks for the code of an MFA device, and there is no terminal to type it at. "
                "Run the command at a terminal first: the session is cached. Or use a profile without MFA.",
                USAGE,
            ) from None


# What could not be tried at all, by kind. {profile} is the option that names the profile, or nothing.
_NOT_TRIED: Final = {
    Kind.SIGN_IN_EXPIRED: (
        "Your AWS session has expired. Sign in again with the AWS CLI, then repeat:\n"
        "  aws sso login{profile}   (or aws login{profile}, whichever you use)"
    ),
    Kind.NO_CREDENTIALS: (
        "There are no AWS credentials. Set them up with one of these commands of the AWS CLI, then repeat:\n"
        "  aws configure sso   (a company's sign-in)\n"
        "  aws login           (your sign-in to the AWS console)\n"
        "  aws configure       (an access key)\n"
        "Or name a profile that you have already: --profile NAME"
    ),
    Kind.NO_PROFILE: (
        "The AWS profile does not exist. The AWS CLI lists those that do:\n  aws configure list-profiles"
    ),
    Kind.NO_REGION: (
        "No AWS region is set. Name it with --region, such as --region eu-west-1, or set AWS_REGION."
    ),
    Kind.UNREACHABLE: (
        "AWS cannot be reached. Check the network, a proxy, and that the region is spelt right, such as "
        "eu-west-1."
    ),
    Kind.NOT_AWS: "What answered is not AWS, but a proxy or a sign-in page of the network.",
    Kind.EXPIRED_TOKEN: (
        "Your AWS credentials have expired. Get new ones the way you got these, then repeat. If they come "
        "from SSO, with the AWS CLI:\n  aws sso login{profile}"
    ),
    Kind.CREDENTIALS_REJECTED: (
        "AWS does not accept your credentials ({code}). Check that the access key is for this account and "
        "not disabled, and that the region is enabled in it. With the AWS CLI:\n"
        "  aws sts get-caller-identity{profile}"
    ),
    # AWS's text is left out: it may quote a setting.
    Kind.MISCONFIGURED: "An AWS setting is wrong: check AWS_REGION, AWS_PROFILE and AWS_ENDPOINT_URL.",
}
_FAILED: Final = {
    Kind.DENIED: (
        "AWS does not allow you to do this ({operation}): {text} Ask an administrator of the account for the "
        "permission, then repeat."
    ),
    Kind.THROTTLED: "AWS throttled the call ({operation}): {text} Repeat in a minute.",
    Kind.UNAVAILABLE: "AWS failed ({operation}): {text} Repeat in a minute.",
}
_OTHERWISE: Final = "AWS refused ({operation}, {code}): {text} Fix what it names, then repeat."


def cli_error_of(failed: Exception) -> CliError:
    """Say what a failed call to AWS means, and what to do.

    Args:
        failed: what boto3 raised: one of ``AWS_ERRORS``.

    Returns:
        What to stop with: status 2 where nothing could be tried.
    """
    failure = AwsFailure.of(failed)
    profile = os.environ.get("AWS_PROFILE", "")
    text = failure.message if failure.message.endswith(".") else f"{failure.message}."
    sentence = _NOT_TRIED.get(failure.kind) or _FAILED.get(failure.kind, _OTHERWISE)
    return CliError(
        sentence.format(
            profile=profile and f" --profile {profile}",
            code=failure.code,
            operation=failure.operation,
            text=text,
        ),
        USAGE if failure.kind in _NOT_TRIED else FAILED,
    )


T = TypeVar("T")


def if_permitted(call: Callable[[], T]) -> T | None:
    """Make a call to AWS that a deployment can do without.

    Args:
        call: makes the call.

    Returns:
        What it returns; None where AWS does not permit it.

    Raises:
        ClientError: AWS failed in another way.
    """
    try:
        return call()
    except AWS_ERRORS as failed:
        if AwsFailure.of(failed).kind is Kind.DENIED:
            return None
        raise
