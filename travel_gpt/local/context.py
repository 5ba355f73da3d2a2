"""Lambda's context object, with a running countdown."""

import time
import uuid
from typing import Final

from travel_gpt.deadline import ANSWER_WITHIN

MORE_THAN_AN_ANSWER: Final = 2.0
"""Seconds that the function may run after the time for an answer: 30 s to 28 s, as in the template."""

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
FUNCTION: Final = "travel-gpt-local-TravelGPTFunction"


class LambdaContext:
    """The second argument of the handler.

    Args:
        answer_within: seconds for an answer, from the arrival of the request.
    """

    function_name = FUNCTION
    function_version = "$LATEST"
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"
    memory_limit_in_mb = "1024"
    log_group_name = f"/aws/lambda/{FUNCTION}"
    log_stream_name = "local"
    identity = None
    client_context = None

    def __init__(self, answer_within: float = ANSWER_WITHIN) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self.answer_within = answer_within
        self._ends = time.monotonic() + answer_within + MORE_THAN_AN_ANSWER

    def get_remaining_time_in_millis(self) -> int:
        """Return the remaining milliseconds, at least 0."""
        return max(0, int((self._ends - time.monotonic()) * 1000))
