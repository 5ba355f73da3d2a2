"""Clients, limits and budgets through the API: what callers see, and what is logged, counted and stored."""

import io
import json
import math
import re
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import pytest

from tests.fakes.dynamodb import MemoryTable
from tests.fakes.openai import RESPONSES, Behaviour, Exchange, behaviours
from tests.integration.conftest import SECRET, Deployment, Reply, proxy_event
from tests.support.secret_leaks import holds
from travel_gpt.guard.windows import Windows

Deploy = Callable[..., Deployment]
Put = Callable[["Setup"], object]

CLIENT, KEY_ID = "c1", "annskey"
# The value of the client's API key, which API Gateway passes on with its id.
VALUE = "Wm6KqT8zRv3JxP9hYb5NcF2gLd7SwQ4k"
BUDGET = {"BUDGET_PER_DAY": "1", "BUDGET_PER_MONTH": "10"}


class Setup:
    """A function with a table, and one moment for every request."""

    def __init__(self, table: MemoryTable, deploy: Deploy, log: io.StringIO, **environment: str) -> None:
        self.table, self.log = table, log
        self.function = deploy(table, **{"OPENAI_MAX_RETRIES": "0", **BUDGET, **environment})
        self.taken_at = time.time()
        self.windows = Windows.at(self.taken_at)
        self.client()

    def client(self, **record: int | str) -> Self:
        """Write the record of the client."""
        self.table.put(f"key#{KEY_ID}", client=CLIENT)
        self.table.put(f"client#{CLIENT}", name="ann", **record)
        return self

    def count(self, name: str, **counters: int) -> Self:
        """Write counters; ``day_`` stands for the day's prefix."""
        item = {
            key.replace("day_", f"{self.windows.day}."): {"N": str(value)} for key, value in counters.items()
        }
        self.table.put_item({"pk": {"S": f"usage#{name}"}, "sk": {"S": self.windows.month}, **item})
        return self

    def counted(self, name: str) -> dict[str, int]:
        """The counters of the month."""
        return self.table.counters(name, self.windows.month)

    def event(
        self, query: str = "Lisbon?", *, key_id: str = KEY_ID, address: str = "192.0.2.1", **headers: str
    ) -> dict[str, Any]:
        """Return the event of a POST."""
        event = proxy_event("POST", json.dumps({"query": query}))
        event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
        event["requestContext"] |= {
            "requestTimeEpoch": int(self.taken_at * 1000),
            "identity": {"apiKeyId": key_id, "apiKey": VALUE, "sourceIp": address},
        }
        return event

    def post(self, query: str = "Lisbon?", **changes: str) -> Reply:
        """Send a POST."""
        return self.function.send(self.event(query, **changes))

    @property
    def calls(self) -> int:
        """How often the model was called."""
        return len(self.function.upstream.calls_to(RESPONSES))

    @property
    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    @property
    def line(self) -> dict[str, Any]:
        """The last line about a request."""
        return [line for line in self.logged if line["message"] == "Answered a request"][-1]

    @property
    def refusals(self) -> list[dict[str, Any]]:
        """The audit events of refused requests."""
        found = [line["audit"] for line in self.logged if "audit" in line]
        return [event for event in found if event["event"] == "request.refused"]


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


@pytest.fixture
def start(deploy: Deploy, table: MemoryTable, log: io.StringIO) -> Callable[..., Setup]:
    return lambda **environment: Setup(table, deploy, log, **environment)


@pytest.fixture
def setup(start: Callable[..., Setup]) -> Setup:
    return start()


def test_an_answer_has_its_cost_what_is_left_and_the_limits(setup: Setup) -> None:
    setup.client(per_minute=3, per_day=50, budget_per_month=500_000_000)

    reply = setup.post()

    usage, budget = reply.body["usage"], reply.body["budget"]
    # gpt-6-luna: input that may have been written to the server's cache, and output.
    cost = setup.counted(CLIENT)["cost"]
    assert (reply.status, usage["cost_usd"]) == (200, cost / 10**9)
    assert cost == usage["input_tokens"] * 125 + usage["output_tokens"] * 500
    assert budget == {
        "whose": "client",
        "period": "month",
        "limit_usd": 0.5,
        "left_usd": pytest.approx(0.5 - usage["cost_usd"]),
        "renews_at": setup.windows.month_ends,
    }
    assert "warnings" not in reply.body
    assert reply.headers["RateLimit-Policy"] == '"minute";q=3;w=60, "day";q=50;w=86400'
    assert re.fullmatch(r'"minute";r=2;t=\d+, "day";r=49;t=\d+', reply.headers["RateLimit"])
    assert setup.counted("stack")["cost"] == cost


