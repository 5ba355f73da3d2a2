"""An update of an existing stack keeps what its owner relies on: address, key, logs and behaviour."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.released_stack import VARIANTS, describe_all

RELEASED = sorted((Path(__file__).parent / "released").glob("*.json"))


@pytest.fixture(scope="module")
def present() -> dict[str, Any]:
    return describe_all()


@pytest.fixture(scope="module", params=RELEASED, ids=lambda path: path.stem)
def released(request: pytest.FixtureRequest) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(request.param.read_text("utf-8"))
    return record


def test_a_parameter_that_the_owner_never_set_keeps_its_value(
    present: dict[str, Any], released: dict[str, Any]
) -> None:
    assert present["parameters"] | released["parameters"] == present["parameters"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_resource_is_removed_or_replaced_and_the_functions_keep_their_settings(
    present: dict[str, Any], released: dict[str, Any], variant: str
) -> None:
    before, after = released["stacks"][variant], present["stacks"][variant]

    assert after["resources"] | before["resources"] == after["resources"]
    assert set(before["outputs"]) <= set(after["outputs"])
    kept = {function: after["variables"][function] | each for function, each in before["variables"].items()}
    assert after["variables"] | kept == after["variables"]
