"""What the results show: the trips that keep each rule before and after the repair, time, tokens and cost."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from scripts.evaluate.costs import Costs, trips_of
from scripts.evaluate.results import Result


@dataclass
class RuleCount:
    """How many trips keep a rule.

    A rule that was broken before the repair, and has nothing left to check after it, is kept after it.
    """

    severity: str
    trips: int = 0
    """In which it was checked."""
    broken_before: int = 0
    broken_after: int = 0
    not_checkable: int = 0
    """Trips that it applies to, but could not be checked in."""

    def add(self, *, checked: bool, before: bool, after: bool, applies: bool) -> None:
        """Count a trip.

        Args:
            checked: whether it could be checked.
            before: whether the trip broke it before the repair.
            after: whether it does now.
            applies: whether there is something that it is about.
        """
        if checked or before:
            self.trips += 1
            self.broken_before += before
            self.broken_after += after
        elif applies:
            self.not_checkable += 1

    def row(self, name: str) -> list[str]:
        """Return a row of the table."""
        kept = [self.trips - broken for broken in (self.broken_before, self.broken_after)]
        cells = [f"{each} ({each / self.trips:.0%})" if self.trips else "" for each in kept]
        return [name, self.severity, str(self.trips), *cells, str(self.not_checkable or "")]


def report(results: Sequence[Result], costs: Costs) -> str:
    """Write the report.

    Args:
        results: the results.
        costs: what trips cost where the API does not say it.

    Returns:
        The lines: a table of the rules, and the other figures.
    """
    if not _replies(results):
        return "\n".join(columns([_queries(results)]))
    head = ["Rule", "Severity", "Trips", "Kept before", "Kept after", "Not checkable"]
    return "\n".join([*columns([head, *_rule_rows(results)]), "", *columns(list(_figures(results, costs)))])


def rule_counts(results: Sequence[Result]) -> dict[str, RuleCount]:
    """Count the trips that keep each rule, by its name, and then those that keep all rules of a severity."""
    rules: dict[str, RuleCount] = {}
    together = {f"all, {severity}s": RuleCount(severity) for severity in ("error", "warning")}
    for reply in _replies(results):
        before = set(reply["repair"]["before"])
        checks = reply["checks"]["results"]
        for each in checks:
            rules.setdefault(each["rule"], RuleCount(each["severity"])).add(
                checked=each["outcome"] != "not_checkable",
                before=each["rule"] in before,
                after=each["outcome"] == "violated",
                applies=each["applies"],
            )
        for count in together.values():
            of_it = [each for each in checks if each["severity"] == count.severity]
            count.add(
                checked=True,
                before=any(each["rule"] in before for each in of_it),
                after=any(each["outcome"] == "violated" for each in of_it),
                applies=True,
            )
    return rules | together


def _rule_rows(results: Sequence[Result]) -> Iterator[list[str]]:
    for name, count in rule_counts(results).items():
        if count.trips or count.not_checkable:
            yield count.row(name)


def _figures(results: Sequence[Result], costs: Costs) -> Iterator[list[str]]:
    replies = _replies(results)
    trips = len(replies)
    yield _queries(results)
    models = Counter(str(reply["model"]) for reply in replies)
    yield ["Model", _counted(models) if len(models) > 1 else next(iter(models))]
    yield ["Complete", f"{of(sum(not reply['truncated'] for reply in replies), trips)}: no day is missing"]
    verified = sum(reply["checks"]["verified"] for reply in replies)
    yield ["Verified", f"{of(verified, trips)}: no error, and enough could be checked"]
    shares = [float(reply["checks"]["share_checked"]) for reply in replies]
    needed = max(float(reply["checks"]["share_needed"]) for reply in replies)
    yield ["Share checked", f"median {median(shares):.2f}, least {min(shares):.2f}; {needed:g} is enough"]
    yield ["Repair", _counted(Counter(reply["repair"]["outcome"] for reply in replies))]
    seconds = [each.seconds for each in results if each.reply is not None]
    yield ["Time", f"median {median(seconds):.1f} s, 90th percentile {percentile_90(seconds):.1f} s"]
    yield ["Tokens", _tokens(replies)]
    yield ["Cost", costs.sentence(results)]


def _queries(results: Sequence[Result]) -> list[str]:
    failed = Counter(each.error["code"] for each in results if each.error is not None)
    said = f"{len(results)}: {trips_of(len(_replies(results)))}, {sum(failed.values())} failed"
    return ["Queries", said + (f" ({_counted(failed)})" if failed else "")]


def _tokens(replies: Sequence[Mapping[str, Any]]) -> str:
    counted = [
        (usage["input_tokens"], usage["output_tokens"]) for usage in (each["usage"] for each in replies)
    ]
    known = [(given, answered) for given, answered in counted if given is not None and answered is not None]
    if not known:
        return "not known: the model's server does not report them"
    middle = [median(column) for column in zip(*known, strict=True)]
    given, answered = (sum(column) for column in zip(*known, strict=True))
    unknown = f"; {trips_of(len(counted) - len(known))} without" if len(known) < len(counted) else ""
    return (
        f"{given:,} in, {answered:,} out; median of a trip {middle[0]:,.0f} in, {middle[1]:,.0f} out{unknown}"
    )


def percentile_90(values: Sequence[float]) -> float:
    """Return the value that 9 in 10 are not above."""
    return quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]


def of(number: int, whole: int) -> str:
    """Write a number of a whole, and its share."""
    return f"{number} of {whole} ({number / whole:.0%})" if whole else "0"


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write rows with their columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _replies(results: Sequence[Result]) -> list[Mapping[str, Any]]:
    return [each.reply for each in results if each.reply is not None]


def _counted(counter: "Counter[str]") -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())
