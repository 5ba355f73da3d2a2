"""``travel-gpt api-key``: the API key of the stack itself, which is that of the client owner."""

import sys
from typing import Any

import boto3

from travel_gpt.cli.errors import CliError
from travel_gpt.cli.stack import Stack, read_stack


def print_api_key(stack: str) -> None:
    """Print the API key of a stack to standard output, and nothing else, for ``$(...)`` in a command.

    Args:
        stack: the stack's name.

    Raises:
        CliError: there is no such stack, or it has no API key.
        ClientError: AWS refused.
    """
    key = read_api_key(read_stack(boto3.client("cloudformation"), stack))
    # Not through the console, which masks keys.
    sys.stdout.write(f"{key}\n")


def read_api_key(stack: Stack, gateway: Any = None) -> str:
    """Return the API key of a stack.

    Args:
        stack: the stack.
        gateway: boto3's client of API Gateway; made where there is none.

    Raises:
        CliError: it does not exist, or has no API key.
        ClientError: AWS refused.
    """
    key_id = stack.outputs.get("ApiKeyId")
    if key_id is None:
        raise CliError(f"There is no stack {stack.name} in this account and region whose API asks for a key.")
    gateway = gateway or boto3.client("apigateway")
    return str(gateway.get_api_key(apiKey=key_id, includeValue=True)["value"])
