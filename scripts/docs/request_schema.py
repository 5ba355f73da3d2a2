"""The schema of the body of a POST, from what reads it."""

from typing import Any, Final, get_args

from travel_gpt.advisor.question import Format
from travel_gpt.advisor.trip import MOST_DAYS
from travel_gpt.api.constraint_fields import FIELDS
from travel_gpt.api.field_kinds import Amount, CalendarDay, Kind, Parts, Several, Text, Whole, Word, YesOrNo
from travel_gpt.api.request import MAX_QUERY_CHARACTERS, VISIBLE

Schema = dict[str, Any]

_DESCRIPTION: Final = (
    "What is asked. The fields beside `query` and `format` say what a trip must keep to; each is optional, "
    "and null is the same as leaving it out. Of `start`, `end` and `nights`, two are enough. Other fields "
    "are ignored, except where a name is nearly one of these: then the request is refused, and `message` "
    "says which was probably meant."
)

_DESCRIPTIONS: Final = {
    "query": "What the traveller would like to know, in any language. It is trimmed before it is "
    "measured, and needs a character that is no control character and no space.",
    "format": "What the answer is to be: `prose`, the default, is plain text; `itinerary` is a typed trip "
    "that code has checked.",
    "origin": "Where the trip begins.",
    "destinations": "The places that the trip must have.",
    "start": "The first day: yesterday (UTC) at the earliest, and two years ahead at the latest.",
    "end": f"The last day, in the same limits. A trip has {MOST_DAYS} days at most.",
    "nights": "How many nights the trip has: with `start` and `end`, those between them.",
    "round_trip": "Whether the trip has to end where it began.",
    "travellers": "Who travels.",
    "travellers.adults": "How many adults.",
    "travellers.children": "The age of each child, in years.",
    "travellers.children_without_ages": "How many children there are besides, of ages that are not said.",
    "budget": "The most that the trip may cost, for all travellers together.",
    "budget.amount": "The sum.",
    "budget.currency": "The code of the currency (ISO 4217), in large or small letters.",
    "pace": "How much there is to do in a day.",
    "interests": "What the travellers like.",
    "diet": "What each meal has to suit.",
    "mobility": "What every leg and every lodging has to suit.",
    "lodging": "The kinds of lodging that are wanted; any of them will do.",
    "transport": "The means of transport between towns that are wanted; any of them will do.",
    "language": "The language of the answer, as a BCP 47 tag. Without it, that of the query.",
}


def request_schema() -> Schema:
    """Return the schema."""
    query = {"type": "string", "minLength": 1, "maxLength": MAX_QUERY_CHARACTERS, "pattern": VISIBLE}
    fields = {
        "query": query,
        "format": _or_null({"type": "string", "enum": list(get_args(Format)), "default": "prose"}),
        **{name: _or_null(_of_kind(kind, name)) for name, kind in FIELDS.items()},
    }
    properties = {name: _described(schema, name) for name, schema in fields.items()}
    return {"type": "object", "description": _DESCRIPTION, "required": ["query"], "properties": properties}


def _of_kind(kind: Kind, name: str) -> Schema:
    match kind:
        case Text():
            return {"type": "string", "maxLength": kind.most, "pattern": f"^{kind.pattern}$"}
        case Word():
            return {"type": "string", "enum": list(kind.words)}
        case Whole():
            return {"type": "integer", "minimum": kind.least, "maximum": kind.most}
        case Amount():
            return {"type": "number", "exclusiveMinimum": 0, "maximum": kind.most}
        case YesOrNo():
            return {"type": "boolean"}
        case CalendarDay():
            return {"type": "string", "format": "date"}
        case Several():
            once = {"uniqueItems": True} if kind.once else {}
            return {"type": "array", "maxItems": kind.most, **once, "items": _of_kind(kind.kind, name)}
        case Parts():
            parts = {
                part: _described(_of_kind(each, f"{name}.{part}"), f"{name}.{part}")
                for part, each in kind.kinds.items()
            }
            needed = {"required": list(parts)} if kind.required else {}
            if not kind.required:
                parts = {part: _or_null(schema) for part, schema in parts.items()}
            return {"type": "object", **needed, "properties": parts, "additionalProperties": False}
        case _:
            raise TypeError(f"{name} is of a kind that has no schema")


def _or_null(schema: Schema) -> Schema:
    nullable = {**schema, "type": [schema["type"], "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable


def _described(schema: Schema, name: str) -> Schema:
    return {**schema, "description": _DESCRIPTIONS[name]}
