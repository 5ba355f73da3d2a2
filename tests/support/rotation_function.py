"""A function in moto's account that Secrets Manager may call, since it starts no rotation without one."""

import functools
import io
import json
import zipfile
from typing import Any

import boto3

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


@functools.cache
def _client(service: str) -> Any:
    # Once: making a client takes longer than what it is used for here.
    return boto3.client(service)  # type: ignore[call-overload]


def rotation_function(*, invokable: bool = True) -> str:
    """Make the function.

    Args:
        invokable: whether its policy names Secrets Manager.

    Returns:
        Its ARN.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        package.writestr("rotator.py", "def lambda_handler(event, context): pass\n")
    role = _client("iam").create_role(RoleName="rotator", AssumeRolePolicyDocument=json.dumps(_TRUST))
    functions = _client("lambda")
    arn: str = functions.create_function(
        FunctionName="rotator",
        Role=role["Role"]["Arn"],
        Runtime="python3.13",
        Handler="rotator.lambda_handler",
        Code={"ZipFile": packed.getvalue()},
    )["FunctionArn"]
    if invokable:
        functions.add_permission(
            FunctionName="rotator",
            StatementId="rotation",
            Action="lambda:InvokeFunction",
            Principal="secretsmanager.amazonaws.com",
        )
    return arn
