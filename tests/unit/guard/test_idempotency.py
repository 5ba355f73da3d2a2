"""Idempotency-Key: which requests run, which get the kept answer, and what is stored."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.fakes.dynamodb import TABLE, FakeTable
from tests.support.clock import Clock
from travel_gpt.aws.table import Table
from travel_gpt.errors import (
    IdempotencyKeyReused,
    InvalidIdempotencyKey,
    LimitsUnavailable,
    RequestInProgress,
)
from travel_gpt.guard.idempotency import KEEP, MARGIN, Idempotency, read_key

BODY, OTHER = '{"query": "Lisbon?"}', '{"query": "Porto?"}'
ANSWER = {"status": "success", "answer": "Take tram 28."}
SECONDS = 28.0


@pytest.fixture
def kept(table: Table, clock: Clock) -> Idempotency:
    return Idempotency(table, now=clock)


def items(fake: FakeTable) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = fake.client.scan(TableName=TABLE)["Items"]
    return found


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
    assert kept.begin("c1", "k1", BODY, SECONDS) is None
    kept.end("c1", "k1", ANSWER)

    assert kept.begin("c1", "k1", BODY, SECONDS) == ANSWER


def test_while_the_first_runs_the_next_is_refused_until_it_must_have_ended(
    kept: Idempotency, clock: Clock
) -> None:
    kept.begin("c1", "k1", BODY, SECONDS)

    clock.advance(SECONDS + MARGIN - 1)
    with pytest.raises(RequestInProgress) as running:
        kept.begin("c1", "k1", BODY, SECONDS)
    assert running.value.retry_after == 2

    # The environment of the first one died.
    clock.advance(1)
    assert kept.begin("c1", "k1", BODY, SECONDS) is None


@pytest.mark.parametrize("ended", [True, False])
def test_another_body_is_refused(kept: Idempotency, ended: bool) -> None:
    kept.begin("c1", "k1", BODY, SECONDS)
    if ended:
        kept.end("c1", "k1", ANSWER)

    with pytest.raises(IdempotencyKeyReused):
        kept.begin("c1", "k1", OTHER, SECONDS)


def test_other_clients_and_other_keys_are_others(kept: Idempotency) -> None:
    kept.begin("c1", "k1", BODY, SECONDS)

    assert kept.begin("c2", "k1", BODY, SECONDS) is None
    assert kept.begin("c1", "k2", OTHER, SECONDS) is None


def test_a_failure_frees_the_key(kept: Idempotency) -> None:
    kept.begin("c1", "k1", BODY, SECONDS)
    kept.end("c1", "k1", None)

    assert kept.begin("c1", "k1", OTHER, SECONDS) is None


def test_an_answer_is_kept_for_ten_minutes_and_goes_with_the_next_request(
    kept: Idempotency, clock: Clock
) -> None:
    kept.begin("c1", "k1", BODY, SECONDS)
    kept.end("c1", "k1", ANSWER)
    clock.advance(KEEP - 1)
    assert kept.begin("c1", "k1", BODY, SECONDS) == ANSWER

    clock.advance(1)
    assert kept.begin("c1", "k1", BODY, SECONDS) is None
    with pytest.raises(RequestInProgress):
        kept.begin("c1", "k1", BODY, SECONDS)


def test_what_is_stored_has_neither_key_nor_query_and_lives_no_shorter_than_the_answer(
    fake: FakeTable, kept: Idempotency, clock: Clock
) -> None:
    kept.begin("c1", "k1-of-the-caller", BODY, SECONDS)
    clock.advance(SECONDS)
    kept.end("c1", "k1-of-the-caller", ANSWER)

    (item,) = items(fake)
    assert item["pk"]["S"].startswith("idempotency#c1#")
    assert set(item) == {"pk", "sk", "until", "expires", "body", "answer"}
    assert "k1-of" not in json.dumps(item)
    assert "Lisbon" not in json.dumps(item)
    assert int(item["expires"]["N"]) * 1000 >= int(item["until"]["N"])


@pytest.mark.parametrize("fault", ["throttle", "conflict", "fail", "fail late", "deny", "drop", "lose"])
def test_without_the_table_a_query_is_not_begun(fake: FakeTable, kept: Idempotency, fault: str) -> None:
    fake.before = lambda *_: fault

    with pytest.raises(LimitsUnavailable) as failed:
        kept.begin("c1", "k1", BODY, SECONDS)
    assert failed.value.retry_after == 5


def test_a_begin_that_arrives_twice_never_runs_twice(fake: FakeTable, kept: Idempotency) -> None:
    fake.before = lambda *_: "duplicate"

    assert kept.begin("c1", "k1", BODY, SECONDS) is None
    with pytest.raises(RequestInProgress):
        kept.begin("c1", "k1", BODY, SECONDS)


@pytest.mark.parametrize("fault", ["throttle", "fail", "deny", "drop"])
def test_an_answer_that_cannot_be_kept_is_given_nevertheless(
    fake: FakeTable, kept: Idempotency, fault: str
) -> None:
    kept.begin("c1", "k1", BODY, SECONDS)
    fake.before = lambda *_: fault
    kept.end("c1", "k1", ANSWER)

    fake.before = lambda *_: None
    with pytest.raises(RequestInProgress):
        kept.begin("c1", "k1", BODY, SECONDS)
