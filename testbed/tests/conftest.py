"""The environment of all suites, and the fixtures of the fake AWS."""

from testbed.fixtures import aws_server, cloud
from tests import conftest

__all__ = ["aws_server", "cloud", "conftest"]
