"""A harness for each test, whose Secrets Manager goes by the test's clock."""

from collections.abc import Iterator
from types import SimpleNamespace

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from moto import mock_aws
from moto.secretsmanager import models
from mypy_boto3_secretsmanager import SecretsManagerClient

from tests.support.clock import Clock
from tests.unit.rotation.harness import DAY, Harness


@pytest.fixture(scope="session")
def secrets() -> SecretsManagerClient:
    """One client for all: making one takes longer than a whole rotation, and signing longer than a call."""
    return boto3.client("secretsmanager", config=Config(signature_version=UNSIGNED))


@pytest.fixture
def harness(
    secrets: SecretsManagerClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Harness]:
    """A secret whose owner put a key of their own into it a month ago."""
    monkeypatch.setattr(models, "time", SimpleNamespace(time=clock))
    with mock_aws():
        made = Harness(secrets, clock)
        clock.advance(30 * DAY)
        yield made
