"""What API Gateway lets through: the throttle of the stage and the quota of the usage plan.

Source: API Gateway developer guide, "Throttle requests to your REST APIs" (a token bucket of the burst's
size, refilled at the rate) and "Usage plans and API keys" (a quota for each key and day). AWS applies both
"on a best-effort basis"; here they are exact. Assumed: the day is one of UTC, the throttle comes before the
quota, and what the throttle refuses does not count against the quota.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Final, Literal, NamedTuple

from travel_gpt.api import resources

Refused = Literal["THROTTLED", "QUOTA_EXCEEDED"]
"""The name of API Gateway's own response."""


@dataclass(slots=True)
class _Bucket:
    rate: float
    burst: int
    tokens: float
    at: float

    def take(self, now: float) -> bool:
        self.tokens = min(self.burst, self.tokens + max(0, now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Throttle(NamedTuple):
    """What API Gateway lets through of one method of one resource, of all callers together."""

    rate: float
    """Requests a second over time."""
    burst: int
    """Requests at once."""


PAGE_FILES: Final = Throttle(50, 100)
"""That of what a visitor's first load asks for, as in the template."""
REDEEMING: Final = Throttle(5, 10)
"""That of what few visitors do, and rarely, as in the template."""


def throttles(queries: Throttle) -> dict[tuple[str, str], Throttle]:
    """Return the throttle of each method of a resource that has one.

    GET of the API itself has one on AWS as well. On one machine there is no health check to keep apart.

    Args:
        queries: that of the POSTs which ask, or stop what was asked.
    """
    asking = resources.WITH_API_KEY | {resources.PAGE_ASK, resources.PAGE_STREAM, resources.PAGE_STOP}
    files = (resources.ROOT, resources.PAGE, resources.PAGE_ASSET, resources.PAGE_ME)
    return {
        **{("POST", resource): queries for resource in asking},
        **{("GET", resource): PAGE_FILES for resource in files},
        **{("POST", resource): REDEEMING for resource in (resources.PAGE_REDEEM, resources.PAGE_SIGN_OUT)},
    }


class UsagePlan:
    """Counts what API Gateway lets through.

    Args:
        rate: POSTs a second over time, of all callers together, on each path.
        burst: POSTs at once, on each path.
        quota: POSTs of one key in a day (UTC); 0 for no quota.
        now: the wall clock, in seconds.
    """

    def __init__(self, rate: float, burst: int, quota: int, *, now: Callable[[], float] = time.time) -> None:
        self._buckets = {
            name: _Bucket(throttle.rate, throttle.burst, throttle.burst, now())
            for name, throttle in throttles(Throttle(rate, burst)).items()
        }
        self._quota = quota
        self._used: Counter[tuple[str, str]] = Counter()
        self._now = now
        self._lock = Lock()

    def refusal(self, method: str, resource: str, key_id: str) -> Refused | None:
        """Count a request.

        Args:
            method: its method.
            resource: its resource.
            key_id: the id of its API key; empty without one, which has no quota.

        Returns:
            The name of API Gateway's own response; None where the request passes.
        """
        bucket = self._buckets.get((method, resource))
        if bucket is None:
            return None
        with self._lock:
            now = self._now()
            if not bucket.take(now):
                return "THROTTLED"
            used = (key_id, f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}")
            if key_id and self._quota and self._used[used] >= self._quota:
                return "QUOTA_EXCEEDED"
            self._used[used] += 1
        return None
