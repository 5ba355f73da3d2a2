"""What template.yaml says about parameters and about the function's variables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml import CSafeLoader


@dataclass(frozen=True, slots=True)
class Reference:
    """``!Ref``: the value of a parameter, or of one of CloudFormation's own, such as ``AWS::StackName``."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """``!If``: one of two values, by a condition."""

    parameters: tuple[str, ...]
    """The parameters that decide the condition."""
    then: "Value"
    otherwise: "Value"


Value = str | Reference | Choice


class _Loader(CSafeLoader):
    """YAML with CloudFormation's short forms, each read as its long form but for ``!Ref``."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> object:
    if suffix == "Ref":
        return Reference(str(node.value))
    value: object
    if isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        value = node.value
    return {suffix if suffix == "Condition" else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True, slots=True)
class StackTemplate:
    """The part of a template that the documentation shows."""

    parameters: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, Value]
    """The function's environment variables."""

    @classmethod
    def read(cls, path: Path) -> "StackTemplate":
        """Read a template.

        Args:
            path: the template, in YAML.

        Returns:
            What it says.

        Raises:
            ValueError: a variable has a value that is neither a text, ``!Ref`` nor ``!If``.
        """
        document = _Loader(path.read_text(encoding="utf-8")).get_single_data()
        function = document["Resources"]["TravelGPTFunction"]["Properties"]
        conditions = document.get("Conditions", {})
        variables = {
            name: _value(given, conditions) for name, given in function["Environment"]["Variables"].items()
        }
        return cls(document["Parameters"], variables)


def _value(given: object, conditions: Mapping[str, Any]) -> Value:
    match given:
        case str() | Reference():
            return given
        case {"Fn::If": [str() as condition, then, otherwise]}:
            named = tuple(dict.fromkeys(_references(conditions[condition], conditions)))
            return Choice(named, _value(then, conditions), _value(otherwise, conditions))
    raise ValueError(f"{given!r} is neither a text, !Ref nor !If")


def _references(condition: object, conditions: Mapping[str, Any]) -> Iterator[str]:
    """Return the names that a condition refers to, those of the conditions in it too."""
    match condition:
        case Reference():
            yield condition.name
        case {"Condition": str() as name}:
            yield from _references(conditions[name], conditions)
        case dict():
            for part in condition.values():
                yield from _references(part, conditions)
        case list():
            for part in condition:
                yield from _references(part, conditions)
