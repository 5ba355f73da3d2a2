"""What is done with the key: queries are answered, a refused key replaced, a bad one not insisted on."""

from typing import Any, cast

import pytest

from tests.unit.doubles import (
    ANSWER,
    FIRST,
    FIRST_KEY,
    SECOND,
    SECOND_KEY,
    Clock,
    ModelServer,
    ScriptedSource,
    credential,
    soon,
)
from travel_gpt.advisor.adviser import Adviser
from travel_gpt.advisor.prompts import INSTRUCTIONS
from travel_gpt.credentials.cache import CredentialCache
from travel_gpt.errors import (
    AccessDenied,
    CredentialRejected,
    CredentialsUnavailable,
    SecretNotFound,
    UpstreamFailed,
)

THIRD_KEY = "sk-proj-thirdKEY2222222222222222222222222223"
FOURTH_KEY = "sk-proj-fourthKEY333333333333333333333333334"


class World:
    """An adviser between a scripted source and a scripted model's server."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.source = ScriptedSource(FIRST)
        self.server = ModelServer()
        self.cache = CredentialCache(self.source, ttl=300, max_stale=3600, now=self.clock)
        self.adviser = Adviser(self.cache, cast("Any", self.server), now=self.clock)

    @property
    def keys_used(self) -> list[str]:
        return [key for _, key in self.server.asked]


@pytest.fixture
def world() -> World:
    return World()


def test_a_query_is_asked_with_the_key_as_it_is_and_the_deadline_it_has(world: World) -> None:
    assert world.adviser.answer("Où manger à Lyon ?", soon(4)) is ANSWER

    assert world.server.asked == [("Où manger à Lyon ?", FIRST_KEY)]
    assert 3.5 < world.server.seconds_left[0] <= 4


def test_warm_queries_share_one_fetch(world: World) -> None:
    for _ in range(10):
        world.adviser.answer("Lisbon?", soon())

    assert world.source.fetches == 1


def test_given_a_401_and_a_new_key_in_the_secret_then_the_same_request_is_answered(world: World) -> None:
    # Given: the old key was revoked a moment ago, and the new one is there.
    world.adviser.answer("Lisbon?", soon())
    world.server.accepts = {SECOND_KEY}
    world.source.will(SECOND)

    assert world.adviser.answer("Porto?", soon()) is ANSWER

    assert world.keys_used == [FIRST_KEY, FIRST_KEY, SECOND_KEY]
    assert world.source.fetches == 2
    # And the next one does not try the old key.
    world.adviser.answer("Faro?", soon())
    assert world.keys_used[-1] == SECOND_KEY
    assert world.source.fetches == 2


def test_given_a_401_and_the_same_key_in_the_secret_then_it_is_rejected_for_one_fetch_in_all(
    world: World,
) -> None:
    world.server.accepts = set()

    for _ in range(10):
        with pytest.raises(CredentialRejected):
            world.adviser.answer("Lisbon?", soon())

    assert world.source.fetches == 2
    assert world.keys_used == [FIRST_KEY] * 10, "each request asks OpenAI once, as it may have come round"


def test_given_three_bad_keys_then_the_request_ends_after_them(world: World) -> None:
    world.server.accepts = {FOURTH_KEY}
    world.source.will(FIRST, SECOND, credential(THIRD_KEY, "v3"), credential(FOURTH_KEY, "v4"))

    with pytest.raises(CredentialRejected, match="three keys, one after the other"):
        world.adviser.answer("Lisbon?", soon())

    assert world.keys_used == [FIRST_KEY, SECOND_KEY, THIRD_KEY]
    # And the fourth, which is in the secret by now, serves the next.
    assert world.adviser.answer("Lisbon?", soon()) is ANSWER
    assert world.keys_used[-1] == FOURTH_KEY


def test_given_a_refused_key_that_works_again_then_it_is_good_again(world: World) -> None:
    world.server.accepts = set()
    with pytest.raises(CredentialRejected):
        world.adviser.answer("Lisbon?", soon())
    assert world.cache.is_rejected(FIRST)

    world.server.accepts = {FIRST_KEY}
    world.adviser.answer("Lisbon?", soon())

    assert not world.cache.is_rejected(FIRST)


def test_given_no_key_then_nobody_is_asked(world: World) -> None:
    world.source.will(SecretNotFound("gone"))

    with pytest.raises(SecretNotFound):
        world.adviser.answer("Lisbon?", soon())

    assert world.server.asked == []


@pytest.mark.parametrize("failure", [AccessDenied("denied"), CredentialsUnavailable("away")], ids=repr)
def test_given_a_401_and_a_source_that_fails_then_that_is_what_is_said(
    world: World, failure: Exception
) -> None:
    world.adviser.answer("Lisbon?", soon())
    world.server.accepts = {SECOND_KEY}
    world.source.will(failure)

    with pytest.raises(type(failure)):
        world.adviser.answer("Lisbon?", soon())


def test_given_a_missing_permission_then_the_secret_is_not_read_again(world: World) -> None:
    def unscoped() -> None:
        raise CredentialRejected("the key lacks a permission")

    world.server.does = unscoped

    with pytest.raises(CredentialRejected, match="permission"):
        world.adviser.answer("Lisbon?", soon())
    assert world.source.fetches == 1
    assert len(world.server.asked) == 1


def test_given_an_upstream_failure_then_it_is_neither_tried_again_here_nor_held_against_the_key(
    world: World,
) -> None:
    def fail() -> None:
        raise UpstreamFailed("500")

    world.server.does = fail

    with pytest.raises(UpstreamFailed):
        world.adviser.answer("Lisbon?", soon())
    assert len(world.server.asked) == 1
    assert not world.cache.is_rejected(FIRST)


def test_the_instructions_are_a_travel_advisers() -> None:
    assert INSTRUCTIONS.startswith("You are a travel adviser.")
    assert INSTRUCTIONS.strip() == INSTRUCTIONS
    for demand in ("language of the query", "not sure", "Verify before booking", "Stay on travel"):
        assert demand in INSTRUCTIONS
