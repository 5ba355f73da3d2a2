"""The fake of OpenAI's admin API answers with the members and types that OpenAI's documents have."""

import json
from typing import Any

import pytest

from tests.fakes.openai.admin import Organization
from tests.support.recorded import recordings

ADMIN = "sk-admin-Jc4TnB8xWq6MzR2vKp9HyD5fGs3LbV7e"
KEYS = "/v1/organization/projects/proj_1/api_keys"
CREATE = "/v1/organization/projects/proj_1/service_accounts/user-1/api_keys"
WANTED = {"name": "a-key", "expires_in_seconds": 60, "scopes": ["api.model.read"]}


@pytest.fixture
def organization() -> Organization:
    return Organization(ADMIN)


def ask(organization: Organization, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    status, text = organization.answer(method, path, ADMIN, body or {})
    assert status == 200, text
    return json.loads(text)


def types(document: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in document.items()}


def test_a_new_key_is_the_documented_one_with_its_end(organization: Organization) -> None:
    line = recordings("openai")["openai/POST service account api key/create"]

    made = ask(organization, "POST", CREATE, WANTED)

    # The recorded document is older than the key's end, which the installed SDK has.
    assert (types(made), made["object"]) == ({**types(line.body), "expires_at": int}, line.body["object"])


def test_the_list_is_the_documented_one(organization: Organization) -> None:
    line = recordings("openai")["openai/GET project api keys/list"]
    ask(organization, "POST", CREATE, WANTED)

    listed = ask(organization, "GET", f"{KEYS}?limit=100")

    assert set(listed) == set(line.body)
    (said,), (recorded,) = listed["data"], line.body["data"]
    assert set(said) == set(recorded)
    for name in ("object", "owner_project_access"):
        assert said[name] == recorded[name]
    # Another kind of owner; the SDK's types have both.
    assert (said["owner"]["type"], recorded["owner"]["type"]) == ("service_account", "user")


def test_a_deletion_is_the_documented_one(organization: Organization) -> None:
    line = recordings("openai")["openai/DELETE project api key/delete"]
    key_id = ask(organization, "POST", CREATE, WANTED)["id"]

    assert ask(organization, "DELETE", f"{KEYS}/{key_id}") == {**line.body, "id": key_id}
