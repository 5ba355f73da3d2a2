"""What a request is refused with that cannot be answered without the table."""

from typing import Final

from travel_gpt.aws.table import TableFailed
from travel_gpt.errors import LimitsUnavailable
from travel_gpt.telemetry import count

RETRY_AFTER: Final = 5
"""Seconds after which a caller is to try again."""


def unavailable(failed: TableFailed, *, retry_after: int = RETRY_AFTER) -> LimitsUnavailable:
    """Count that the table cannot be used, and return the error for it.

    Args:
        failed: how the call failed.
        retry_after: seconds after which another try may succeed.
    """
    count("LimitsUnavailable")
    return LimitsUnavailable(f"the table cannot be used: {failed}", retry_after=retry_after)
