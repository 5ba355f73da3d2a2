"""The items of a DynamoDB table in memory: UpdateItem with the expressions that this project sends.

moto takes 10 ms for an update, and more where the item has many attributes: too long for thousands of
updates. tests/unit/guard/test_interleavings.py compares both; what this one does not know, it refuses with an
AssertionError.

Sources: the API reference of UpdateItem (an item that is missing is made; ADD begins at 0; the item of a
condition that is not met is returned where it is asked for) and of BatchGetItem (items that are missing are
left out); the developer guide, "Condition and filter expressions, operators, and functions"
(attribute_exists, attribute_not_exists, <=, AND, OR; contains and size of a set of strings), and "Working
with items and attributes" (an update is made as a whole, and the condition is checked as a part of it);
"Quotas" (an item has 400 KB at most) and "Item sizes and formats" (names and values in UTF-8; a number takes
at most 21 bytes, here its digits). The message of an item that is too large is moto's. Assumed: REMOVE of a
missing attribute does nothing.
"""

import copy
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

Item = dict[str, dict[str, Any]]
Answer = tuple[int, dict[str, Any]]

_SECTION: Final = re.compile(r"\b(SET|ADD|REMOVE) (.*?)(?= (?:SET|ADD|REMOVE) |$)")
_CLAUSE: Final = re.compile(
    r"attribute_(?P<test>exists|not_exists)\((?P<name>#\d+)\)"
    r"|\(attribute_not_exists\((?P<counter>#\d+)\)"
    r" OR (?P=counter) BETWEEN (?P<least>:\d+) AND (?P<most>:\d+)\)"
    r"|\(attribute_not_exists\((?P<set>#\d+)\) OR contains\((?P=set), (?P<text>:\d+)\)"
    r" OR size\((?P=set)\) < (?P<most_texts>:\d+)\)"
    r"|(?P<same>#\d+) = (?P<value>:\d+)"
)
_LARGEST_ITEM: Final = 400 * 1024
_TOO_LARGE: Final = "Item size to update has exceeded the maximum allowed size"
_KNOWN: Final = {
    "TableName",
    "Key",
    "UpdateExpression",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
}


class Items:
    """The items. The caller makes one call at a time, as DynamoDB applies the writes to one item in order."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Item] = {}

    def put(self, item: Item) -> None:
        """Write a whole item."""
        self._items[item["pk"]["S"], item["sk"]["S"]] = copy.deepcopy(item)

    def delete(self, key: str) -> None:
        """Delete a record."""
        del self._items[key, "record"]

    def all(self) -> list[Item]:
        """Every item."""
        return copy.deepcopy(list(self._items.values()))

    def call(self, operation: str, parameters: dict[str, Any]) -> Answer:
        """Answer one operation with a status and a document."""
        return {"UpdateItem": self._update, "BatchGetItem": self._get}[operation](parameters)

    def _get(self, parameters: dict[str, Any]) -> Answer:
        ((table, wanted),) = parameters["RequestItems"].items()
        found = [self._items.get((key["pk"]["S"], key["sk"]["S"])) for key in wanted["Keys"]]
        return 200, {"Responses": {table: [item for item in found if item]}, "UnprocessedKeys": {}}

    def _update(self, parameters: dict[str, Any]) -> Answer:
        assert parameters.keys() <= _KNOWN, parameters.keys() - _KNOWN
        key = parameters["Key"]
        before = self._items.get((key["pk"]["S"], key["sk"]["S"]))
        names: dict[str, str] = parameters["ExpressionAttributeNames"]
        values: Item = parameters.get("ExpressionAttributeValues", {})
        _require_all_used(parameters, names, values)
        condition = parameters.get("ConditionExpression", "")
        for clause in re.split(r" AND (?!:)", condition) if condition else ():
            if not _is_met(clause, before or {}, names, values):
                shown = {"Item": before} if _wants_item(parameters) and before else {}
                return 400, {"__type": "ConditionalCheckFailedException", **shown}
        after = copy.copy(before) if before else {**key}
        try:
            for verb, parts in _SECTION.findall(parameters["UpdateExpression"]):
                for part in parts.split(", "):
                    _ACTIONS[verb](after, part, names, values)
        except TypeError as wrong:
            return 400, {"__type": "ValidationException", "message": str(wrong)}
        if _size(after) > _LARGEST_ITEM:
            return 400, {"__type": "ValidationException", "message": _TOO_LARGE}
        self._items[key["pk"]["S"], key["sk"]["S"]] = after
        return 200, {"Attributes": after} if parameters.get("ReturnValues") == "ALL_NEW" else {}


def _size(item: Item) -> int:
    return sum(
        len(name.encode()) + sum(len(text.encode()) for text in (value.get("SS") or value.values()))
        for name, value in item.items()
    )


def _wants_item(parameters: dict[str, Any]) -> bool:
    return parameters.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def _require_all_used(parameters: dict[str, Any], names: dict[str, str], values: Item) -> None:
    # DynamoDB refuses an alias that is not used, and an attribute that is changed twice. Assumed, as moto
    # does: the API reference does not say it.
    text = f"{parameters['UpdateExpression']} {parameters.get('ConditionExpression', '')}"
    assert set(re.findall(r"[#:]\d+", text)) == {*names, *values}, text
    changed = re.findall(r"#\d+", parameters["UpdateExpression"])
    assert len(changed) == len(set(changed)), text


def _is_met(clause: str, item: Item, names: dict[str, str], values: Item) -> bool:
    found = _CLAUSE.fullmatch(clause)
    assert found is not None, clause
    if found["test"]:
        return (names[found["name"]] in item) is (found["test"] == "exists")
    if found["same"]:
        return item.get(names[found["same"]]) == values[found["value"]]
    if found["set"]:
        if (texts := item.get(names[found["set"]])) is None:
            return True
        return values[found["text"]]["S"] in texts["SS"] or len(texts["SS"]) < int(
            values[found["most_texts"]]["N"]
        )
    counter = item.get(names[found["counter"]])
    least, most = (int(values[found[bound]]["N"]) for bound in ("least", "most"))
    if counter is None:
        return True
    # A number compared with a string is not met (assumed).
    return "N" in counter and least <= Decimal(counter["N"]) <= most


def _set(item: Item, part: str, names: dict[str, str], values: Item) -> None:
    name, _, value = part.partition(" = ")
    item[names[name]] = values[value]


def _add(item: Item, part: str, names: dict[str, str], values: Item) -> None:
    name, _, value = part.partition(" ")
    if "SS" in values[value]:
        texts = item.get(names[name], {"SS": []})["SS"]
        item[names[name]] = {"SS": sorted({*texts, *values[value]["SS"]})}
        return
    before = item.get(names[name], {"N": "0"})
    if "N" not in before:
        # Developer guide, "Update expressions": "The ADD action supports only number and set data types". The
        # text is moto's.
        raise TypeError("An operand in the update expression has an incorrect data type")
    item[names[name]] = {"N": str(Decimal(before["N"]) + int(values[value]["N"]))}


def _remove(item: Item, part: str, names: dict[str, str], _: Item) -> None:
    item.pop(names[part], None)


_ACTIONS: Final[dict[str, Callable[[Item, str, dict[str, str], Item], None]]] = {
    "SET": _set,
    "ADD": _add,
    "REMOVE": _remove,
}
