"""Lambda's context object, with a countdown that runs."""

import time
import uuid
from typing import Final

TIMEOUT: Final = 30.0
"""Seconds that the function may run, as in the template."""

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
FUNCTION: Final = "travel-gpt-local-TravelGPTFunction"


class LambdaContext:
    """What Lambda hands to the handler beside the event.

    Args:
        timeout: seconds from now until Lambda would end the invocation.
    """

    function_name = FUNCTION
    function_version = "$LATEST"
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"
    memory_limit_in_mb = "1024"
    log_group_name = f"/aws/lambda/{FUNCTION}"
    log_stream_name = "local"
    identity = None
    client_context = None

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self._ends = time.monotonic() + timeout

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left, never less than 0."""
        return max(0, int((self._ends - time.monotonic()) * 1000))
