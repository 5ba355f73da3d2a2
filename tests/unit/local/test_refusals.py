"""The local gateway's refusals against the template's GatewayResponses."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from travel_gpt import errors
from travel_gpt.api.responses import COMMON_HEADERS
from travel_gpt.local.responses import REFUSALS

TEMPLATE = Path(__file__).parents[3] / "template.yaml"
GIVEN_BY_NAME = "x-amazon-apigateway-gateway-responses"


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short functions as what they are applied to."""


def _plain(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


Loader.add_multi_constructor("!", _plain)


def _find(document: Any, name: str) -> Any:
    """Return the first value of that name anywhere in a document."""
    inner = (
        document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    )
    if isinstance(document, dict) and name in document:
        return document[name]
    return next((found for value in inner if (found := _find(value, name)) is not None), None)


@pytest.mark.skipif(not TEMPLATE.exists(), reason="there is no template.yaml here")
def test_the_local_gateway_refuses_as_the_deployed_one_does() -> None:
    # Given the template's gateway responses
    given = _find(yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader), GIVEN_BY_NAME)
    # When they are written in the terms of the local table
    deployed = {}
    for kind, response in given.items():
        body = json.loads(response["responseTemplates"]["application/json"])
        assert body["request_id"] == "$context.requestId"
        headers = {
            name.removeprefix("gatewayresponse.header."): value.strip("'")
            for name, value in response.get("responseParameters", {}).items()
        }
        deployed[kind] = (response.get("statusCode"), body["code"], body["message"], headers)
        assert set(body) == {"status", "code", "message", "request_id"}
    # Then both say the same, but that the deployed one has TLS and asks browsers for it
    only_with_tls = {"Strict-Transport-Security": COMMON_HEADERS["Strict-Transport-Security"]}
    local = {
        kind: (refusal.status, refusal.code, refusal.message, {**refusal.headers, **only_with_tls})
        for kind, refusal in REFUSALS.items()
    }
    assert local == deployed


def test_a_body_has_the_contracts_shape_without_a_timestamp() -> None:
    assert json.loads(REFUSALS["INVALID_API_KEY"].body("id-1")) == {
        "status": "error",
        "code": "forbidden",
        "message": errors.Forbidden.message,
        "request_id": "id-1",
    }
