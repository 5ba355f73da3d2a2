"""What is said about a trip in sentences, at the terminal and in a saved file."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from travel_gpt.advisor.checks.result import Outcome, Severity
from travel_gpt.advisor.trip import MissingReason
from travel_gpt.advisor.trip_text import why_missing
from travel_gpt.cli.itinerary.reply import Repair, Reply
from travel_gpt.cli.itinerary.wording import counted, listed
from travel_gpt.cli.printable import one_line

VERIFY_BEFORE_BOOKING: Final = (
    "Opening hours, prices, timetables and entry rules are the model's: look them up before you book."
)

_WHAT_TO_DO: Final[Mapping[MissingReason | None, str]] = {
    "no_time": "Ask again, or for fewer days.",
    "no_budget": "Ask for fewer days, or once the budget has more left.",
    "invalid": "Ask again.",
    "refused": "Ask in other words.",
    "upstream": "Ask again later.",
    None: "Ask again, or for fewer days.",
}


def verdict(reply: Reply) -> str:
    """Say whether the trip is verified, and why not."""
    checks = reply.checks
    every = checks.rules_checked == checks.rules_that_apply
    rules = (
        f"{'all' if every else f'{checks.rules_checked} of the'} {counted(checks.rules_that_apply, 'rule')}"
    )
    percent = (
        f"{_percent(checks.share_checked)} of what they are about; {_percent(checks.share_needed)} needed"
    )
    share = f"{rules} that apply to this trip could be checked ({percent})"
    if checks.verified:
        return f"Verified: no errors were found, and {share}."
    because = listed(list(_reasons(reply)) or ["the API gives no reason"])
    return f"Not verified: {because}. {share[0].upper()}{share[1:]}."


def _reasons(reply: Reply) -> Iterator[str]:
    if errors := list(reply.checks.found(Severity.ERROR)):
        yield f"{counted(len(errors), 'error')} {'was' if len(errors) == 1 else 'were'} found"
    if reply.checks.share_checked < reply.checks.share_needed:
        yield "too little could be checked"
    for result in reply.checks.results:
        # Of each rule whose violations are errors, enough has to be checked as well.
        errs = result.severity is Severity.ERROR and result.applies and not result.violations
        if errs and result.checked < reply.checks.share_needed:
            yield f"{_words(result.rule)} could be checked for {_percent(result.checked)} only"
    if reply.trip.missing_days:
        yield "days are missing"


def _percent(share: float) -> str:
    # Rounded down, so that 79.9 % do not look like the 80 % that are needed.
    return f"{int(share * 100 + 1e-9)} %"


def unchecked(reply: Reply) -> Iterator[str]:
    """Yield a sentence for each rule that could not be checked, or not all of it."""
    for result in reply.checks.unchecked():
        part = "" if result.outcome is Outcome.NOT_CHECKABLE else ", in part"
        yield f"{_words(result.rule)}{part}: {one_line(result.why)}"


def missing(reply: Reply) -> str:
    """Say which days are missing, why, and what to do about it; empty for none."""
    trip, said = reply.trip, []
    days_by_reason: dict[MissingReason | None, list[int]] = {}
    for day in trip.missing_days:
        days_by_reason.setdefault(trip.missing_because.get(day), []).append(day)
    for reason, days in days_by_reason.items():
        which = f"Day {days[0]} is" if len(days) == 1 else f"Days {listed(days)} are"
        said.append(f"{which} not planned: {why_missing(trip, days[0])}. {_WHAT_TO_DO[reason]}")
    return " ".join(said)


def repaired(reply: Reply) -> str:
    """Say what became of what was wrong; empty where nothing was."""
    match reply.repair.outcome:
        case "not_needed":
            return ""
        case "not_possible":
            return "What is wrong cannot be repaired day by day, so the model was not asked again."
        case "done":
            return _new_days(reply.repair)
        case "partly":
            return f"{_new_days(reply.repair)} Not all that was wrong could be repaired."
        case "failed":
            return "The model was asked to repair days, and the new ones were not better."
        case "no_time":
            return "There was no time for a repair."
        case "no_budget":
            return "The budget had too little left for a repair."


def _new_days(repair: Repair) -> str:
    days = repair.days
    which = f"Day{'' if len(days) == 1 else 's'} {listed(days)}" if days else "Days"
    said = f"{which} {'was' if len(days) == 1 else 'were'} repaired: written again by the model."
    if not repair.before:
        return said
    return f"{said} Before, the trip broke the rules on {listed([_words(rule) for rule in repair.before])}."


def understood(reply: Reply) -> str:
    """Say what was understood from the query alone; empty for nothing."""
    names = reply.understood.get("from_query")
    said = [
        f"{_words(name.rpartition('.')[2])} {value}"
        for name in (names if isinstance(names, list) else [])
        if isinstance(name, str) and (value := _value(_field(reply.understood, name)))
    ]
    return f"Understood from your words: {'; '.join(said)}." if said else ""


def _field(fields: Mapping[str, Any], name: str) -> object:
    """Return the value of a field, such as ``travellers.adults``."""
    within, _, rest = name.partition(".")
    found = fields.get(within)
    return (_field(found, rest) if isinstance(found, dict) else None) if rest else found


def _value(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case {"amount": int() | float() as budget, "currency": str() as currency}:
            return f"{budget:,} {one_line(currency)}"
        case dict():
            parts = ((_words(name), _value(each)) for name, each in value.items())
            return ", ".join(f"{name} {text}" for name, text in parts if text)
        case list():
            return ", ".join(filter(None, (_value(each) for each in value)))
    return _words(str(value))


def _words(name: str) -> str:
    return one_line(name).replace("_", " ")
