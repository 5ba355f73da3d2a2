"""OpenAI's admin API for the keys of service accounts: what the rotation Lambda calls.

The keys that it makes are alive until it deletes them. What each rule follows stands beside it; documents are
those of OpenAI's OpenAPI document (github.com/openai/openai-openapi), recorded as openai/POST service account
api key/create, openai/GET project api keys/list and openai/DELETE project api key/delete.
"""

import json
import re
import time
from collections.abc import Sequence
from typing import Any

from tests.fakes.openai import bodies
from tests.fakes.openai.bodies import Json

PATH = "/v1/organization/"
LIFETIMES = range(1, 31_536_001)
"""The seconds for which a key may be valid. Source: OpenAI's API reference, "Create project service account
API key", ``expires_in_seconds``: minimum 1, maximum 31536000."""
SCOPES = {
    "models": ("api.model.read", "api.model.read"),
    "responses": ("api.responses.write", "api.responses.write"),
    "chat": ("api.model.request", "model.request"),
}
"""For each endpoint the scope that a restricted key needs, and what the refusal calls it.

Sources: recorded openai/POST /v1/responses/401-missing-scopes; OpenAI's OpenAPI document, the example of
"Create project service account API key" and the audit log's ``api_key.created``; community.openai.com, topic
1374480, for the name in the refusal of Chat Completions. For ``/v1/models`` the same text is reported, with
401 and with 403.
"""
KNOWN_SCOPES = {scope for scope, _ in SCOPES.values()} | {"api.all.read", "api.responses.read"}
"""Assumed: that OpenAI refuses others. ``api.all.read``: the SDK's docstring of ``api_keys.update``."""
ADMIN_KEYS = "/v1/organization/admin_api_keys"
KEYS = re.compile(r"/v1/organization/projects/(?P<project>[^/]+)/api_keys(/(?P<key>[^/?]+))?")
CREATE = re.compile(
    r"/v1/organization/projects/(?P<project>[^/]+)/service_accounts/(?P<account>[^/]+)/api_keys"
)


