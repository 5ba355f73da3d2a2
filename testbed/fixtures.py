"""The fixtures of the tests that run against the fake AWS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.account import AwsServer
from testbed.fake_aws import FakeAws, start_fake_aws
from tests.support.emulator import unavailable


@pytest.fixture(scope="session")
def aws_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    """One server for all tests of a worker, since it takes seconds to start. Use ``aws``, not this."""
    if reason := unavailable():
        pytest.skip(reason)
    with AwsServer.start(tmp_path_factory.mktemp("aws") / "log") as server:
        yield server


@pytest.fixture
def aws(aws_server: AwsServer, tmp_path: Path) -> Iterator[FakeAws]:
    """An empty account, and all that a command needs to reach it."""
    folder = tmp_path / "aws"
    folder.mkdir()
    with start_fake_aws(folder, aws_server) as aws:
        yield aws
