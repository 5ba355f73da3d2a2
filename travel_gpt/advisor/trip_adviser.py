"""Answers travel questions with itineraries: a call of the model for each part of a trip."""

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.planner import plan
from travel_gpt.advisor.question import Question
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.advisor.steps import Step
from travel_gpt.deadline import Deadline
from travel_gpt.errors import TravelGPTError, UpstreamTimeout
from travel_gpt.llm.model_api import Answer, Meter, Prompt

if TYPE_CHECKING:
    from travel_gpt.advisor.adviser import Adviser
    from travel_gpt.llm.streaming import StreamControl

TO_SEND: Final = 3.0
"""Seconds of a stream's time that are kept for its last events and for settling what it cost."""


class TripAdviser:
    """Answers with itineraries.

    Args:
        adviser: asks the model.
        most_days: days of the longest trip that is planned; 0 for none.
        now: the wall clock, in seconds.
    """

    def __init__(self, adviser: "Adviser", most_days: int, now: Callable[[], float]) -> None:
        self._adviser = adviser
        self._most_days = most_days
        self._now = now

    @cached_property
    def _reference(self) -> Reference:
        return Reference.open()

    def close(self) -> None:
        """Close what is open."""
        if "_reference" in self.__dict__:
            self._reference.close()

    def answer(self, question: Question, deadline: Deadline, meter: Meter | None = None) -> Answer:
        """Plan a trip.

        Args:
            question: what is asked.
            deadline: when the trip must be ready. What is not is left out.
            meter: counts what each call may cost, and what it cost.

        Returns:
            The trip as Markdown, and in ``fields`` what the reply has besides.

        Raises:
            InvalidItinerary: the model wrote nothing that can be used.
            InvalidConstraint: no trips are planned, or no such long ones.
            TravelGPTError: as for ``Adviser.answer``.
        """
        *_, answer = self._plan(question, _Buffered(self._adviser, meter), deadline)
        return _complete(answer)

    def stream(
        self, question: Question, deadline: Deadline, control: "StreamControl", meter: Meter | None = None
    ) -> Generator[Step | Answer]:
        """Plan a trip, and yield each part when it is known.

        Args:
            question: what is asked.
            deadline: when the stream must be over. What is not ready before that is left out.
            control: lets other threads end all calls.
            meter: counts what each call may cost, and what it cost.

        Yields:
            The steps, then the answer.

        Raises:
            TravelGPTError: as for ``answer``.
        """
        return self._plan(question, _Streamed(self._adviser, control, meter), deadline.before(TO_SEND))

    def _plan(
        self, question: Question, ask: "_Buffered | _Streamed", deadline: Deadline
    ) -> Generator[Step | Answer]:
        today = datetime.fromtimestamp(self._now(), UTC).date()
        given = question.constraints or Constraints()
        return plan(question.query, given, ask, self._reference, today, self._most_days, deadline)


class _Buffered:
    def __init__(self, adviser: "Adviser", meter: Meter | None) -> None:
        self._adviser, self._meter = adviser, meter

    def __call__(self, prompt: Prompt, deadline: Deadline, *, at_once: bool) -> Answer:
        return self._adviser.ask(prompt, deadline, _meter(self._meter, at_once=at_once))

    def schema_ignored(self) -> None:
        self._adviser.note_schema_ignored()


class ReaderLeft(Exception):
    """The reader of a stream is gone, so nothing more is asked for it."""


class _Streamed:
    """Streams upstream too, since such a call can be ended once the reader has left."""

    def __init__(self, adviser: "Adviser", control: "StreamControl", meter: Meter | None) -> None:
        self._adviser, self._control, self._meter = adviser, control, meter

    def __call__(self, prompt: Prompt, deadline: Deadline, *, at_once: bool) -> Answer:
        control = self._control.another() if at_once else self._control
        try:
            *_, answer = self._adviser.read(prompt, deadline, control, _meter(self._meter, at_once=at_once))
        except TravelGPTError:
            if self._control.ended:
                # Else each part would be asked for again, to find that out.
                raise ReaderLeft from None
            if control.ended:
                raise UpstreamTimeout("the model's server sent nothing more of a part of the trip") from None
            raise
        return _complete(answer)

    def schema_ignored(self) -> None:
        self._adviser.note_schema_ignored()


def _complete(answer: object) -> Answer:
    if not isinstance(answer, Answer):
        raise TypeError("what comes last is the answer")
    return answer


def _meter(meter: Meter | None, *, at_once: bool) -> Meter | None:
    return meter.another() if meter is not None and at_once else meter
