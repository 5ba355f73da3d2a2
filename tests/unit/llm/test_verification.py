"""The proof of a key: one call a minute and one at a time, whoever asks and however often."""

import threading
from typing import Any, cast

import pytest

from tests.unit.doubles import FIRST, FIRST_KEY, SECOND, SECOND_KEY, Clock, ModelServer, ScriptedSource, soon
from travel_gpt.advisor.adviser import VERIFICATION_TTL, VERIFY_TIMEOUT, Adviser
from travel_gpt.credentials.cache import CredentialCache
from travel_gpt.credentials.recent_failure import FAILURE_TTL
from travel_gpt.deadline import Deadline
from travel_gpt.errors import CredentialRejected, SecretNotFound, UpstreamRateLimited, UpstreamTimeout


class World:
    """An adviser between a scripted source and a scripted model's server."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.source = ScriptedSource(FIRST)
        self.server = ModelServer()
        self.cache = CredentialCache(self.source, ttl=300, max_stale=3600, now=self.clock)
        self.adviser = Adviser(self.cache, cast("Any", self.server), now=self.clock)


@pytest.fixture
def world() -> World:
    return World()


def test_a_proof_is_one_models_call_and_no_query(world: World) -> None:
    world.adviser.prove_key(soon())

    assert world.server.proofs == [FIRST_KEY]
    assert world.server.asked == []


def test_a_proof_is_shared_for_a_minute(world: World) -> None:
    for _ in range(VERIFICATION_TTL):
        world.adviser.prove_key(soon())
        world.clock.advance(1)
    assert len(world.server.proofs) == 1

    world.adviser.prove_key(soon())

    assert len(world.server.proofs) == 2
    assert VERIFICATION_TTL == 60


def test_given_a_wall_clock_set_back_then_an_old_proof_does_not_last_for_ever(world: World) -> None:
    world.adviser.prove_key(soon())

    world.clock.advance(-3600)
    world.adviser.prove_key(soon())

    assert len(world.server.proofs) == 2


def test_given_many_who_ask_at_once_then_one_call_answers_all(world: World) -> None:
    begun, release = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert release.wait(5)

    world.server.does = slow
    proven: list[int] = []

    def prove() -> None:
        world.adviser.prove_key(soon())
        proven.append(1)

    threads = [threading.Thread(target=prove) for _ in range(12)]
    for thread in threads:
        thread.start()
    assert begun.wait(5)
    release.set()
    for thread in threads:
        thread.join(5)

    assert len(proven) == 12
    assert len(world.server.proofs) == 1


def test_given_a_proof_under_way_then_who_has_less_time_goes_without_and_nothing_stays_locked(
    world: World,
) -> None:
    begun, release = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert release.wait(5)

    world.server.does = slow
    first = threading.Thread(target=lambda: world.adviser.prove_key(soon()))
    first.start()
    assert begun.wait(5)

    with pytest.raises(UpstreamTimeout, match="another request's proof"):
        world.adviser.prove_key(Deadline(0.02))

    release.set()
    first.join(5)
    world.adviser.prove_key(Deadline(0.02))
    assert len(world.server.proofs) == 1


def test_a_proof_has_ten_seconds_of_a_longer_deadline_and_all_of_a_shorter(world: World) -> None:
    world.adviser.prove_key(soon(28))
    world.clock.advance(61)
    world.adviser.prove_key(soon(4))

    long, short = world.server.seconds_left
    assert 9 < long <= VERIFY_TIMEOUT == 10
    assert 3 < short <= 4


def test_a_failure_is_shared_too_each_time_with_a_traceback_of_its_own(world: World) -> None:
    def limited() -> None:
        raise UpstreamRateLimited("429", message="Later.", retry_after=9)

    world.server.does = limited
    seen = []
    for _ in range(3):
        with pytest.raises(UpstreamRateLimited) as refused:
            world.adviser.prove_key(soon())
        seen.append(refused.value)

    assert len(world.server.proofs) == 1
    assert len({id(failure) for failure in seen}) == 3
    assert {(f.detail, f.message, f.retry_after) for f in seen} == {("429", "Later.", 9)}


def test_a_failure_is_forgotten_after_its_minute(world: World) -> None:
    def limited() -> None:
        raise UpstreamRateLimited("429")

    world.server.does = limited
    with pytest.raises(UpstreamRateLimited):
        world.adviser.prove_key(soon())

    world.server.does = lambda: None
    world.clock.advance(VERIFICATION_TTL)
    world.adviser.prove_key(soon())


def test_given_a_refused_key_then_it_is_rejected_for_everybody_with_one_call(world: World) -> None:
    world.server.accepts = set()

    for _ in range(3):
        with pytest.raises(CredentialRejected):
            world.adviser.prove_key(soon())

    assert world.server.proofs == [FIRST_KEY]
    assert world.source.fetches == 2


def test_given_a_refused_key_and_a_new_one_in_the_secret_then_the_new_one_is_proven(world: World) -> None:
    world.adviser.prove_key(soon())
    world.server.accepts = {SECOND_KEY}
    world.source.will(SECOND)
    world.clock.advance(VERIFICATION_TTL)

    world.adviser.prove_key(soon())
    world.adviser.prove_key(soon())

    assert world.server.proofs == [FIRST_KEY, FIRST_KEY, SECOND_KEY], "and shared as the new one's"


def test_given_two_bad_keys_then_the_proof_is_of_the_second(world: World) -> None:
    world.server.accepts = set()
    world.source.will(FIRST, SECOND)

    for _ in range(3):
        with pytest.raises(CredentialRejected):
            world.adviser.prove_key(soon())

    assert world.server.proofs == [FIRST_KEY, SECOND_KEY]


def test_given_a_key_that_replaced_the_proven_one_then_it_is_proven_within_the_minute(world: World) -> None:
    world.adviser.prove_key(soon())
    world.source.will(SECOND)
    world.cache.after_rejection(FIRST, soon())

    world.adviser.prove_key(soon())

    assert world.server.proofs == [FIRST_KEY, SECOND_KEY]


def test_given_a_key_that_came_while_the_old_one_failed_then_its_own_proof_counts(world: World) -> None:
    world.server.accepts = {SECOND_KEY}
    with pytest.raises(CredentialRejected):
        world.adviser.prove_key(soon())

    world.source.will(SECOND)
    world.clock.advance(30)
    world.adviser.prove_key(soon())

    assert world.server.proofs == [FIRST_KEY, SECOND_KEY]


def test_given_no_key_then_nothing_is_proven_and_a_repaired_secret_is_found_within_seconds(
    world: World,
) -> None:
    world.source.will(SecretNotFound("gone"), FIRST)
    with pytest.raises(SecretNotFound):
        world.adviser.prove_key(soon())
    assert world.server.proofs == []

    world.clock.advance(FAILURE_TTL)
    world.adviser.prove_key(soon())


def test_given_a_mistake_of_ours_then_it_is_not_shared_and_nothing_stays_locked(world: World) -> None:
    def broken() -> None:
        raise ZeroDivisionError("ours")

    world.server.does = broken
    with pytest.raises(ZeroDivisionError):
        world.adviser.prove_key(soon())

    world.server.does = lambda: None
    world.adviser.prove_key(Deadline(1))


def test_a_proof_of_a_refused_key_that_works_again_makes_it_good_again(world: World) -> None:
    world.server.accepts = set()
    with pytest.raises(CredentialRejected):
        world.adviser.prove_key(soon())
    assert world.cache.is_rejected(FIRST)

    world.server.accepts = {FIRST_KEY}
    world.clock.advance(VERIFICATION_TTL)
    world.adviser.prove_key(soon())

    assert not world.cache.is_rejected(FIRST)
