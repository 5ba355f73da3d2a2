"""A local Secrets Manager: moto in this process, without a port that other programs could read."""

from types import TracebackType

import boto3
from moto import mock_aws

from travel_gpt.local.context import REGION
from travel_gpt.local.environment import SECRET_NAME


class SecretStore:
    """Sends every AWS call of this process to moto while the store is open.

    Args:
        value: the value of the one secret.
    """

    def __init__(self, value: str) -> None:
        self._aws = mock_aws()
        self._aws.start()
        client = boto3.client("secretsmanager", region_name=REGION)
        client.create_secret(Name=SECRET_NAME, SecretString=value)

    def __enter__(self) -> "SecretStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._aws.stop()
