"""Conditions and intrinsic functions, resolved; what CloudFormation would not accept is refused."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any, Protocol

from testbed.stacks.document import Document, InvalidTemplate

PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")
# Stands for a property that AWS::NoValue takes away.
NO_VALUE = object()


class Physical(Protocol):
    """What a created resource answers to ``Ref`` and ``Fn::GetAtt``."""

    @property
    def physical_id(self) -> str: ...
    @property
    def attributes(self) -> dict[str, Any]: ...


class Resolver:
    """Resolves values of one template against parameters, pseudo parameters and created resources.

    Args:
        document: the template.
        pseudo: ``AWS::Region`` and the like.
        resource: gives the created resource of a logical id.
    """

    def __init__(
        self, document: Document, pseudo: dict[str, Any], resource: Callable[[str], Physical]
    ) -> None:
        self._template = document.template
        self._values: dict[str, Any] = {**pseudo, **document.parameters, "AWS::NoValue": NO_VALUE}
        self._resource = resource
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda a: a[0].join(_text(part) for part in self.value(a[1])),
            "Fn::Split": lambda a: self.value(a[1]).split(a[0]),
            "Fn::Select": lambda a: self.value(a[1])[int(self.value(a[0]))],
            "Fn::If": lambda a: self.value(a[1] if self.condition(a[0]) else a[2]),
            "Fn::Base64": lambda a: base64.b64encode(self.value(a).encode()).decode(),
        }

    def value(self, node: Any) -> Any:
        """The value of a node; what resolves to ``AWS::NoValue`` is left out of its parent."""
        if isinstance(node, dict):
            if len(node) == 1:
                (name,) = node
                if name in self._functions:
                    return self._functions[name](node[name])
                if name.startswith("Fn::"):
                    raise InvalidTemplate(f"Template error: the fake AWS does not know {name}")
            return {k: v for k, v in ((k, self.value(v)) for k, v in node.items()) if v is not NO_VALUE}
        if isinstance(node, list):
            return [v for v in map(self.value, node) if v is not NO_VALUE]
        return node

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        try:
            return self._holds(self._template.get("Conditions", {})[name])
        except KeyError:
            raise InvalidTemplate(f"Template error: unresolved condition dependency {name}") from None

    def _holds(self, node: Any) -> bool:
        (name, argument), *more = node.items()
        if more:
            raise InvalidTemplate(f"Template error: every Condition has one function, not {node}")
        if name == "Condition":
            return self.condition(argument)
        if name == "Fn::Equals":
            return _text(self.value(argument[0])) == _text(self.value(argument[1]))
        if name == "Fn::Not":
            return not self._holds(argument[0])
        if name == "Fn::And":
            return all(self._holds(each) for each in argument)
        if name == "Fn::Or":
            return any(self._holds(each) for each in argument)
        raise InvalidTemplate(f"Template error: {name} is no condition function")

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        return self._resource(name).physical_id

    def _get_att(self, argument: Any) -> Any:
        logical_id, _, attribute = (
            argument.partition(".") if isinstance(argument, str) else (argument[0], ".", argument[1])
        )
        attributes = self._resource(logical_id).attributes
        if attribute not in attributes:
            raise InvalidTemplate(f"Requested attribute {attribute} does not exist in schema of {logical_id}")
        return attributes[attribute]

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            if match[1]:
                return "${" + match[2] + "}"
            name = match[2].strip()
            if name in own:
                return _text(self.value(own[name]))
            found = self._get_att(name) if "." in name else self._ref(name)
            return "" if found is NO_VALUE else _text(found)

        return PLACEHOLDER.sub(replace, text)


def references(node: Any, conditions: Callable[[str], bool]) -> set[str]:
    """The names a node refers to, those in the untaken branch of an ``Fn::If`` left out."""
    if isinstance(node, list):
        return set().union(*(references(each, conditions) for each in node))
    if not isinstance(node, dict):
        return set()
    found: set[str] = set()
    for name, argument in node.items():
        if name == "Ref":
            found.add(argument)
        elif name == "Fn::GetAtt":
            found.add(argument.split(".")[0] if isinstance(argument, str) else argument[0])
        elif name == "Fn::Sub":
            text, own = argument if isinstance(argument, list) else (argument, {})
            found |= {m[2].strip().split(".")[0] for m in PLACEHOLDER.finditer(text) if not m[1]} - set(own)
            found |= references(own, conditions)
        elif name == "Fn::If":
            found |= references(argument[1] if conditions(argument[0]) else argument[2], conditions)
        else:
            found |= references(argument, conditions)
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return json.dumps(value)
    if value is NO_VALUE or isinstance(value, (dict, list)):
        raise InvalidTemplate(f"Template error: text was expected, not {value!r}")
    return str(value)
