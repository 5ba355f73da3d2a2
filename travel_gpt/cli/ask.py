"""``travel-gpt ask``: a query, and its answer."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from travel_gpt.base_url import is_loopback
from travel_gpt.cli.asked_api import Api, sentences, typed_key
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import INTERRUPTED, USAGE, CliError
from travel_gpt.cli.printable import json_text, printable
from travel_gpt.client import (
    AccessRefused,
    Answer,
    ApiError,
    Format,
    Stream,
    TravelGPT,
)
from travel_gpt.redaction import StreamConcealer, conceal, guard

_STOP_TIMEOUT: Final = 5.0
_STOPPED: Final = "The answer was stopped."


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    query: str
    format: Format = "prose"
    constraints: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request besides."""


def ask(
    question: Question, api: Api, console: Console, *, as_json: bool = False, save_to: Path | None = None
) -> None:
    """Ask, and print the answer to standard output while it is written. Remarks go to standard error.

    A trip is printed once it is complete.

    Args:
        question: what to ask.
        api: the API to ask.
        console: where to print the answer.
        as_json: print the JSON object of the answer instead, once it is complete.
        save_to: a file for a trip, which can be written.

    Raises:
        CliError: there is no answer, or not the whole one, or it cannot be saved.
    """
    try:
        try:
            answer = _ask(question, api, console, as_json=as_json)
        except AccessRefused as refused:
            # Whether an API asks for a key is known once it refuses a query without one.
            if api.key or refused.code != "forbidden":
                raise
            api = replace(api, key=typed_key(api.url, console))
            answer = _ask(question, api, console, as_json=as_json)
    except ApiError as failed:
        raise CliError(sentences(failed, api)) from None
    try:
        if as_json:
            console.raw(json_text(answer.body))
        else:
            if question.format == "itinerary":
                _show_trip(answer, console)
            _report(answer, console)
    finally:
        # It is paid for, also where it cannot be shown.
        if save_to is not None and answer.itinerary is not None:
            _save(answer, save_to, console)
    if question.format == "itinerary" and answer.itinerary is None:
        raise CliError(
            "The API answered with prose: it is of a version that makes no trips. Deploy it again, or ask "
            "without --format and --save."
        )


def _ask(question: Question, api: Api, console: Console, *, as_json: bool) -> Answer:
    guard(api.key)
    try:
        client = TravelGPT(api.url, api_key=api.key or None, retries=0)
    except ValueError as wrong:
        raise CliError(f"{wrong} Nothing was asked.", USAGE) from None
    with client:
        try:
            return _read(client, question, console, as_json=as_json)
        except KeyboardInterrupt:
            raise CliError(f"\nInterrupted. {_after_leaving(client)}", INTERRUPTED) from None


def _read(client: TravelGPT, question: Question, console: Console, *, as_json: bool) -> Answer:
    asked: dict[str, Any] = {"format": question.format, "constraints": question.constraints}
    with ExitStack() as waiting:
        now = waiting.enter_context(console.working("Waiting for the answer"))
        try:
            stream = client.stream(question.query, **asked)
        except ApiError as refused:
            if not _does_not_stream(refused):
                raise
            answer = client.ask(question.query, **asked)
            waiting.close()
            if not as_json and question.format == "prose":
                console.piece(f"{printable(conceal(answer.text))}\n")
                console.aside("\nThis API does not stream, so the answer came whole.")
            return answer
        with stream:
            try:
                if question.format == "itinerary":
                    return _follow(stream, now)
                return stream.answer() if as_json else _show(stream, waiting, console)
            except KeyboardInterrupt:
                waiting.close()
                raise CliError(f"\nInterrupted. {_stop(stream, client)}", INTERRUPTED) from None
            except (BrokenPipeError, CliError):
                _stop(stream, client)
                raise


def _follow(stream: Stream, now: Callable[[str], None]) -> Answer:
    """Read a stream to its end, and show how far the trip is."""
    from travel_gpt.cli.itinerary.progress import Progress

    progress = Progress(now)
    for name, data in stream.events():
        progress.take(name, data)
    return stream.answer()


def _show_trip(answer: Answer, console: Console) -> None:
    if answer.itinerary is None:
        console.piece(f"{printable(conceal(answer.text))}\n")
        return
    # What reads and shows a trip takes a tenth of a second to import.
    from travel_gpt.cli.itinerary.page import trip_page
    from travel_gpt.cli.itinerary.reply import read_reply

    console.page(trip_page(read_reply(answer), console.width))


def _save(answer: Answer, path: Path, console: Console) -> None:
    from travel_gpt.cli.itinerary.saving import save

    save(answer, path)
    console.aside(f"Saved to {path}.")


def _stop(stream: Stream, client: TravelGPT) -> str:
    """Stop the answer at the API, and say whether that was possible."""
    with suppress(ApiError):
        stream.stop(timeout=_STOP_TIMEOUT)
        if stream.request_id:
            return _STOPPED
    return _after_leaving(client)


def _after_leaving(client: TravelGPT) -> str:
    # A server on this machine sees that its reader has left.
    if is_loopback(client.base_url):
        return _STOPPED
    return "The API may go on with the answer, up to its time limit."


def _does_not_stream(refused: ApiError) -> bool:
    """Return whether a refusal may be of the stream's route alone.

    An API of an older version, or before it was deployed again, does not know the path: API Gateway answers
    403 or 404.
    """
    return refused.code == "streaming_disabled" or (
        refused.status in (403, 404) and refused.code not in ("client_disabled", "client_expired")
    )


def _show(stream: Stream, waiting: ExitStack, console: Console) -> Answer:
    concealer, last = StreamConcealer(), "\n"
    try:
        for piece in stream:
            waiting.close()
            if text := printable(concealer.feed(piece)):
                console.piece(text)
                last = text
    finally:
        waiting.close()
        rest = printable(concealer.end())
        console.piece(rest if (rest or last).endswith("\n") else f"{rest}\n")
    return stream.answer()


def _report(answer: Answer, console: Console) -> None:
    said = [answer.model] if answer.model else []
    if answer.usage.total_tokens is not None:
        said.append(f"{answer.usage.total_tokens:,} tokens")
    if answer.usage.cost_usd is not None:
        said.append(f"{answer.usage.cost_usd:.6f} USD")
    if budget := answer.budget:
        whose = "the client" if budget.whose == "client" else "the API"
        said.append(
            f"{budget.left_usd:.2f} of {budget.limit_usd:.2f} USD left of the budget of {whose} for the "
            f"{budget.period}"
        )
    if said:
        console.aside(printable(f"\n{', '.join(said)}"))
    if answer.body.get("stopped") is True:
        console.aside("The answer is not complete: it was stopped.")
    elif answer.truncated and answer.itinerary is None:
        console.aside("The answer is not complete: it reached the limit of its length. Ask for less at once.")
    for warning in answer.warnings:
        console.aside(printable(warning))
