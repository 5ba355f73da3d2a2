"""The KMS key that the owner names is looked at before anything is changed."""

from typing import Any

import pytest

from tests.unit.cli.deploy.conftest import ScriptedAws, aws_error, options
from travel_gpt.cli.aws_session import Account
from travel_gpt.cli.deploy.protection import resolve
from travel_gpt.cli.deploy.secret import Secret
from travel_gpt.cli.errors import CliError

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
GOOD = {
    "KeyManager": "CUSTOMER",
    "KeySpec": "SYMMETRIC_DEFAULT",
    "KeyUsage": "ENCRYPT_DECRYPT",
    "KeyState": "Enabled",
}
ABSENT = aws_error("DescribeKey", "NotFoundException", "no such key")


@pytest.mark.parametrize(
    ("key", "found", "says"),
    [
        (KEY, {"KeyState": "Disabled"}, "is Disabled, not Enabled"),
        (KEY, {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, "is RSA_2048, for SIGN_VERIFY"),
        (KEY, {"KeyManager": "AWS"}, "is one of AWS's own"),
        (KEY.replace("us-east-1", "eu-west-1"), {}, "must be the ARN of a key in us-east-1"),
        ("alias/travel", {}, "must be the ARN of a key"),
        (KEY, ABSENT, "There is no KMS key"),
    ],
    ids=["disabled", "signs", "of-aws", "elsewhere", "alias", "absent"],
)
def test_a_key_that_cannot_encrypt_the_secret_stops_it(key: str, found: Any, says: str) -> None:
    aws = ScriptedAws({"DescribeKey": found if found is ABSENT else {"KeyMetadata": {**GOOD, **found}}})
    account = Account("123456789012", "arn:aws:iam::123456789012:user/owner", "us-east-1")
    values = {"KmsKeyArn": key, "ConfigRules": "disabled", "Keyless": "off"}

    with pytest.raises(CliError, match=says):
        resolve(aws, options(), account, "s", values, Secret("s"), without_key=False)
