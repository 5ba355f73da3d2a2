"""CloudWatch Logs Insights, as far as the pages ask it: a query's text over lines of JSON.

``fields``, ``filter``, ``stats … by``, ``sort`` and ``limit``; comparisons, ``in``, ``like`` with a text or
an expression, ``ispresent``, ``and``, ``or``, ``not`` and parentheses; ``count``, ``sum``, ``min``, ``max``
and ``pct``. Whatever else a query has is an error here, even where AWS would take it.
"""

import json
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]
Holds = Callable[[dict[str, Any]], bool]

_TOKEN = re.compile(
    r"""\s*(?: (?P<text>"[^"]*"|'[^']*') | /(?P<expression>(?:[^/\\]|\\.)+)/ | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<name>@?[A-Za-z_][\w.]*) | (?P<sign>!=|<=|>=|[=<>(),\[\]*]) )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def rows_of(lines: Iterable[str]) -> list[Row]:
    """The fields that Insights finds in lines of JSON, nested ones with dots, and those it adds."""
    rows = []
    for moment, line in enumerate(lines):
        found = {"@message": line, "@timestamp": moment}
        _flatten("", json.loads(line), found)
        rows.append(found)
    return rows


def _flatten(path: str, value: Any, into: Row) -> None:
    if isinstance(value, dict):
        for key, each in value.items():
            _flatten(f"{path}.{key}" if path else key, each, into)
    elif value is not None:
        into[path] = value


def ask(query: str, rows: list[Row]) -> list[Row]:
    """Answer a query.

    Args:
        query: its text, comments included.
        rows: the fields of each line.

    Returns:
        The fields that it shows, line by line.

    Raises:
        ValueError: the query has something that this fake does not know.
    """
    shown: list[str] | None = None
    for command in _commands(query):
        words = _Words(command)
        match words.take("name"):
            case "filter":
                holds = _either(words)
                rows = [row for row in rows if holds(row)]
            case "fields":
                shown = [*(shown or []), *words.names()]
            case "stats":
                rows, shown = _stats(words, rows)
            case "sort":
                key, downwards = words.take("name"), words.optional("asc", "desc") == "desc"
                rows = sorted(rows, key=lambda row: row.get(key, ""), reverse=downwards)
            case "limit":
                rows = rows[: int(words.take("number"))]
            case unknown:
                raise ValueError(f"The fake Insights does not know {unknown}")
        words.end()
    if shown is None:
        return rows
    return [{name: row[name] for name in shown if name in row} for row in rows]


def _commands(query: str) -> list[str]:
    plain = re.sub(r"^#.*$", "", query, flags=re.MULTILINE)
    # A bar in an expression or a text is none between commands.
    parts = re.findall(r"""(?:"[^"]*"|'[^']*'|(?<=like )/(?:[^/\\]|\\.)+/|[^|])+""", plain)
    return [part.strip() for part in parts if part.strip()]


class _Words:
    """The words of one command, taken from the front."""

    def __init__(self, command: str) -> None:
        self._command, self._words = command, list[tuple[str, str]]()
        at = 0
        while command[at:].strip():
            match = _TOKEN.match(command, at)
            if not match:
                raise ValueError(f"The fake Insights does not know {command[at:]!r}")
            kind = str(match.lastgroup)
            self._words.append((kind, match[kind].strip("\"'") if kind == "text" else match[kind]))
            at = match.end()

    def peek(self) -> tuple[str, str]:
        return self._words[0] if self._words else ("", "")

    def take(self, kind: str, *values: str) -> str:
        found, value = self.peek()
        if found != kind or (values and value not in values):
            raise ValueError(f"{kind} {values} expected, not {value!r}, in {self._command!r}")
        self._words.pop(0)
        return value

    def optional(self, *values: str) -> str:
        return self._words.pop(0)[1] if self.peek()[1] in values and self.peek()[0] != "text" else ""

    def names(self) -> list[str]:
        found = [self.take("name")]
        while self.optional(","):
            found.append(self.take("name"))
        return found

    def end(self) -> None:
        if self._words:
            raise ValueError(f"{self._words} left over in {self._command!r}")


def _either(words: _Words) -> Holds:
    holds = _both(words)
    while words.optional("or"):
        holds = (lambda first, second: lambda row: first(row) or second(row))(holds, _both(words))
    return holds


def _both(words: _Words) -> Holds:
    holds = _one(words)
    while words.optional("and"):
        holds = (lambda first, second: lambda row: first(row) and second(row))(holds, _one(words))
    return holds


def _one(words: _Words) -> Holds:
    if words.optional("not"):
        inner = _one(words)
        return lambda row: not inner(row)
    if words.optional("("):
        inner = _either(words)
        words.take("sign", ")")
        return inner
    name = words.take("name")
    if name == "ispresent":
        words.take("sign", "(")
        asked = words.take("name")
        words.take("sign", ")")
        return lambda row: asked in row
    negated = bool(words.optional("not"))
    inner = _comparison(words, name)
    return (lambda row: not inner(row)) if negated else inner


def _comparison(words: _Words, name: str) -> Holds:
    if words.optional("in"):
        words.take("sign", "[")
        allowed = [_value(words)]
        while words.optional(","):
            allowed.append(_value(words))
        words.take("sign", "]")
        return lambda row: row.get(name) in allowed
    if words.optional("like"):
        kind, text = words.peek()
        words.take(kind)
        pattern = re.compile(text if kind == "expression" else re.escape(text))
        return lambda row: name in row and bool(pattern.search(str(row[name])))
    compare, value = _COMPARE[words.take("sign", *_COMPARE)], _value(words)
    return lambda row: name in row and compare(row[name], value)


def _value(words: _Words) -> str | float:
    kind, text = words.peek()
    words.take(kind)
    if kind not in ("text", "number"):
        raise ValueError(f"a text or a number expected, not {text!r}")
    return float(text) if kind == "number" else text


def _stats(words: _Words, rows: list[Row]) -> tuple[list[Row], list[str]]:
    wanted = [_aggregate(words)]
    while words.optional(","):
        wanted.append(_aggregate(words))
    keys = words.names() if words.optional("by") else []
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    answered = [
        {**dict(zip(keys, group, strict=True)), **{label: work_out(each) for label, work_out in wanted}}
        for group, each in groups.items()
    ]
    return answered, [*keys, *(label for label, _ in wanted)]


def _aggregate(words: _Words) -> tuple[str, Callable[[list[Row]], Any]]:
    function = words.take("name")
    words.take("sign", "(")
    name = "" if words.optional("*") else words.take("name")
    share = int(words.take("number")) if words.optional(",") else 0
    words.take("sign", ")")
    words.take("name", "as")
    label = words.take("name")

    def work_out(rows: list[Row]) -> Any:
        values = sorted(row[name] for row in rows if name in row)
        match function:
            case "count":
                return len(values) if name else len(rows)
            case "sum":
                return sum(values)
            case "min":
                return values[0]
            case "max":
                return values[-1]
            case "pct":
                return values[round((len(values) - 1) * share / 100)]
            case unknown:
                raise ValueError(f"The fake Insights does not know {unknown}()")

    return label, work_out
