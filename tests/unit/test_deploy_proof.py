"""What deploy.sh concludes of a server's answer to a key."""

import json
from typing import Any, cast

import pytest

from tests.fakes.openai import bodies
from travel_gpt.cli.deploy.console import CliError
from travel_gpt.cli.deploy.openai_key import Verdict, insist, verify
from travel_gpt.credentials.credential import Credential, Key

KEY = "sk-proj-canary0000000000000000000000000000001"
SCOPES = "You have insufficient permissions for this operation. Missing scopes: api.model.read."


class Curl:
    """The command lines, of which curl alone answers."""

    def __init__(self, status: int, body: str) -> None:
        self.answer = (0, status, body)

    def curl(self, _: dict[str, Any]) -> tuple[int, int, str]:
        return self.answer


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        # openai/POST /v1/responses/401-missing-scopes and 401-missing-scopes-code-missing_scope.
        (401, bodies.error(SCOPES), Verdict.FORBIDDEN),
        (401, bodies.error(SCOPES, code="missing_scope"), Verdict.FORBIDDEN),
        (401, bodies.error("No.", code="missing_scope"), Verdict.FORBIDDEN),
        (403, bodies.error(SCOPES), Verdict.FORBIDDEN),
        (401, bodies.wrong_key(KEY), Verdict.REJECTED),
        (401, bodies.wrong_key("sk-missing_scope-0123456789"), Verdict.REJECTED),
        (400, {"code": "invalid-argument", "error": "Incorrect API key provided."}, Verdict.REJECTED),
        (401, "<h1>Unauthorized</h1>", Verdict.REJECTED),
        (403, {"error": {"code": "unsupported_country_region_territory"}}, Verdict.UNKNOWN),
        (503, "", Verdict.UNKNOWN),
        (404, {"detail": "Not Found"}, Verdict.UNKNOWN),
    ],
)
def test_a_key_without_a_scope_is_told_from_a_refused_one(
    status: int, body: object, verdict: Verdict
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)

    proof = verify(cast("Any", Curl(status, text)), Credential(Key(KEY), "given", ""), "https://m.example/v1")

    assert proof.verdict is verdict
    assert proof.detail == f"https://m.example/v1/models answered {status}"


@pytest.mark.parametrize(
    ("status", "at_openai"), [(401, "platform.openai.com/api-keys"), (403, '"Models: Read"')]
)
@pytest.mark.parametrize("place", ["setting", "secret"])
def test_the_advice_fits_the_server(status: int, at_openai: str, place: str) -> None:
    curl = cast("Any", Curl(status, json.dumps(bodies.error(SCOPES if status == 403 else "No."))))
    other = "https://m.example:8443/v1"
    credential = Credential(Key(KEY), "given", "", base_url=other if place == "secret" else None)

    with pytest.raises(CliError) as at_another:
        insist(verify(curl, credential, "" if place == "secret" else other), replacing=True)
    with pytest.raises(CliError) as at_theirs:
        insist(verify(curl, Credential(Key(KEY), "given", ""), ""), replacing=True)

    assert at_openai in str(at_theirs.value)
    assert "m.example:8443" in str(at_another.value)
    assert "OpenAIBaseUrl" in str(at_another.value)
    assert at_openai not in str(at_another.value)
    assert "canary" not in str(at_another.value) + str(at_theirs.value)
