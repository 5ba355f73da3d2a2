"""What the end-to-end tests share."""

from testbed.fixtures import aws_server, cloud

__all__ = ["aws_server", "cloud"]
