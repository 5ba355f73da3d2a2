"""The boto3 clients of the Lambda functions: their region, timeouts and retries."""

import os
from typing import Any, Final

import boto3
from botocore.config import Config

WITHIN_A_REQUEST: Final = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"total_max_attempts": 2, "mode": "standard"},
    max_pool_connections=20,
)
"""AWS answers in milliseconds. Two tries and the pause between them stay well inside a request's deadline. An
itinerary makes 15 calls of the model at the same time, each of which is reserved."""

WITHIN_A_ROTATION: Final = Config(
    connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"}
)
"""A rotation step has minutes, and a failed one waits for the next try of Secrets Manager."""


def make_client(service: str, config: Config = WITHIN_A_REQUEST) -> Any:
    """Make a client. Nothing is sent.

    Args:
        service: the service's name in boto3.
        config: timeouts and retries.

    Returns:
        The client.

    Raises:
        BotoCoreError: there is no region, or a setting is wrong.
        ValueError: the endpoint is not a URL.
    """
    # boto3 itself reads AWS_DEFAULT_REGION only; Lambda sets both.
    return boto3.client(service, region_name=os.environ.get("AWS_REGION"), config=config)  # type: ignore[call-overload]
