"""The environment of all suites, and the fixtures of the fake AWS."""

from testbed.fixtures import aws, aws_server
from tests import conftest

__all__ = ["aws", "aws_server", "conftest"]
