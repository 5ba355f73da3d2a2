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
    before = released["parameters"]

    assert {name: present["parameters"].get(name) for name in before} == before


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_resource_is_removed_or_replaced(
    present: dict[str, Any], released: dict[str, Any], variant: str
) -> None:
    before = released["stacks"][variant]["resources"]
    after = present["stacks"][variant]["resources"]

    assert {name: after.get(name) for name in before} == before


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_output_is_removed(present: dict[str, Any], released: dict[str, Any], variant: str) -> None:
    assert set(released["stacks"][variant]["outputs"]) <= set(present["stacks"][variant]["outputs"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_functions_keep_their_settings(
    present: dict[str, Any], released: dict[str, Any], variant: str
) -> None:
    before = released["stacks"][variant]["variables"]
    after = present["stacks"][variant]["variables"]

    kept = {
        function: {name: after[function].get(name) for name in variables}
        for function, variables in before.items()
    }
    assert kept == before
