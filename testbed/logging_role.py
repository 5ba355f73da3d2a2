"""What API Gateway's UpdateAccount takes and refuses, where it names the logging role.

Without moto, so that the fake AWS and the unit tests of deploy.sh follow the same rules:

- One request every 20 seconds per account (Amazon API Gateway developer guide, "Amazon API Gateway quotas");
  the next is a TooManyRequestsException, 429 "Too Many Requests" (recorded apigateway/control plane/
  too-many-requests-sdk-object), with Retry-After (apigateway/service model/
  TooManyRequestsException-retryAfterSeconds). Assumed: a refused request uses the allowance up, a throttled
  one does not.
- API Gateway must be able to assume the role, and the role must have the policy for logs; else, and also for
  a role that is seconds old, it is a BadRequestException (apigateway/UpdateAccount/role-not-permitted).
  Assumed: how many seconds.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

POLICY = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
NOT_PERMITTED = (
    "The role ARN does not have required permissions configured. Please grant trust permission for API "
    "Gateway and add the required role policy."
)
THROTTLED = "Too Many Requests"


@dataclass(frozen=True)
class Role:
    """A role as API Gateway finds it: its age in seconds, and what it allows."""

    age: float
    is_trusting: bool
    has_policy: bool


class RefusedUpdate(Exception):
    """An answer that is an error.

    Attributes:
        status: the HTTP status.
        code: AWS's name for the error.
        message: its text.
        retry_after: the header, in seconds; None where there is none.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


@dataclass
class UpdateAccount:
    """The operation, for one account.

    Attributes:
        interval: seconds between two requests that are looked at.
        settling: seconds until API Gateway knows a new role.
        now: the clock, in seconds.
    """

    interval: float = 20.0
    settling: float = 5.0
    now: Callable[[], float] = time.monotonic
    _free_at: float = field(default=-math.inf, init=False)

    def name_role(self, role: Role | None) -> None:
        """Take a role, or refuse it.

        Raises:
            RefusedUpdate: too early, or the role is not one for logs.
        """
        if (wait := self._free_at - self.now()) > 0:
            raise RefusedUpdate(429, "TooManyRequestsException", THROTTLED, math.ceil(wait))
        self._free_at = self.now() + self.interval
        if role is None or not (role.is_trusting and role.has_policy) or role.age < self.settling:
            raise RefusedUpdate(400, "BadRequestException", NOT_PERMITTED)
