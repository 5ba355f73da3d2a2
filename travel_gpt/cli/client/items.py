"""The items of the table in DynamoDB's JSON, as the command reads them: anyone may have damaged one."""

from typing import Any

from travel_gpt.guard.clients import record_key


def item_key(kind: str, name: str) -> dict[str, dict[str, str]]:
    """Return the key of a record.

    Args:
        kind: as for ``record_key``.
        name: as for ``record_key``.
    """
    return {attribute: {"S": value} for attribute, value in record_key(kind, name).items()}


def kind_of(item: dict[str, Any]) -> str:
    """Return what an item is, such as ``client``."""
    return text_of(item, "pk").partition("#")[0]


def text_of(item: dict[str, Any], attribute: str) -> str:
    """Return a text; an empty one where there is none."""
    return str(item.get(attribute, {}).get("S", ""))


def whole_number(item: dict[str, Any], attribute: str) -> int:
    """Return a counter; 0 where there is none, or no whole number."""
    text = str(item.get(attribute, {}).get("N", ""))
    return int(text) if text.removeprefix("-").isdecimal() else 0
