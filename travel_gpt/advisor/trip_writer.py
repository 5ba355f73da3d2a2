"""Has the model write the parts of a trip, and validates what it wrote."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from travel_gpt.advisor.trip import SCHEMA_VERSION
from travel_gpt.advisor.wire import SHAPES, DayPlan, Outline, RevisedDay
from travel_gpt.deadline import Deadline
from travel_gpt.errors import InvalidItinerary, TravelGPTError
from travel_gpt.llm.json_text import json_in
from travel_gpt.llm.model_api import Answer, Prompt, Schema, Usage
from travel_gpt.telemetry import count, logger

OUTLINE_TOKENS: Final = 800
"""Output tokens that an outline may take beside its days."""
OUTLINE_DAY_TOKENS: Final = 250
"""Output tokens that each day of an outline may take."""
DAY_TOKENS: Final = 1_800
"""Output tokens that a day may take."""
REVISED_DAY_TOKENS: Final = 2_400
"""Output tokens that a revised day may take, with its legs and its night."""

_NOT_THE_SCHEMA: Final = frozenset(("missing", "dataclass_type", "list_type", "string_type"))
"""Pydantic's names of errors that no reply has which follows the schema. A wrong date, say, is none."""

_FOLDER: Final = Path(__file__).parent
_Part = TypeVar("_Part", Outline, DayPlan, RevisedDay)


class Ask(Protocol):
    """Asks the model."""

    def __call__(self, prompt: Prompt, deadline: Deadline, *, at_once: bool) -> Answer:
        """Ask.

        Args:
            prompt: what to ask.
            deadline: when the answer must be here.
            at_once: whether it is beside the first call of the request: other calls may run at the same time.

        Raises:
            TravelGPTError: there is no answer.
        """

    def schema_ignored(self) -> None:
        """Note that the server accepted a schema, and answered something else."""


