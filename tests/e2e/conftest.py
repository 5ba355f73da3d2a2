"""What the end-to-end tests share."""

from pathlib import Path

import pytest

from testbed.fake_aws import FakeAws
from testbed.fixtures import aws, aws_server
from tests.support.deployer import Deployer

__all__ = ["aws", "aws_server"]


@pytest.fixture
def deployer(aws: FakeAws, tmp_path: Path) -> Deployer:
    """The owner of an account whose API Gateway has its logging role."""
    return Deployer(aws, tmp_path / "clone")


@pytest.fixture
def newcomer(aws: FakeAws, tmp_path: Path) -> Deployer:
    """The owner of a new account."""
    return Deployer(aws, tmp_path / "clone", fresh=True)
