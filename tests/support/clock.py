"""The clock of the tests: it stands until a test moves it."""


class Clock:
    """A clock in seconds, for code that takes one or that a ``time`` module is replaced for."""

    def __init__(self, moment: float = 1_795_176_000.0) -> None:
        self.moment = moment

    def __call__(self) -> float:
        return self.moment

    def advance(self, seconds: float) -> None:
        """Move it on; back with a negative number."""
        self.moment += seconds

    monotonic, sleep = __call__, advance
