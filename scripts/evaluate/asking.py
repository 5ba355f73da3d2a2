"""Asks the API, several queries at the same time."""

import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Final

from scripts.evaluate.queries import Query
from scripts.evaluate.results import Result, Setup
from travel_gpt.client import AccessRefused, Answer, ApiError, LimitReached, TravelGPT, UnexpectedAnswer
from travel_gpt.errors import NotFound, StreamingDisabled

TRIES: Final = 4
"""For a query that the API asks to repeat later."""
LONGEST_WAIT: Final = 65
"""Seconds to wait for another try: limits per minute are waited for, budgets and limits per day are not."""
_STOP_TIMEOUT: Final = 5.0
_OF_THE_API: Final = (StreamingDisabled.code, NotFound.code)


class Pointless(Exception):
    """The API would refuse every further query as well."""

    def __init__(self, failure: ApiError) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Asking:
    """Asks queries, once.

    Args:
        api: the client of the API. It is not to repeat by itself: that would count as time of the answer.
        setup: what is asked, in which way.
    """

    def __init__(self, api: TravelGPT, setup: Setup) -> None:
        self._api = api
        self._setup = setup
        self._ending = Event()
        self._streams: set[str] = set()
        self._lock = Lock()

    def ask(self, queries: Sequence[Query], parallel: int) -> Generator[Result]:
        """Ask, and yield each result as soon as it is there. Closing the iterator stops what is running.

        Args:
            queries: the queries.
            parallel: the most that are asked at the same time.

        Raises:
            Pointless: the API would refuse the others as well. It comes after what was running.
        """
        waiting: SimpleQueue[Query] = SimpleQueue()
        for query in queries:
            waiting.put(query)
        results: SimpleQueue[Result | Exception | None] = SimpleQueue()
        working = min(parallel, len(queries))
        for _ in range(working):
            # Daemons: one that waits for an answer does not keep the process from ending.
            Thread(target=self._work, args=(waiting, results), daemon=True).start()
        failure: Exception | None = None
        try:
            while working:
                match results.get():
                    case None:
                        working -= 1
                    case Result() as result:
                        yield result
                    case Exception() as failed:
                        failure = failure or failed
        finally:
            self._stop()
        if failure is not None:
            raise failure

    def _work(self, waiting: SimpleQueue[Query], results: SimpleQueue[Result | Exception | None]) -> None:
        try:
            while not self._ending.is_set():
                results.put(self._result(waiting.get_nowait()))
        except Empty:
            pass
        except Exception as failure:  # noqa: BLE001 - it is raised in the thread that reads the results
            # The others complete what they are at, which is paid for.
            self._ending.set()
            results.put(failure)
        results.put(None)

    def _stop(self) -> None:
        """Stop the running queries, so that they cost no more. What they would have answered is lost."""
        self._ending.set()
        with self._lock:
            streams = list(self._streams)
        for request_id in streams:
            # A local server sees for itself that its reader has left.
            with suppress(ApiError):
                self._api.stop(request_id, timeout=_STOP_TIMEOUT)

    def _result(self, query: Query) -> Result:
        for tries_left in reversed(range(TRIES)):
            began = time.monotonic()
            try:
                answer = self._answer(query)
            except ApiError as failure:
                if _is_pointless(failure):
                    raise Pointless(failure) from None
                if failure.retry_after is None or not tries_left or self._ending.wait(failure.retry_after):
                    return self._failed(query, time.monotonic() - began, failure)
            else:
                return self._answered(query, time.monotonic() - began, answer)
        raise AssertionError("the last try returns")

    def _answer(self, query: Query) -> Answer:
        if self._setup.route == "buffered":
            return _with_trip(
                self._api.ask(query.text, format="itinerary", constraints=query.constraints),
                self._api.base_url,
            )
        with self._api.stream(query.text, format="itinerary", constraints=query.constraints) as stream:
            with self._lock:
                self._streams.add(stream.request_id)
            try:
                return _with_trip(stream.answer(), self._api.base_url)
            finally:
                with self._lock:
                    self._streams.discard(stream.request_id)

    def _answered(self, query: Query, seconds: float, answer: Answer) -> Result:
        return Result(query.id, query.request, self._setup, _now(), round(seconds, 3), reply=answer.body)

    def _failed(self, query: Query, seconds: float, failure: ApiError) -> Result:
        error = {
            "code": failure.code,
            "message": failure.message,
            "status": failure.status,
            "request_id": failure.request_id,
        }
        return Result(query.id, query.request, self._setup, _now(), round(seconds, 3), error=error)


def _is_pointless(failure: ApiError) -> bool:
    if isinstance(failure, LimitReached):
        return (failure.retry_after or 0) > LONGEST_WAIT
    return isinstance(failure, AccessRefused | UnexpectedAnswer) or failure.code in _OF_THE_API


def _with_trip(answer: Answer, url: str) -> Answer:
    if answer.itinerary is None or answer.checks is None or "before" not in (answer.repair or {}):
        raise UnexpectedAnswer(
            f"{url} answers without a checked trip: it is of a version that makes none. Deploy it again.",
            code="unexpected_answer",
        )
    return answer


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
