"""DynamoDB's expressions for one update of one item."""

from typing import Any


class ItemUpdate:
    """An update with its conditions, all of which must be met."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, dict[str, Any]] = {}
        self._conditions: list[str] = []
        self._actions: dict[str, list[str]] = {"SET": [], "ADD": [], "REMOVE": []}

    def require(self, attribute: str) -> None:
        """Require that an attribute is there."""
        self._conditions.append(f"attribute_exists({self._name(attribute)})")

    def require_absent(self, attribute: str) -> None:
        """Require that an attribute is not there."""
        self._conditions.append(f"attribute_not_exists({self._name(attribute)})")

    def require_equal(self, attribute: str, value: int) -> None:
        """Require that an attribute is this number."""
        self._conditions.append(f"{self._name(attribute)} = {self._value(value)}")

    def require_text(self, attribute: str, text: str) -> None:
        """Require that an attribute is this text."""
        self._conditions.append(f"{self._name(attribute)} = {self._text(text)}")

    def require_at_most(self, attribute: str, most: int) -> None:
        """Require that an attribute is not there, or is a number from 0 to ``most``."""
        name, least = self._name(attribute), self._value(0)
        self._conditions.append(
            f"(attribute_not_exists({name}) OR {name} BETWEEN {least} AND {self._value(most)})"
        )

    def require_capacity(self, attribute: str, text: str, most: int) -> None:
        """Require that a set of texts is not there, has this one, or has fewer than ``most``."""
        name = self._name(attribute)
        self._conditions.append(
            f"(attribute_not_exists({name}) OR contains({name}, {self._text(text)}) "
            f"OR size({name}) < {self._value(most)})"
        )

    def set(self, attribute: str, value: int) -> None:
        """Write an attribute."""
        self._actions["SET"].append(f"{self._name(attribute)} = {self._value(value)}")

    def set_text(self, attribute: str, value: str) -> None:
        """Write a text."""
        self._actions["SET"].append(f"{self._name(attribute)} = {self._text(value)}")

    def add(self, attribute: str, amount: int) -> None:
        """Add to an attribute, which begins at 0."""
        self._actions["ADD"].append(f"{self._name(attribute)} {self._value(amount)}")

    def add_to_set(self, attribute: str, text: str) -> None:
        """Add a text to a set of texts, unless the set has it."""
        alias = f":{len(self._values)}"
        self._values[alias] = {"SS": [text]}
        self._actions["ADD"].append(f"{self._name(attribute)} {alias}")

    def remove(self, *attributes: str) -> None:
        """Delete attributes."""
        self._actions["REMOVE"] += map(self._name, attributes)

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of UpdateItem."""
        actions = [f"{verb} {', '.join(parts)}" for verb, parts in self._actions.items() if parts]
        found: dict[str, Any] = {
            "UpdateExpression": " ".join(actions),
            "ExpressionAttributeNames": {alias: name for name, alias in self._names.items()},
        }
        if self._values:
            found["ExpressionAttributeValues"] = self._values
        if self._conditions:
            found["ConditionExpression"] = " AND ".join(self._conditions)
        return found

    def _name(self, attribute: str) -> str:
        # Each through an alias: a model's name has dots, and some of ours are words of the expressions.
        return self._names.setdefault(attribute, f"#{len(self._names)}")

    def _text(self, text: str) -> str:
        alias = f":{len(self._values)}"
        self._values[alias] = {"S": text}
        return alias

    def _value(self, number: int) -> str:
        alias = f":{len(self._values)}"
        self._values[alias] = {"N": str(number)}
        return alias
