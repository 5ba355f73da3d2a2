"""docs/operations against what happens: GET's answers, the log's lines, the fields that queries name."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.dynamodb import FakeTable
from tests.fakes.openai import MODELS, RESPONSES, Exchange, behaviours
from tests.integration.conftest import SECRET, Deployment, Reply, proxy_event
from tests.support.markdown import ROOT, Page

PAGE = Page.read("docs/operations/incidents.md")
ALARMS = Page.read("docs/operations/alarms.md")
LOGS = Page.read("docs/operations/logs.md")
Deploy = Callable[..., Deployment]

INSIGHTS = {"@timestamp", "@message"}
SPEECH = {
    *("filter", "fields", "stats", "sort", "limit", "by", "as", "in", "and", "or", "desc", "asc", "like"),
    *("count", "sum", "pct", "bin", "ispresent", "d"),
}


def _flat(text: str) -> str:
    return " ".join(text.split())


def _deleted(deployment: Deployment) -> None:
    deployment.secrets.delete_secret(SecretId=SECRET)


def _store(status: int, code: str) -> Callable[[Deployment], None]:
    def arrange(deployment: Deployment) -> None:
        deployment.store.answer = (status, code)

    return arrange


def _secret(value: str) -> Callable[[Deployment], None]:
    return lambda deployment: deployment.put_secret(value)


def _binary(deployment: Deployment) -> None:
    deployment.secrets.put_secret_value(SecretId=SECRET, SecretBinary=b"key")


def _upstream(behaviour: Any, path: str = RESPONSES) -> Callable[[Deployment], None]:
    return lambda deployment: deployment.upstream.default(path, behaviour)


def _refused(deployment: Deployment) -> None:
    deployment.upstream.accepted_keys = []


def _absent(deployment: Deployment) -> None:
    deployment.upstream.close()


def _chat_only(exchange: Exchange) -> None:
    exchange.reply(404, b"404 page not found", content_type="text/plain")


Causes = list[tuple[Callable[[Deployment], None], str, str]]
OF_THE_KEY: Causes = [
    (_deleted, "secret_not_found", "the secret is scheduled for deletion: restore it or deploy again"),
    (
        _store(400, "ResourceNotFoundException"),
        "secret_not_found",
        "the secret, or its current version, does not",
    ),
    (_store(400, "AccessDeniedException"), "access_denied", "the role may not read this secret"),
    (_store(400, "DecryptionFailure"), "access_denied", "the role may not use the KMS key of this secret"),
    (_secret("{"), "invalid_secret", "the secret looks like JSON and is not valid JSON"),
    (_secret("{}"), "invalid_secret", 'the secret is a JSON object without a text "api_key"'),
    (
        _secret("two words"),
        "invalid_secret",
        "the key is empty, or has spaces, line breaks or characters no key",
    ),
    (_binary, "invalid_secret", "the secret is binary: store the key as text"),
    (_store(400, "ThrottlingException"), "credentials_unavailable", "Secrets Manager throttled the call"),
    (_store(400, "SomethingNewException"), "access_denied", "Secrets Manager refused the call"),
    (_store(500, "InternalServiceError"), "credentials_unavailable", "Secrets Manager failed"),
]
OF_OPENAI: Causes = [
    (_refused, "credential_rejected", "the server refused the key, and the source has no other"),
    (
        _upstream(behaviours.missing_scope()),
        "credential_rejected",
        "the server answered 401: the key lacks a permission",
    ),
    (_upstream(behaviours.out_of_quota()), "quota_exhausted", "the server answered 429: insufficient_quota"),
    (_upstream(behaviours.rate_limited()), "upstream_rate_limited", "the server answered 429"),
    (_upstream(behaviours.unknown_model()), "model_unavailable", "the server answered 400"),
    (_upstream(behaviours.server_error()), "upstream_error", "the server answered 5"),
    (_upstream(behaviours.drop()), "upstream_error", "the connection to the model's server was cut"),
    (_absent, "upstream_unreachable", "no connection to "),
    (_upstream(_chat_only), "upstream_api_unsupported", "the server answered 404"),
    (_upstream(behaviours.context_length()), "context_length_exceeded", "the server answered 400"),
    (_upstream(behaviours.request_too_large()), "request_too_large", "the server answered 429"),
    (_upstream(behaviours.slow(2)), "upstream_timeout", "the model's server did not answer in time"),
]


def _is_documented(reply: Reply, detail: str, logged: str) -> None:
    """Fail unless the page has the message and the detail below the heading of the code."""
    section = _flat(PAGE.section("Troubleshooting"))
    below = _flat(Page(PAGE.path, PAGE.section("Troubleshooting")).section(reply.body["code"]))
    # The scripted upstream is another server than OpenAI, which the message names.
    message = re.sub(r"^127\.0\.0\.1:\d+ ", "", reply.body["message"])
    assert message in below or message.partition(". ")[0] in below, message
    assert logged.startswith(detail), logged
    # What the page leaves open (403 or 404, which 5xx) is not looked for word by word.
    assert re.sub(r"^the server answered 401: | 5$", "", detail).strip() in section


@pytest.mark.parametrize(
    ("arrange", "code", "detail"), OF_THE_KEY, ids=[f"{c}-{d[:24]}" for _, c, d in OF_THE_KEY]
)
def test_trouble_with_the_key_looks_as_the_page_says(
    deployment: Deployment,
    lines: Callable[[], list[dict[str, Any]]],
    arrange: Callable[[Deployment], None],
    code: str,
    detail: str,
) -> None:
    arrange(deployment)

    reply = deployment.get()

    assert (reply.status, reply.body["code"]) == (503, code)
    assert "**GET:** 503" in Page(PAGE.path, PAGE.section("Troubleshooting")).section(code)
    _is_documented(reply, detail, lines()[-1]["detail"])


@pytest.mark.parametrize(
    ("arrange", "code", "detail"), OF_OPENAI, ids=[f"{c}-{d[-16:]}" for _, c, d in OF_OPENAI]
)
def test_trouble_with_openai_looks_as_the_page_says(
    deploy: Deploy,
    lines: Callable[[], list[dict[str, Any]]],
    arrange: Callable[[Deployment], None],
    code: str,
    detail: str,
) -> None:
    deployment = deploy(OPENAI_MAX_RETRIES="0")
    assert deployment.get().status == 200
    arrange(deployment)

    reply = deployment.send(proxy_event("POST", '{"query":"Rome?"}'), milliseconds=1200)

    assert reply.body["code"] == code
    section = _flat(Page(PAGE.path, PAGE.section("Troubleshooting")).section(code))
    assert re.search(rf"POST says (the same with )?{reply.status}\b", section)
    _is_documented(reply, detail, lines()[-1]["detail"])
    if arrange is not _refused:
        assert deployment.get().status == 200, "GET does not know"


def test_a_quota_that_is_used_up_does_not_show_in_a_verification(deployment: Deployment) -> None:
    deployment.upstream.default(RESPONSES, behaviours.out_of_quota())

    assert (deployment.post().status, deployment.get(verify=True).status) == (503, 200)


def test_a_refused_key_shows_in_get_only_after_a_query(deployment: Deployment) -> None:
    deployment.upstream.accepted_keys = []

    assert (deployment.get().status, deployment.post().status) == (200, 502)
    assert deployment.get().body["code"] == "credential_rejected"


def test_a_wrong_setting_is_named(deploy: Deploy, lines: Callable[[], list[dict[str, Any]]]) -> None:
    reply = deploy(CREDENTIAL_TTL_SECONDS="soon").get()

    below = _flat(PAGE.section("misconfigured"))
    assert reply.body["message"].partition(":")[0] in below
    assert "CREDENTIAL_TTL_SECONDS" in lines()[-1]["detail"]


def test_an_absent_store_is_documented_while_the_last_good_key_serves(
    deployment: Deployment, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    deployment.get()
    deployment.store.answer = (503, "ServiceUnavailable")
    deployment.clock.advance(301)

    assert deployment.get().status == 200
    warned = [line["message"] for line in lines() if line["level"] == "WARNING"]
    assert warned == ["The key's source is away: going on with the last good key"]
    assert warned[0] in _flat(PAGE.section("credentials_unavailable"))


def test_a_key_without_a_permission_is_not_fetched_again_before_its_time(deployment: Deployment) -> None:
    deployment.upstream.default(RESPONSES, behaviours.missing_scope())
    assert deployment.post().body["code"] == "credential_rejected"
    deployment.clock.advance(299)
    deployment.post()
    assert deployment.fetches == 1

    deployment.clock.advance(2)
    deployment.post()
    assert deployment.fetches == 2


def test_a_librarys_own_switch_does_not_make_it_write_queries() -> None:
    asked = "import logging, travel_gpt.handler; print(logging.getLogger('openai').getEffectiveLevel())"

    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "OPENAI_LOG": "debug"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == str(logging.WARNING)


@pytest.fixture
def logged(deploy: Callable[..., Deployment], lines: Callable[[], list[dict[str, Any]]]) -> set[str]:
    """Every field of the lines about requests."""
    with FakeTable() as table:
        deployment = deploy(table, OWNER_API_KEY_ID="a1b2c3d4e5")
        deployment.get()
        for _ in range(2):
            deployment.post(headers={"Content-Type": "application/json", "Idempotency-Key": "k1"})
        deployment.upstream.default(MODELS, behaviours.server_error())
        deployment.get(verify=True)
    return {field for line in lines() if line["message"] == "Answered a request" for field in line}


def test_the_page_names_the_fields_of_the_log(logged: set[str]) -> None:
    paragraph = LOGS.text.partition("**The function's log**")[2].partition("\n\n")[0]

    assert set(re.findall(r"`([a-z_]+)`", paragraph)) == logged


def _fields(query: str) -> set[str]:
    plain = re.sub(r'"[^"]*"|^#.*$', " ", query, flags=re.MULTILINE)
    named = set(re.findall(r"\bas (\w+)", plain))
    return set(re.findall(r"@?[a-z_]+", plain)) - named - SPEECH - INSIGHTS


def test_the_queries_ask_for_fields_that_are_there(logged: set[str]) -> None:
    queries = [block for block in ALARMS.blocks if block.startswith("#")]
    access_log = LOGS.text.partition("**The access log**")[2]
    of_gateway = set(re.findall(r"`([a-z_]+)`", access_log))

    assert len(queries) >= 6
    for query in queries[:-1]:
        assert _fields(query), query
        assert _fields(query) <= logged, query
    assert _fields(queries[-1]) <= of_gateway