def test_a_line_has_the_client_the_version_of_the_credential_and_the_cost(setup: Setup) -> None:
    version = setup.function.secrets.get_secret_value(SecretId=SECRET)["VersionId"]

    setup.post()
    line = setup.line
    assert (line["client"], line["credential_version"]) == (CLIENT, version)
    assert line["cost_nanodollars"] == setup.counted(CLIENT)["cost"]

    setup.function.upstream.default(RESPONSES, behaviours.server_error())
    setup.post()
    line = setup.line
    assert (line["status"], line["client"], line["credential_version"]) == (502, CLIENT, version)

    setup.function.get()
    assert setup.line["credential_version"] == version


def test_a_bug_is_logged_with_the_client(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup.function.api._adviser, "answer", lambda *_: 1 / 0)

    assert setup.post().body["code"] == "internal_error"

    assert (setup.line["client"], setup.line["detail"]) == (CLIENT, "ZeroDivisionError")
    assert [line["message"] for line in setup.logged].count("Internal error") == 1


def test_replies_warn_from_80_percent_on(setup: Setup) -> None:
    setup.count("stack", day_cost=900_000_000)

    (warning,) = setup.post().body["warnings"]

    assert re.fullmatch(r"90% of the API's budget of this day is used\. It renews at .* UTC\.", warning)


def until(seconds: float) -> int:
    return math.ceil(seconds)


