"""What the end-to-end tests share."""

from testbed.fixtures import aws, aws_server

__all__ = ["aws", "aws_server"]
