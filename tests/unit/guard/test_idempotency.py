"""Idempotency-Key: which requests run, which get the kept answer, and what is stored."""

import json

import pytest

from tests.fakes.dynamodb import MemoryTable
from tests.support.clock import Clock
from travel_gpt.aws.table import Table
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    IdempotencyKeyReused,
    InvalidIdempotencyKey,
    LimitsUnavailable,
    RequestInProgress,
)
from travel_gpt.guard.idempotency import KEEP, MARGIN, Idempotency, Repeated, Running, read_key

BODY, OTHER = '{"query": "Lisbon?"}', '{"query": "Porto?"}'
ANSWER = Repeated(200, {"status": "success", "answer": "Take tram 28."})
SECONDS = 28.0


@pytest.fixture
def kept(table: Table, clock: Clock) -> Idempotency:
    return Idempotency(table, now=clock)


def begin(kept: Idempotency, client: str = "c1", key: str = "k1", body: str = BODY) -> Running:
    """Begin a request that is the first with its key."""
    running = kept.begin(client, key, body, Deadline(SECONDS))
    assert isinstance(running, Running)
    return running


@pytest.mark.parametrize(
    ("header", "key"),
    [("k1", "k1"), ('"k1"', "k1"), (" k1 ", "k1"), ("!#~", "!#~"), ("k" * 255, "k" * 255)],
)
def test_a_key_is_read_with_and_without_quotation_marks(header: str, key: str) -> None:
    assert read_key(header) == key


@pytest.mark.parametrize("header", ["", " ", '"', '""', "a b", "a\tb", "ü", 'a"b', '"k', 'k"', "k" * 256])
def test_another_form_is_refused(header: str) -> None:
    with pytest.raises(InvalidIdempotencyKey):
        read_key(header)


def test_the_first_request_runs_and_the_next_gets_its_answer(kept: Idempotency) -> None:
    kept.end(begin(kept), ANSWER)

    assert kept.begin("c1", "k1", BODY, Deadline(SECONDS)) == ANSWER


def test_while_the_first_runs_the_next_is_refused_until_it_must_have_ended(
    kept: Idempotency, clock: Clock
) -> None:
    begin(kept)

    clock.advance(SECONDS + MARGIN - 1)
    with pytest.raises(RequestInProgress) as running:
        begin(kept)
    assert running.value.retry_after == 2

    # The environment of the first one died.
    clock.advance(1)
    begin(kept)


@pytest.mark.parametrize("ended", [True, False])
def test_another_body_is_refused(kept: Idempotency, ended: bool) -> None:
    running = begin(kept)
    if ended:
        kept.end(running, ANSWER)

    with pytest.raises(IdempotencyKeyReused):
        begin(kept, body=OTHER)


def test_other_clients_and_other_keys_are_others(kept: Idempotency) -> None:
    begin(kept)

    begin(kept, client="c2")
    begin(kept, key="k2", body=OTHER)


def test_a_failure_frees_the_key(kept: Idempotency) -> None:
    running = begin(kept)
    kept.end(running, None)

    begin(kept, body=OTHER)


def test_an_answer_is_kept_for_ten_minutes_and_goes_with_the_next_request(
    kept: Idempotency, clock: Clock
) -> None:
    running = begin(kept)
    kept.end(running, ANSWER)
    clock.advance(KEEP - 1)
    assert kept.begin("c1", "k1", BODY, Deadline(SECONDS)) == ANSWER

    clock.advance(1)
    begin(kept)
    with pytest.raises(RequestInProgress):
        begin(kept)


def test_what_is_stored_has_neither_key_nor_query_and_lives_no_shorter_than_the_answer(
    fake: MemoryTable, kept: Idempotency, clock: Clock
) -> None:
    running = begin(kept, key="k1-of-the-caller")
    clock.advance(SECONDS)
    kept.end(running, ANSWER)

    (item,) = fake.items.all()
    assert item["pk"]["S"].startswith("idempotency#c1#")
    assert set(item) == {"pk", "sk", "until", "expires", "body", "token", "answer"}
    assert "k1-of" not in json.dumps(item)
    assert "Lisbon" not in json.dumps(item)
    assert int(item["expires"]["N"]) * 1000 >= int(item["until"]["N"])


@pytest.mark.parametrize("fault", ["throttle", "conflict", "fail", "fail late", "deny", "drop", "lose"])
def test_without_the_table_a_query_is_not_begun(fake: MemoryTable, kept: Idempotency, fault: str) -> None:
    fake.before = lambda *_: fault

    with pytest.raises(LimitsUnavailable) as failed:
        begin(kept)
    assert failed.value.retry_after == 5


def test_a_begin_that_arrives_twice_never_runs_twice(fake: MemoryTable, kept: Idempotency) -> None:
    fake.before = lambda *_: "duplicate"

    begin(kept)
    with pytest.raises(RequestInProgress):
        begin(kept)


@pytest.mark.parametrize("fault", ["throttle", "fail", "deny", "drop"])
def test_an_answer_that_cannot_be_kept_is_given_nevertheless(
    fake: MemoryTable, kept: Idempotency, fault: str
) -> None:
    running = begin(kept)
    fake.before = lambda *_: fault
    kept.end(running, ANSWER)

    fake.before = lambda *_: None
    with pytest.raises(RequestInProgress):
        begin(kept)


@pytest.mark.parametrize("answer", [ANSWER, None])
def test_a_late_end_changes_nothing_of_the_request_that_has_the_key_now(
    kept: Idempotency, clock: Clock, answer: Repeated | None
) -> None:
    late = begin(kept)
    clock.advance(SECONDS + MARGIN)
    begin(kept)

    kept.end(late, answer)

    with pytest.raises(RequestInProgress):
        begin(kept)


def test_an_end_after_the_client_was_removed_stores_nothing(fake: MemoryTable, kept: Idempotency) -> None:
    running = begin(kept)
    (item,) = fake.items.all()
    fake.items.delete(item["pk"]["S"])

    kept.end(running, ANSWER)

    assert fake.items.all() == []