class TripWriter:
    """The calls of one trip. Threads may share it.

    Args:
        ask: asks the model.
        deadline: when the last answer must be here.
        about: what each call is given: the request, its constraints, and today's date.
    """

    def __init__(self, ask: Ask, deadline: Deadline, about: Mapping[str, Any]) -> None:
        self._ask = ask
        self._deadline = deadline
        self._about = about
        self._lock = Lock()
        self._answers: list[Answer] = []
        self.longest = 0.0

    def outline(
        self, days: int | None, most_days: int, problems_of: Callable[[Outline], Sequence[str]]
    ) -> Outline:
        """Return the outline.

        Args:
            days: how many days it has; None where the query alone says it.
            most_days: how many it may have at most.
            problems_of: what is wrong with an outline, which is then asked for once more.

        Raises:
            InvalidItinerary: the model wrote no outline.
            TravelGPTError: the call failed.
        """
        tokens = OUTLINE_TOKENS + OUTLINE_DAY_TOKENS * (days or most_days)
        about = {"task": "outline", **({"number_of_days": days} if days else {"most_days": most_days})}
        return self._write(Outline, about, tokens, problems_of)

    def day(
        self, outline: Outline, number: int, constraints: Mapping[str, Any], left_for_day: float | None
    ) -> DayPlan:
        """Return what is done on one day of an outline.

        Args:
            outline: the frame.
            number: which day.
            constraints: what the trip has to keep to.
            left_for_day: what may be spent on it beside its legs and its night; None without a budget.

        Raises:
            InvalidItinerary: the model wrote no day.
            TravelGPTError: the call failed.
        """
        about = {"task": "day", **_shared(outline, constraints), "day": number}
        if left_for_day is not None:
            about["left_for_day"] = left_for_day
        return self._write(DayPlan, about, DAY_TOKENS)

    def revised(
        self,
        outline: Outline,
        number: int,
        constraints: Mapping[str, Any],
        plan: RevisedDay,
        violations: Sequence[Mapping[str, Any]],
    ) -> RevisedDay:
        """Return a day that was written anew.

        Args:
            outline: the frame.
            number: which day.
            constraints: what the trip has to keep to.
            plan: the day as it is.
            violations: what is wrong with it.

        Raises:
            InvalidItinerary: the model wrote no day.
            TravelGPTError: the call failed.
        """
        about = {
            "task": "revise",
            **_shared(outline, constraints),
            "day": number,
            "plan": to_jsonable_python(plan),
            "violations": violations,
        }
        return self._write(RevisedDay, about, REVISED_DAY_TOKENS)

    @property
    def model(self) -> str:
        """The model that answered last."""
        return self._answers[-1].model if self._answers else ""

    @property
    def credential_version(self) -> str:
        """The version of the credential that was used last."""
        return self._answers[-1].credential_version if self._answers else ""

    @property
    def usage(self) -> Usage:
        """The tokens of all calls; None where the server reported none for one of them."""
        with self._lock:
            usages = [answer.usage for answer in self._answers]
        return Usage(
            *(
                _sum([getattr(usage, name) for usage in usages])
                for name in ("input_tokens", "output_tokens", "total_tokens", "cached_tokens")
            )
        )

    def _write(
        self,
        shape: type[_Part],
        about: Mapping[str, Any],
        tokens: int,
        problems_of: Callable[[_Part], Sequence[str]] = lambda _: (),
    ) -> _Part:
        usable: _Part | None = None
        problems: Sequence[str] = ()
        while True:
            # What differs comes last: servers keep what the beginnings of prompts have in common.
            asked = {**self._about, **about, **({"problems": problems} if problems else {})}
            prompt = Prompt(
                instructions(_NAMES[shape]),
                json.dumps(asked, ensure_ascii=False, separators=(",", ":")),
                schema=schema(_NAMES[shape]),
                max_output_tokens=tokens,
            )
            try:
                answer, seconds = self._answer(prompt, shape, again=bool(problems))
            except TravelGPTError:
                if usable is None:
                    raise
                return usable
            part, found = self._read(shape, answer)
            if part is not None:
                found = problems_of(part)
                if not found or problems:
                    # What is wrong still, the checks report.
                    return part
                usable = part
            count("InvalidReply")
            logger.warning("The model wrote a part of a trip that cannot be used", extra={"detail": found})
            if problems or self._deadline.left() < seconds:
                if usable is None:
                    raise InvalidItinerary(f"{_NAMES[shape]}: {'; '.join(found)}")
                return usable
            problems = found

    def _answer(self, prompt: Prompt, shape: type, *, again: bool) -> tuple[Answer, float]:
        of_outline = shape is Outline
        began = time.monotonic()
        answer = self._ask(prompt, self._deadline, at_once=again or not of_outline)
        seconds = time.monotonic() - began
        with self._lock:
            self._answers.append(answer)
            if not of_outline:
                self.longest = max(self.longest, seconds)
        return answer, seconds

    def _read(self, shape: type[_Part], answer: Answer) -> tuple[_Part | None, Sequence[str]]:
        """Return the part in an answer, or what is wrong with it, in words of this project only."""
        if answer.truncated:
            return None, ("the answer was longer than its limit: be briefer",)
        try:
            return cast("_Part", _adapter(_NAMES[shape]).validate_python(json_in(answer.text))), ()
        except ValidationError as wrong:
            errors = wrong.errors(include_url=False, include_context=False, include_input=False)
            found = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in errors[:5]]
            broken = any(error["type"] in _NOT_THE_SCHEMA for error in errors)
        except ValueError:
            found, broken = ["the answer is not the JSON object that was asked for"], True
        if broken:
            self._ask.schema_ignored()
        return None, found


def instructions(name: str) -> str:
    """Return what the model is to do for a schema."""
    return f"{_prompt('trip_common')}\n\n{_prompt(name.replace('revised_day', 'revise'))}"


@cache
def schema(name: str) -> Schema:
    """Return a schema that the model is asked for."""
    path = _FOLDER / "schemas" / f"{name}.v{SCHEMA_VERSION}.json"
    compact = json.dumps(json.loads(path.read_text("utf-8")), separators=(",", ":"))
    return Schema(name, compact)


_NAMES: Final = {shape: name for name, shape in SHAPES.items()}


@cache
def _prompt(name: str) -> str:
    return (_FOLDER / "prompts" / f"{name}.txt").read_text("utf-8").strip()


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(SHAPES[name])


def _shared(outline: Outline, constraints: Mapping[str, Any]) -> dict[str, Any]:
    """Return what calls for days of the same trip are given."""
    frame = to_jsonable_python(outline)
    del frame["understood"]
    return {"constraints": constraints, "outline": frame}


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [number for number in counts if number is not None]
    return sum(known) if counts and len(known) == len(counts) else None