class Organization:
    """An organization with one admin key and one service account.

    Args:
        admin_key: the key that it takes.
        account: the service account.

    Attributes:
        keys: the living keys by id, as documents with their ``value``.
        admin_created_at: when the admin key was made, in seconds since the epoch.
        admin_expires_at: when it expires; None where it does not.
        requests: the method and path of every call.
        faults: what to answer instead of doing anything, by method and kind of call: a status and a body,
            in which KEY stands for the caller's key.
    """

    def __init__(self, admin_key: str, account: str = "user-1") -> None:
        self.admin_key, self.account = admin_key, account
        self.keys: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.faults: dict[str, tuple[int, str]] = {}
        self.prefix = "sk-svcacct-"
        self.admin_created_at = int(time.time()) - 100 * 86_400
        self.admin_expires_at: int | None = None

    def add(self, name: str, value: str, account: str = "", scopes: Sequence[str] = ()) -> str:
        """Have a key, without scopes an unrestricted one, and return its id."""
        key_id = f"key_{len(self.requests)}_{len(self.keys)}"
        self.keys[key_id] = {
            "name": name,
            "value": value,
            "account": account or self.account,
            "scopes": list(scopes),
            "created_at": int(time.time()),
        }
        return key_id

    def missing_scope(self, value: str, endpoint: str) -> str:
        """The scope of an endpoint that a restricted key lacks; empty for a key that may go on."""
        scope, called = SCOPES[endpoint]
        for key in self.keys.values():
            if key["value"] == value and key["scopes"] and scope not in key["scopes"]:
                return called
        return ""

    def alive(self, value: str | None) -> bool:
        """Tell whether a key's value is that of a living key."""
        return value in {each["value"] for each in self.keys.values()}

    def answer(self, method: str, path: str, key: str, body: dict[str, Any]) -> tuple[int, str]:
        """Answer one call."""
        self.requests.append((method, path))
        self.bodies.append(body)
        kind = _kind_of(method, path)
        if kind in self.faults:
            status, text = self.faults[kind]
            return status, text.replace("KEY", key)
        if not key or key != self.admin_key:
            return 401, json.dumps(bodies.wrong_key(key))
        if kind in ("create", "update") and (refusal := _refusal(body)):
            return 400, json.dumps(refusal)
        return 200, json.dumps(self._do(kind, path, body))

    def _do(self, kind: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if kind == "admin":
            return self._admin_keys()
        if kind == "list":
            after = re.search(r"after=([^&]+)", path)
            ids = list(self.keys)
            start = ids.index(after[1]) + 1 if after else 0
            # Two a page: there is always another one to ask for.
            page = ids[start : start + 2]
            return {
                "object": "list",
                "data": [self._listed(key_id) for key_id in page],
                "has_more": start + 2 < len(ids),
                "first_id": page[0] if page else None,
                "last_id": page[-1] if page else None,
            }
        if kind in ("delete", "update"):
            found = KEYS.fullmatch(path)
            assert found is not None
            key_id = found["key"]
            if kind == "delete":
                self.keys.pop(key_id, None)
                return {"id": key_id, "deleted": True, "object": "organization.project.api_key.deleted"}
            if "scopes" in body:
                # Source: the SDK's docstring of ``api_keys.update``: an empty list is all permissions.
                self.keys[key_id]["scopes"] = body["scopes"]
            return self._listed(key_id)
        value = f"{self.prefix}{len(self.requests):04d}-Zt5YqW8nRb3LxV7mKd2HpGf9"
        key_id = self.add(body["name"], value, scopes=body.get("scopes", ()))
        return {
            "id": key_id,
            "created_at": int(time.time()),
            "name": body["name"],
            "object": "organization.project.service_account.api_key",
            "value": value,
            "expires_at": int(time.time()) + body["expires_in_seconds"],
        }

    def _admin_keys(self) -> dict[str, Any]:
        """Source: OpenAI's OpenAPI document, "List organization API keys" and its schema AdminApiKey."""
        owner = {"type": "user", "object": "organization.user", "id": "user_1", "name": "O", "role": "owner"}
        values = [self.admin_key, "sk-admin-another-key-0000"]
        return {
            "object": "list",
            "data": [
                {
                    "object": "organization.admin_api_key",
                    "id": f"key_admin_{number}",
                    "name": "Administration Key",
                    "redacted_value": f"{value[:8]}...{value[-3:]}",
                    "created_at": self.admin_created_at,
                    "expires_at": self.admin_expires_at,
                    "last_used_at": None,
                    "owner": {**owner, "created_at": 1},
                }
                for number, value in enumerate(values)
            ],
            "has_more": False,
            "first_id": "key_admin_0",
            "last_id": "key_admin_1",
        }

    def _listed(self, key_id: str) -> dict[str, Any]:
        key = self.keys[key_id]
        account = {"id": key["account"], "created_at": 1, "name": "travel", "role": "member"}
        return {
            "id": key_id,
            "object": "organization.project.api_key",
            "created_at": key["created_at"],
            "last_used_at": None,
            "name": key["name"],
            "redacted_value": f"{key['value'][:4]}...{key['value'][-4:]}",
            "owner_project_access": "active",
            "owner": {"type": "service_account", "service_account": account},
        }


def _kind_of(method: str, path: str) -> str:
    if path.partition("?")[0] == ADMIN_KEYS:
        return "admin"
    if method == "POST":
        return "create" if CREATE.fullmatch(path) else "update"
    return {"GET": "list", "DELETE": "delete"}[method]


def _refusal(body: dict[str, Any]) -> Json | None:
    """The 400 for a key that OpenAI would not make; None for one that it would.

    The shape is that of OpenAI's refusals of other parameters (recorded openai/POST
    /v1/chat/completions/400-unsupported-value-temperature). No answer of this endpoint is known, so its words
    are assumed.
    """
    for scope in body.get("scopes", ()):
        if scope not in KNOWN_SCOPES:
            return bodies.error(f"Invalid value: '{scope}'.", code="invalid_value", param="scopes")
    seconds = body.get("expires_in_seconds")
    if seconds is None or seconds in LIFETIMES:
        return None
    below = seconds < LIFETIMES.start
    bound = f">= {LIFETIMES.start}" if below else f"<= {LIFETIMES.stop - 1}"
    return bodies.error(
        f"Invalid 'expires_in_seconds': integer {'below minimum' if below else 'above maximum'} value. "
        f"Expected a value {bound}, but got {seconds} instead.",
        code="integer_below_min_value" if below else "integer_above_max_value",
        param="expires_in_seconds",
    )
