"""The model client, made when it is first needed: its imports are a large part of a cold start."""

import gc
from threading import Lock
from typing import TYPE_CHECKING, Self

from travel_gpt.errors import Misconfigured, not_started
from travel_gpt.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from travel_gpt.llm.client import ModelClient


class DeferredClient:
    """Makes the model client at the first call that needs it.

    Args:
        make: imports the model client and makes it.
    """

    def __init__(self, make: "Callable[[], ModelClient]") -> None:
        self._make = make
        self._made: ModelClient | None = None
        self._failure: Misconfigured | None = None
        self._lock = Lock()

    @classmethod
    def of(cls, made: "ModelClient") -> Self:
        """Return one whose client is made already.

        Args:
            made: the client.
        """
        client = cls(lambda: made)
        client._made = made
        return client

    def get(self) -> "ModelClient":
        """Return the model client.

        Returns:
            The same one at each call.

        Raises:
            Misconfigured: a library did not start, now or at an earlier call: most likely it does not accept
                a variable of the environment.
        """
        with self._lock:
            if self._made is None:
                self._made = self._make_once()
            return self._made

    def close(self) -> None:
        """Close its connections, where it was made."""
        if self._made is not None:
            self._made.close()

    def _make_once(self) -> "ModelClient":
        if self._failure is not None:
            raise self._failure.again()
        # As while the function starts: importing makes many objects and no garbage.
        collects = gc.isenabled()
        gc.disable()
        try:
            return self._make()
        except Exception as failure:
            logger.critical("The model client could not start", exc_info=failure)
            self._failure = not_started(failure)
            raise self._failure.again() from failure
        finally:
            if collects:
                gc.freeze()
                gc.enable()
