"""What doctor checks where CREDENTIAL_SOURCE is not set: what `make run` would do."""

import secrets
from collections.abc import Iterator, Mapping

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem
from travel_gpt.cli.stack import read_stack
from travel_gpt.cli.target import STACKS
from travel_gpt.credentials.advice import server_name
from travel_gpt.credentials.credential import Credential, Key
from travel_gpt.credentials.secret import read_secret
from travel_gpt.env_trust import NO_KEY_NEEDED
from travel_gpt.errors import InvalidSecret
from travel_gpt.settings import Settings

VARIABLE = "OPENAI_API_KEY"


def check_make_run(settings: Settings, environ: Mapping[str, str]) -> tuple[CheckResult, Credential | None]:
    """Report which model server `make run` would call, and with which key.

    Args:
        settings: the settings.
        environ: the environment variables.

    Returns:
        What was found, and the credential to verify; None where the demo model answers, or the key is none.
    """
    key = environ.get(VARIABLE, "").strip()
    server = server_name(settings.base_url)
    if not key and not environ.get("OPENAI_BASE_URL", "").strip():
        says = f"it answers with the built-in demo model: {VARIABLE} and OPENAI_BASE_URL are not set"
        return ok("make run", says), None
    if not key and server == "OpenAI":
        return problem("make run", "it calls OpenAI without a key", f"Set {VARIABLE}."), None
    if not key:
        # As the local server does: the SDK does not go without one.
        placeholder = Credential(key=Key(secrets.token_hex(16)), source=NO_KEY_NEEDED)
        return ok("make run", f"it calls {server} without a key (OPENAI_BASE_URL)"), placeholder
    try:
        credential = read_secret(key, source=VARIABLE, version=VARIABLE)
    except InvalidSecret as invalid:
        return problem("make run", f"{VARIABLE}: {invalid.detail}", f"Set {VARIABLE} to the key alone."), None
    return ok("make run", f"it calls {server} with the key in {VARIABLE}"), credential


def has_aws_credentials() -> bool:
    """Tell whether boto3 finds AWS credentials on this machine; whether they work is not tried."""
    try:
        return AwsSession().get_credentials() is not None
    except (BotoCoreError, ClientError):
        # AWS settings exist and are wrong: the checks of the source report how.
        return True


def has_region() -> bool:
    """Tell whether an AWS region is set, by a variable or in the profile."""
    try:
        return bool(AwsSession().region_name)
    except BotoCoreError:
        return True


def nothing_deployed(why: str) -> Iterator[CheckResult]:
    """Report that there is no deployment to check, which is not a problem."""
    yield ok("deployment", f"{why}: ./deploy.sh deploys, and `make run` needs no deployment")


def is_deployed() -> bool:
    """Tell whether the production stack is there; where that cannot be asked, it may be."""
    try:
        return read_stack(boto3.client("cloudformation"), STACKS["prod"]).exists
    except (ClientError, BotoCoreError):
        return True
