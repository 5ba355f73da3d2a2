"""Looking at what the caller may not be permitted to see."""

from collections.abc import Callable
from typing import TypeVar

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure, Kind

T = TypeVar("T")


def if_permitted(call: Callable[[], T]) -> T | None:
    """Make a call to AWS that a deployment can do without.

    Args:
        call: makes the call.

    Returns:
        What it returns; None where AWS does not permit it.

    Raises:
        ClientError: AWS failed in another way.
    """
    try:
        return call()
    except AWS_ERRORS as failed:
        if AwsFailure.of(failed).kind is Kind.DENIED:
            return None
        raise
