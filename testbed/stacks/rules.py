"""The Rules section of a template: what must hold between parameters before anything is made."""

from typing import Any


def broken(rules: dict[str, Any], values: dict[str, Any]) -> list[str]:
    """What the parameters are not, in the words of the template.

    Args:
        rules: the section.
        values: a value for every parameter.

    Returns:
        For each assertion that fails, its rule's name and its description.

    Raises:
        NotImplementedError: a rule uses a function that the fake AWS cannot judge.
    """
    return [
        f"{name}: {assertion.get('AssertDescription', 'assertion failed')}"
        for name, rule in rules.items()
        if "RuleCondition" not in rule or _holds(rule["RuleCondition"], values)
        for assertion in rule["Assertions"]
        if not _holds(assertion["Assert"], values)
    ]


def _holds(node: dict[str, Any], values: dict[str, Any]) -> bool:
    ((function, arguments),) = node.items()
    if function == "Fn::Equals":
        first, second = (_value(each, values) for each in arguments)
        return bool(first == second)
    if function == "Fn::Contains":
        return _value(arguments[1], values) in arguments[0]
    if function == "Fn::Not":
        return not _holds(arguments[0], values)
    if function in ("Fn::And", "Fn::Or"):
        return (all if function == "Fn::And" else any)(_holds(each, values) for each in arguments)
    raise NotImplementedError(f"The fake AWS cannot judge {function} in a rule")


def _value(node: Any, values: dict[str, Any]) -> Any:
    return values[node["Ref"]] if isinstance(node, dict) else node
