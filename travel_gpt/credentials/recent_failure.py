"""A failed fetch, remembered for a few seconds: a broken secret is not fetched once per request."""

import math
from collections.abc import Callable
from typing import Final

from travel_gpt.errors import CredentialError, CredentialsUnavailable

FAILURE_TTL: Final = 5
"""Seconds that a failure answers for the source, so also the longest until a repaired secret is noticed."""


class RecentFailure:
    """The last failure of a source, while it is young.

    Args:
        now: the wall clock, in seconds: while a Lambda environment is frozen a monotonic clock stands still.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        # One attribute, replaced as a whole: it is read without a lock.
        self._failed: tuple[CredentialError, float] | None = None

    def remember(self, failure: CredentialError) -> CredentialError:
        """Remember a failure of the source.

        Args:
            failure: what it raised.

        Returns:
            The failure to raise. Where the source may recover without its owner, it says after how many
            seconds it is asked again.
        """
        self._failed = (failure, self._now())
        return self._as_of(failure, 0)

    def forget(self) -> None:
        """Forget it: the source has answered."""
        self._failed = None

    def raise_again(self) -> None:
        """Raise the remembered failure, if there is one that is young enough.

        Raises:
            CredentialError: the failure, as a new exception.
        """
        if self._failed is None:
            return
        failure, at = self._failed
        # A negative age is a clock that was set back: how old the failure is cannot be known.
        if 0 <= (age := self._now() - at) < FAILURE_TTL:
            raise self._as_of(failure, age)

    def _as_of(self, failure: CredentialError, age: float) -> CredentialError:
        # A new one: the remembered exception must not collect the tracebacks of all requests.
        again = failure.again()
        if age:
            again.detail = f"{failure.detail} (remembered: the source was asked {age:.1f} s ago)"
        if isinstance(again, CredentialsUnavailable):
            again.retry_after = max(1, math.ceil(FAILURE_TTL - age))
        return again
