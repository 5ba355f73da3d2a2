"""GET: the mode that it reports, and the verification of the key."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import get_args

import pytest

from tests.unit.doubles import FIRST, FIRST_KEY, SECOND, SECOND_KEY, Function, soon
from travel_gpt.api.health import DEMO_MODEL, VERIFICATION_TTL, VERIFY_TIMEOUT, CredentialStatus, status_of
from travel_gpt.api.responses import Mode
from travel_gpt.credentials.cache import FAILURE_TTL
from travel_gpt.credentials.secret import NO_KEY, Credential, Key, WorkloadIdentity, read_secret, with_new_key
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    CredentialRejected,
    InvalidSecret,
    SecretNotFound,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from travel_gpt.local.environment import read_model_access
from travel_gpt.settings import Settings

OPENAI = Settings.load({})
OLLAMA = Settings.load({"OPENAI_BASE_URL": "http://localhost:11434/v1", "OPENAI_MODEL": "llama3.3"})
DEMO = Settings.load({"OPENAI_BASE_URL": "http://127.0.0.1:40001/v1", "OPENAI_MODEL": DEMO_MODEL})
IDENTITY = replace(FIRST, key=NO_KEY, identity=WorkloadIdentity("idp", "sa", str))


@pytest.mark.parametrize(
    ("credential", "settings", "status"),
    [
        (FIRST, OPENAI, CredentialStatus("openai", has_api_key=True)),
        (
            replace(FIRST, base_url="https://eu.api.openai.com/v1"),
            OLLAMA,
            CredentialStatus("openai", has_api_key=True),
        ),
        (FIRST, OLLAMA, CredentialStatus("compatible", has_api_key=True)),
        (
            replace(FIRST, base_url="https://llm.example/v1"),
            OPENAI,
            CredentialStatus("compatible", has_api_key=True),
        ),
        (replace(FIRST, placeholder=True), OLLAMA, CredentialStatus("compatible", has_api_key=False)),
        (replace(FIRST, placeholder=True), OPENAI, CredentialStatus("openai", has_api_key=False)),
        (FIRST, DEMO, CredentialStatus("demo", has_api_key=False)),
        (IDENTITY, OPENAI, CredentialStatus("keyless", has_api_key=False)),
        (IDENTITY, OLLAMA, CredentialStatus("keyless", has_api_key=False)),
    ],
)
def test_the_mode_is_that_of_the_credential_and_its_server(
    credential: Credential, settings: Settings, status: CredentialStatus
) -> None:
    assert status_of(credential, settings) == status


@pytest.mark.parametrize("base_url", ["https://api.openai.com/v1", "https://llm.example/v1"])
def test_a_deployed_function_cannot_report_the_demo(base_url: str) -> None:
    settings = Settings.load({"OPENAI_BASE_URL": base_url, "OPENAI_MODEL": DEMO_MODEL})
    assert status_of(FIRST, settings).mode != "demo"


def test_only_a_key_is_called_configured() -> None:
    assert CredentialStatus("openai", has_api_key=True).message == "OpenAI API key is configured"
    assert CredentialStatus("compatible", has_api_key=True).message == "OpenAI API key is configured"
    said = {CredentialStatus(mode, has_api_key=False).message for mode in get_args(Mode)}
    assert len(said) == len(get_args(Mode))
    assert all(message.startswith("No ") for message in said)


@pytest.mark.parametrize(
    ("environ", "placeholder"),
    [({}, True), ({"OPENAI_API_KEY": "sk-canary-0123456789abcdefghij"}, False)],
)
def test_make_run_marks_the_key_that_it_makes_up(environ: dict[str, str], placeholder: bool) -> None:
    owner = read_model_access({"OPENAI_BASE_URL": "http://localhost:11434/v1", **environ})
    assert read_secret(owner.secret, source="x", version="").placeholder is placeholder
    assert owner.holds_key is not placeholder


def read(value: object) -> Credential:
    secret = json.dumps({"api_key": "unused-by-the-server", "placeholder": value})
    return read_secret(secret, source="x", version="")


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), (None, False)])
def test_a_secret_may_say_that_its_key_is_a_placeholder(value: object, expected: bool) -> None:
    assert read(value).placeholder is expected


@pytest.mark.parametrize("value", ["true", 1, [], {}])
def test_a_placeholder_that_is_neither_true_nor_false_is_refused(value: object) -> None:
    with pytest.raises(InvalidSecret, match='"placeholder" in the secret must be true or false'):
        read(value)


def test_a_new_key_in_the_place_of_a_placeholder_is_a_key() -> None:
    old = json.dumps({"api_key": "unused-by-the-server", "placeholder": True, "model": "llama3.3"})
    new = read_secret(with_new_key(old, Key("sk-canary-0123456789abcdefghij")), source="x", version="")
    assert (new.placeholder, new.model) == (False, "llama3.3")


@pytest.fixture
def function() -> Function:
    return Function()


def test_a_verification_is_one_models_call_and_no_query(function: Function) -> None:
    function.health.verify(soon())

    assert (function.server.verified, function.server.asked) == ([FIRST_KEY], [])


def test_a_verification_is_shared_for_a_minute(function: Function) -> None:
    for _ in range(VERIFICATION_TTL):
        function.health.verify(soon())
        function.clock.advance(1)
    assert len(function.server.verified) == 1

    function.health.verify(soon())

    assert (len(function.server.verified), VERIFICATION_TTL) == (2, 60)


def test_given_a_wall_clock_set_back_then_an_old_verification_does_not_last_for_ever(
    function: Function,
) -> None:
    function.health.verify(soon())

    function.clock.advance(-3600)
    function.health.verify(soon())

    assert len(function.server.verified) == 2


def test_given_many_who_ask_at_once_then_one_call_answers_all_but_a_request_with_less_time(
    function: Function,
) -> None:
    begun, release = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert release.wait(5)

    function.server.does = slow
    with ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(function.health.verify, soon()) for _ in range(12)]
        assert begun.wait(5)
        with pytest.raises(UpstreamTimeout, match="another request's verification"):
            function.health.verify(Deadline(0.02))
        release.set()

    assert [each.exception() for each in waiting] == [None] * 12
    # And nothing stays locked.
    function.health.verify(Deadline(0.02))
    assert len(function.server.verified) == 1


def test_a_verification_has_ten_seconds_of_a_longer_deadline_and_all_of_a_shorter(function: Function) -> None:
    function.health.verify(soon(28))
    function.clock.advance(61)
    function.health.verify(soon(4))

    long, short = function.server.seconds_left
    assert 9 < long <= VERIFY_TIMEOUT == 10
    assert 3 < short <= 4


def test_a_failure_is_shared_too_each_time_with_a_traceback_of_its_own(function: Function) -> None:
    function.server.does = UpstreamRateLimited("429", message="Later.", retry_after=9)
    seen = []
    for _ in range(3):
        with pytest.raises(UpstreamRateLimited) as refused:
            function.health.verify(soon())
        seen.append(refused.value)

    assert (len(function.server.verified), len({id(failure) for failure in seen})) == (1, 3)
    assert {(f.detail, f.message, f.retry_after) for f in seen} == {("429", "Later.", 9)}


def test_a_failure_is_forgotten_after_its_minute(function: Function) -> None:
    function.server.does = UpstreamRateLimited("429")
    with pytest.raises(UpstreamRateLimited):
        function.health.verify(soon())

    function.server.does = None
    function.clock.advance(VERIFICATION_TTL)
    function.health.verify(soon())


def test_given_a_refused_key_then_it_is_rejected_for_all_with_one_call(function: Function) -> None:
    function.server.accepts = set()

    for _ in range(3):
        with pytest.raises(CredentialRejected):
            function.health.verify(soon())

    assert (function.server.verified, function.source.fetches) == ([FIRST_KEY], 2)


def test_given_a_refused_key_and_a_new_one_in_the_secret_then_the_new_one_is_verified(
    function: Function,
) -> None:
    function.health.verify(soon())
    function.server.accepts = {SECOND_KEY}
    function.source.will(SECOND)
    function.clock.advance(VERIFICATION_TTL)

    function.health.verify(soon())
    function.health.verify(soon())

    assert function.server.verified == [FIRST_KEY, FIRST_KEY, SECOND_KEY], "and shared as the new one's"


def test_given_two_bad_keys_then_the_second_is_verified(function: Function) -> None:
    function.server.accepts = set()
    function.source.will(FIRST, SECOND)

    for _ in range(3):
        with pytest.raises(CredentialRejected):
            function.health.verify(soon())

    assert function.server.verified == [FIRST_KEY, SECOND_KEY]


def test_given_a_key_that_replaced_the_verified_one_then_it_is_verified_within_the_minute(
    function: Function,
) -> None:
    function.health.verify(soon())
    function.source.will(SECOND)
    function.session.after_rejection(FIRST, soon())

    function.health.verify(soon())

    assert function.server.verified == [FIRST_KEY, SECOND_KEY]


def test_given_a_key_that_came_while_the_old_one_failed_then_its_own_verification_counts(
    function: Function,
) -> None:
    function.server.accepts = {SECOND_KEY}
    with pytest.raises(CredentialRejected):
        function.health.verify(soon())

    function.source.will(SECOND)
    function.clock.advance(30)
    function.health.verify(soon())

    assert function.server.verified == [FIRST_KEY, SECOND_KEY]


def test_given_no_key_then_nothing_is_verified_and_a_repaired_secret_is_found_within_seconds(
    function: Function,
) -> None:
    function.source.will(SecretNotFound("gone"), FIRST)
    with pytest.raises(SecretNotFound):
        function.health.verify(soon())
    assert function.server.verified == []

    function.clock.advance(FAILURE_TTL)
    function.health.verify(soon())


def test_given_a_bug_then_it_is_not_shared_and_nothing_stays_locked(function: Function) -> None:
    function.server.does = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        function.health.verify(soon())

    function.server.does = None
    function.health.verify(Deadline(1))


def test_a_refused_key_that_works_again_is_accepted_again(function: Function) -> None:
    function.server.accepts = set()
    with pytest.raises(CredentialRejected):
        function.health.verify(soon())
    assert function.session.is_rejected(FIRST)

    function.server.accepts = {FIRST_KEY}
    function.clock.advance(VERIFICATION_TTL)
    function.health.verify(soon())

    assert not function.session.is_rejected(FIRST)
