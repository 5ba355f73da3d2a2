"""One statement of an IAM policy, evaluated as IAM does: moto's stumbles over ``?`` and skips conditions.

Sources: IAM User Guide, "IAM JSON policy elements: Condition operators" (each operator, several values, a key
that the request does not have) and "Set operators for multivalued context keys" (``ForAllValues``).
"""

import re
from collections.abc import Mapping
from typing import Any

from moto.iam.access_control import IAMPolicyStatement, PermissionResult

Context = Mapping[str, str | list[str]]
"""The values of the condition keys of a request; a list for a key that can have several."""

# What is true of every request to the fake AWS. AWS itself is only reached over TLS.
CONTEXT: Context = {"aws:SecureTransport": "true"}
FOR_ALL = "ForAllValues:"
KNOWN = frozenset({"Sid", "Effect", "Action", "Resource", "Principal", "Condition"})


def evaluate(
    self: IAMPolicyStatement,
    action: str,
    resource: str = "*",
    principal: str | None = None,
    incoming_condition_values: Context | None = None,
) -> PermissionResult:
    """What the statement says about a request. Takes the place of moto's method of another name.

    Raises:
        NotImplementedError: it says something the fake AWS cannot judge.
    """
    statement = self._statement
    if unknown := sorted(set(statement) - KNOWN):
        raise NotImplementedError(f"The fake AWS cannot judge {unknown} in a policy")
    applies = (
        any(matches(each, action, ignore_case=True) for each in _list(statement["Action"]))
        and any(matches(each, resource) for each in _list(statement.get("Resource", "*")))
        and _is_for(statement.get("Principal"), principal)
        and _holds(statement.get("Condition", {}), {**CONTEXT, **(incoming_condition_values or {})})
    )
    if not applies:
        return PermissionResult.NEUTRAL
    return PermissionResult.PERMITTED if statement["Effect"] == "Allow" else PermissionResult.DENIED


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """IAM's wildcards: ``*`` is any text, ``?`` is one character, and nothing else is special."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return bool(re.fullmatch(expression, text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)))


def _is_for(named: Any, principal: str | None) -> bool:
    if named is None or named == "*":
        return True
    if not isinstance(named, dict):
        return False
    accounts = _list(named.get("AWS", []))
    return "*" in accounts or (principal is not None and principal in accounts)


def _holds(conditions: dict[str, dict[str, Any]], context: Context) -> bool:
    return all(
        _compare(operator, [str(each) for each in _list(values)], context.get(key))
        for operator, wanted in conditions.items()
        for key, values in wanted.items()
    )


def _compare(operator: str, values: list[str], actual: str | list[str] | None) -> bool:
    if operator.startswith(FOR_ALL):
        # "It also returns true if there are no context keys in the request" (the set operators' page).
        each_is = operator.removeprefix(FOR_ALL)
        return all(_compare(each_is, values, each) for each in _list([] if actual is None else actual))
    if isinstance(actual, list):
        raise NotImplementedError(f"The fake AWS cannot judge {operator} for a key with several values")
    match operator:
        case "StringEquals":
            return actual in values
        case "NumericLessThanEquals":
            return actual is not None and any(float(actual) <= float(each) for each in values)
        case "Bool" | "StringLike" | "ArnLike" | "ArnEquals":
            ignore_case = operator == "Bool"
            return actual is not None and any(
                matches(each, actual, ignore_case=ignore_case) for each in values
            )
    raise NotImplementedError(f"The fake AWS cannot judge the condition {operator}")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def install() -> None:
    """Put this in the place of moto's."""
    IAMPolicyStatement.is_action_permitted = evaluate  # type: ignore[method-assign]