REFUSALS: dict[str, tuple[Put, int, str, Callable[[Setup], int | None]]] = {
    "per minute": (
        lambda it: it.client(per_minute=3).count(CLIENT, **{f"m{it.windows.minute}": 3}),
        429,
        "rate_limited",
        lambda it: until(it.windows.minute_ends - it.taken_at),
    ),
    "per day": (
        lambda it: it.client(per_day=3).count(CLIENT, day_requests=3),
        429,
        "rate_limited",
        lambda it: until(it.windows.day_ends - it.taken_at),
    ),
    "parallel": (
        lambda it: it.client(parallel=1).count(CLIENT, p0=int(it.taken_at * 1000) + 9000),
        429,
        "rate_limited",
        lambda _: 2,
    ),
    "client's budget of the day": (
        lambda it: it.client(budget_per_day=10**9).count(CLIENT, day_cost=10**9),
        429,
        "budget_exhausted",
        lambda it: until(it.windows.day_ends - it.taken_at),
    ),
    "client's budget of the month": (
        lambda it: it.client(budget_per_month=10**9).count(CLIENT, cost=10**9),
        429,
        "budget_exhausted",
        lambda it: until(it.windows.month_ends - it.taken_at),
    ),
    "stack's budget of the day": (
        lambda it: it.count("stack", day_cost=10**9),
        429,
        "budget_exhausted",
        lambda it: until(it.windows.day_ends - it.taken_at),
    ),
    "stack's budget of the month": (
        lambda it: it.count("stack", cost=10**10),
        429,
        "budget_exhausted",
        lambda it: until(it.windows.month_ends - it.taken_at),
    ),
    "disabled": (lambda it: it.client(disabled=1), 403, "client_disabled", lambda _: None),
    "expired": (
        lambda it: it.client(expires_at=int(it.taken_at) - 1),
        403,
        "client_expired",
        lambda _: None,
    ),
    "paused": (lambda it: it.table.put("flag#paused"), 503, "paused", lambda _: None),
    "removed": (
        lambda it: it.table.items.delete(f"client#{CLIENT}"),
        403,
        "forbidden",
        lambda _: None,
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_has_its_code_and_calls_nothing(setup: Setup, case: str) -> None:
    put, status, code, wait = REFUSALS[case]
    put(setup)

    reply = setup.post()

    assert (reply.status, reply.body["code"]) == (status, code)
    seconds = wait(setup)
    assert reply.headers.get("Retry-After") == (None if seconds is None else str(seconds))
    assert ("RateLimit" in reply.headers) == case.startswith(("per ",))
    assert setup.calls == 0
    (event,) = setup.refusals
    assert (event["outcome"], event["key_id"], event["client"]) == (code, KEY_ID, CLIENT)
    assert event["request_id"] == reply.body["request_id"]
    assert (setup.line["client"], setup.line["code"], setup.line["status"]) == (CLIENT, code, status)
    # Nothing stays reserved, and a limit that refused is counted.
    stack = 0 if not case.startswith("stack") else 10**10 if "month" in case else 10**9
    assert sum(setup.counted("stack").get(name, 0) for name in ("cost", f"{setup.windows.day}.cost")) == stack
    refused = setup.counted(CLIENT).get(f"{setup.windows.day}.refused", 0)
    assert refused == (1 if status == 429 else 0)


def test_a_key_of_no_client_is_forbidden(setup: Setup) -> None:
    reply = setup.post(key_id="unknownkey")

    assert (reply.status, reply.body["code"], setup.calls) == (403, "forbidden", 0)
    (event,) = setup.refusals
    assert (event["outcome"], event["key_id"], event["client"]) == ("forbidden", "unknownkey", "")
    assert "client" not in setup.line


def test_the_owners_key_needs_no_record(start: Callable[..., Setup]) -> None:
    setup = start(OWNER_API_KEY_ID="ownerkey")

    assert setup.post(key_id="ownerkey").status == 200
    assert (setup.line["client"], setup.counted("owner")["cost"] > 0) == ("owner", True)


def test_where_anyone_may_ask_an_address_is_a_client(start: Callable[..., Setup]) -> None:
    setup = start(API_ACCESS="open", OPEN_PER_MINUTE="1", OPEN_PER_DAY="9")

    replies = [setup.post(key_id="", address=address) for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2")]

    assert [reply.status for reply in replies] == [200, 429, 200]
    assert replies[1].body["code"] == "rate_limited"
    assert setup.line["client"].startswith("address-")
    assert "192.0.2" not in setup.log.getvalue() + json.dumps(setup.table.items.all())


@pytest.mark.parametrize("fault", ["throttle", "fail", "deny", "drop"])
def test_without_the_table_the_budget_refuses(setup: Setup, fault: str) -> None:
    setup.table.before = lambda *_: fault

    reply = setup.post()

    assert (reply.status, reply.body["code"], setup.calls) == (503, "limits_unavailable", 0)
    assert reply.headers["Retry-After"] == "5"
    assert setup.refusals[0]["outcome"] == "limits_unavailable"


@pytest.mark.parametrize("fault", ["throttle", "fail", "deny", "drop"])
@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({}, 503),
        ({"BUDGET_WHEN_UNAVAILABLE": "allow"}, 200),
        ({"BUDGET_PER_DAY": "0", "BUDGET_PER_MONTH": "0"}, 200),
        ({"BUDGET_PER_DAY": "0", "BUDGET_PER_MONTH": "0", "LIMITS_WHEN_UNAVAILABLE": "refuse"}, 503),
    ],
    ids=lambda value: str(value),
)
def test_the_owner_chooses_what_happens_without_the_counters(
    start: Callable[..., Setup], fault: str, environment: dict[str, str], status: int
) -> None:
    setup = start(**environment)
    setup.client(per_minute=3)
    setup.table.before = lambda operation, _: fault if operation == "UpdateItem" else None

    reply = setup.post()

    assert (reply.status, setup.calls) == (status, 1 if status == 200 else 0)
    if status == 503:
        assert reply.body["code"] == "limits_unavailable"


def test_a_wrong_price_is_named_to_every_caller(start: Callable[..., Setup]) -> None:
    setup = start(MODEL_PRICES="llama-4")

    for reply in (setup.post(), setup.function.get()):
        assert (reply.status, reply.body["code"]) == (503, "misconfigured")
        assert "MODEL_PRICES must be model=input/output" in reply.body["message"]


def test_a_pause_is_no_error_in_the_log(setup: Setup) -> None:
    setup.table.put("flag#paused")

    setup.post()

    assert (setup.line["level"], setup.line["status"]) == ("INFO", 503)


def test_a_failure_says_what_is_left_of_the_limits(setup: Setup) -> None:
    setup.client(per_minute=3)
    setup.function.upstream.script(RESPONSES, behaviours.server_error())

    reply = setup.post()

    assert reply.status == 502
    assert '"minute";r=2' in reply.headers["RateLimit"]


@pytest.mark.parametrize(
    ("behaviour", "status", "stays"),
    [
        (behaviours.reject_key(), 502, False),
        (behaviours.rate_limited(), 429, False),
        (behaviours.no_model_access(), 502, False),
        (behaviours.unknown_model(), 502, False),
        (behaviours.content_policy(), 422, True),
        (behaviours.context_length(), 422, True),
        (behaviours.server_error(), 502, True),
        (behaviours.cut_body(), 502, True),
    ],
    ids=["401", "429", "403", "no such model", "refused prompt", "long prompt", "500", "cut"],
)
def test_what_may_have_been_charged_stays_counted(
    setup: Setup, behaviour: Behaviour, status: int, stays: bool
) -> None:
    setup.client(parallel=1)
    setup.function.upstream.default(RESPONSES, behaviour)

    assert setup.post().status == status

    for name in (CLIENT, "stack"):
        counted = setup.counted(name)
        assert (counted["cost"] > 0) is stays
        assert not [attribute for attribute in counted if attribute.startswith(("p0", "r"))]


def test_a_parameter_that_is_left_out_takes_no_second_reservation(setup: Setup) -> None:
    setup.function.upstream.script(RESPONSES, behaviours.unsupported_parameter("store"))

    assert setup.post().status == 200

    assert setup.calls == 2
    assert setup.table.calls["UpdateItem"] == 4


def test_calls_of_the_table(setup: Setup) -> None:
    before: list[int] = []
    setup.client(budget_per_day=10**9)

    def model(exchange: Exchange) -> None:
        before.append(setup.table.calls["UpdateItem"])
        behaviours.answer("Take tram 28.")(exchange)

    setup.function.upstream.default(RESPONSES, model)

    def calls_of(send: Callable[[], Reply]) -> tuple[int, int]:
        setup.table.calls.clear()
        assert send().status == 200
        return setup.table.calls["BatchGetItem"], setup.table.calls["UpdateItem"]

    # The first reads which client the key belongs to, and the client's record with the flag.
    assert calls_of(setup.post) == (2, 4)
    assert calls_of(setup.post) == (0, 4)
    assert before == [2, 2]
    setup.function.clock.advance(5)
    assert calls_of(setup.post) == (1, 4)
    setup.function.clock.advance(300)
    assert calls_of(setup.post) == (2, 4)
    # Beginning and ending a query that may be repeated takes one each.
    assert calls_of(lambda: setup.post(Idempotency_Key="k1")) == (0, 6)
    assert calls_of(lambda: setup.post(Idempotency_Key="k1")) == (0, 1)
    assert calls_of(setup.function.get) == (0, 0)
    assert calls_of(lambda: setup.function.get(verify=True)) == (0, 0)


def test_a_repeated_query_gets_the_same_answer_and_is_paid_once(setup: Setup) -> None:
    first = setup.post(Idempotency_Key="k1")
    spent = setup.counted(CLIENT), setup.counted("stack")

    again = setup.post(Idempotency_Key='"k1"')

    assert (first.status, again.status) == (200, 200)
    assert again.body == first.body
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (setup.calls, (setup.counted(CLIENT), setup.counted("stack"))) == (1, spent)
    assert (setup.line["client"], setup.line["repeated"]) == (CLIENT, True)


def test_a_key_of_another_client_is_another_key(setup: Setup) -> None:
    setup.table.put("key#bobskey", client="c2")
    setup.table.put("client#c2", name="bob")

    setup.post(Idempotency_Key="k1")
    reply = setup.post("Porto?", key_id="bobskey", Idempotency_Key="k1")

    assert (reply.status, setup.calls) == (200, 2)


def test_an_answer_is_kept_for_ten_minutes(setup: Setup) -> None:
    setup.post(Idempotency_Key="k1")
    setup.function.clock.advance(599)
    setup.post(Idempotency_Key="k1")
    assert setup.calls == 1

    setup.function.clock.advance(2)
    setup.post(Idempotency_Key="k1")
    assert setup.calls == 2


def test_while_the_first_query_runs_its_repetition_gets_409(setup: Setup) -> None:
    repeated: list[Reply] = []

    def model(exchange: Exchange) -> None:
        repeated.append(setup.post(Idempotency_Key="k1"))
        behaviours.answer("Take tram 28.")(exchange)

    setup.function.upstream.script(RESPONSES, model)

    first = setup.post(Idempotency_Key="k1")

    (reply,) = repeated
    assert (reply.status, reply.body["code"]) == (409, "request_in_progress")
    assert reply.headers["Retry-After"] == "2"
    assert [event["outcome"] for event in setup.refusals] == ["request_in_progress"]
    assert (first.status, setup.calls) == (200, 1)


def test_of_queries_at_the_same_time_one_is_asked(setup: Setup) -> None:
    setup.function.post()  # the credential is there
    setup.table.calls.clear()
    replies: list[Reply] = []
    begin = threading.Barrier(8)

    def send() -> None:
        begin.wait(5)
        replies.append(setup.post(Idempotency_Key="k1"))

    asked = setup.calls
    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {reply.status for reply in replies} <= {200, 409}
    assert setup.calls == asked + 1


def test_the_same_key_with_another_query_gets_422(setup: Setup) -> None:
    setup.post("Lisbon?", Idempotency_Key="k1")

    reply = setup.post("Porto?", Idempotency_Key="k1")

    assert (reply.status, reply.body["code"], setup.calls) == (422, "idempotency_key_reused", 1)
    assert [event["outcome"] for event in setup.refusals] == ["idempotency_key_reused"]


def test_after_a_failure_the_key_can_be_used_again(setup: Setup) -> None:
    setup.function.upstream.script(RESPONSES, behaviours.server_error())
    assert setup.post(Idempotency_Key="k1").status == 502

    assert setup.post(Idempotency_Key="k1").status == 200
    assert setup.calls == 2


def test_a_failure_that_was_paid_for_is_repeated_too(setup: Setup) -> None:
    setup.function.upstream.script(RESPONSES, behaviours.filtered())
    first = setup.post(Idempotency_Key="k1")

    again = setup.post(Idempotency_Key="k1")

    assert (first.status, first.body["code"]) == (422, "content_refused")
    assert (again.status, again.body, setup.calls) == (422, first.body, 1)
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", '""', "two words", "ü", "k" * 256])
def test_a_malformed_key_gets_400(setup: Setup, key: str) -> None:
    reply = setup.post(Idempotency_Key=key)

    assert (reply.status, reply.body["code"], setup.calls) == (400, "invalid_idempotency_key", 0)


def test_a_query_that_could_be_paid_twice_is_refused_without_the_table(setup: Setup) -> None:
    setup.post()
    asked = setup.calls
    setup.table.before = lambda _, parameters: "drop" if "idempotency" in json.dumps(parameters) else None

    reply = setup.post(Idempotency_Key="k1")

    assert (reply.status, reply.body["code"], setup.calls) == (503, "limits_unavailable", asked)


def test_the_value_of_the_clients_key_is_nowhere(setup: Setup, capfd: pytest.CaptureFixture[str]) -> None:
    setup.client(per_minute=4)
    replies = [
        setup.post(Idempotency_Key="k1"),
        setup.post(Idempotency_Key="k1"),
        setup.post(x_api_key=VALUE),
        setup.post("Porto?", Idempotency_Key="k1"),
        setup.post(key_id="unknownkey"),
    ]
    for fault in (behaviours.server_error(), behaviours.rate_limited(), behaviours.raw(b"{")):
        setup.function.upstream.script(RESPONSES, fault)
        replies.append(setup.post(x_api_key=VALUE))
    setup.client(disabled=1)
    setup.function.clock.advance(5)
    replies.append(setup.post())
    setup.table.before = lambda *_: "deny"
    setup.function.clock.advance(5)
    replies.append(setup.post())
    setup.table.before = lambda *_: None

    codes = [reply.body.get("code", "success") for reply in replies]
    assert {"success", "idempotency_key_reused", "forbidden", "client_disabled", "rate_limited"} <= {*codes}
    answers = "\n".join(f"{reply.raw} {reply.headers}" for reply in replies)
    written = capfd.readouterr()
    stored = json.dumps(setup.table.items.all())
    assert "idempotency#c1#" in stored
    for text in (answers, setup.log.getvalue(), written.out, written.err, stored):
        assert not holds(text, VALUE)
