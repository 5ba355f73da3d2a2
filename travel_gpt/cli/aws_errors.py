"""What a failed call to AWS means to the person at the keyboard, and what to do."""

import os
from typing import Final

from travel_gpt.aws.failures import AwsFailure, Kind
from travel_gpt.cli.errors import FAILED, USAGE, CliError

# What could not be tried at all, by kind. {profile} is the option that names the profile, or nothing.
_NOT_TRIED: Final = {
    Kind.SIGN_IN_EXPIRED: (
        "Your AWS session has expired. Sign in again, then repeat:\n"
        "  aws sso login{profile}   (or aws login{profile}, whichever you use)"
    ),
    Kind.NO_CREDENTIALS: (
        "There are no AWS credentials. Set them up with one of these, then repeat:\n"
        "  aws configure sso   (a company's sign-in)\n"
        "  aws login           (your sign-in to the AWS console)\n"
        "  aws configure       (an access key)\n"
        "Or name a profile that you have already: --profile NAME"
    ),
    Kind.NO_PROFILE: "The AWS profile does not exist. These do:\n  aws configure list-profiles",
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
        "from SSO:\n  aws sso login{profile}"
    ),
    Kind.CREDENTIALS_REJECTED: (
        "AWS does not accept your credentials ({code}). Check that the access key is for this account and "
        "not disabled, and that the region is enabled in it:\n  aws sts get-caller-identity{profile}"
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
