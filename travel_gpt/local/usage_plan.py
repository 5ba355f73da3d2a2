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
from typing import Literal

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


class UsagePlan:
    """Counts what API Gateway lets through.

    Args:
        rate: POSTs a second over time, of all callers together.
        burst: POSTs at once.
        quota: POSTs of one key in a day (UTC); 0 for no quota.
        now: the wall clock, in seconds.
    """

    def __init__(self, rate: float, burst: int, quota: int, *, now: Callable[[], float] = time.time) -> None:
        self._bucket = _Bucket(rate, burst, burst, now())
        self._quota = quota
        self._used: Counter[tuple[str, str]] = Counter()
        self._now = now
        self._lock = Lock()

    def refusal(self, method: str, key_id: str) -> Refused | None:
        """Count a request.

        Args:
            method: its method: only POSTs are counted.
            key_id: the id of its API key; empty without one, which has no quota.

        Returns:
            The name of API Gateway's own response; None where the request passes.
        """
        if method != "POST":
            return None
        with self._lock:
            now = self._now()
            if not self._bucket.take(now):
                return "THROTTLED"
            used = (key_id, f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}")
            if key_id and self._quota and self._used[used] >= self._quota:
                return "QUOTA_EXCEEDED"
            self._used[used] += 1
        return None
