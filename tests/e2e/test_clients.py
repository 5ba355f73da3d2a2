"""The story of a client, with the real command: from the deployment of its stack to the deletion."""

import json
import re
from collections import Counter

import pytest

from tests.support.deployer import GOOD_KEY, Deployer
from tests.support.doctor import PYTHON
from tests.support.secret_leaks import files_with, holds
from tests.support.stack_owner import MEASURED, Owner

OK = (200, "success")


@pytest.mark.skipif(not PYTHON.exists(), reason="the command's environment: scripts/environment.sh run")
def test_a_client_from_its_first_key_to_its_removal(deployer: Deployer) -> None:
    # Given a deployed stack
    done = deployer.deploy("--yes", key=GOOD_KEY)
    assert done.returncode == 0, done.stderr
    owner = Owner(deployer)

    # When a client is added
    owner.type("client", "add", "ann", "--per-minute", "2", "--budget", "2/month", "--expires", "30d")

    # Then its key works at once, up to its limit, and what is refused is not paid
    (first,) = owner.keys
    answers = Counter(owner.ask(first) for _ in range(3))
    if answers[OK] == 3:  # a new minute began
        answers += Counter(owner.ask(first) for _ in range(2))
    assert answers[429, "rate_limited"] >= 1
    assert answers[OK] == owner.paid()

    # When the limit is lifted, then a running environment knows within seconds
    owner.type("client", "limit", "ann", "--per-minute", "none")
    answers += owner.ask_until(first, OK) + Counter([OK])

    # When a client has less budget than a query may cost, then nothing is paid for it
    owner.type("client", "add", "bob", "--budget", "0.0001/day")
    assert owner.ask(owner.keys[1]) == (429, "budget_exhausted")
    assert answers[OK] == owner.paid()

    # Then the usage says the same as the model's server and as the callers
    usage = json.loads(owner.type("usage", "--json").stdout)
    ann, bob, measured = (usage["clients"][name] for name in ("ann", "bob", "owner"))
    assert ann["requests"] == ann["answers"] == owner.paid()
    assert (measured["answers"], usage["total"]["answers"]) == (MEASURED, owner.paid() + MEASURED)
    assert ann["refused"] == answers[429, "rate_limited"]
    assert (bob["requests"], bob["refused"]) == (0, 1)
    assert ann["cost_nanodollars"] > 0
    both = ann["cost_nanodollars"] + measured["cost_nanodollars"]
    assert usage["counted_in_budget_nanodollars"] == both

    # When the API is paused, then every query is refused within seconds, until it is resumed
    owner.type("pause")
    owner.ask_until(first, (503, "paused"))
    paid = owner.paid()
    assert owner.ask(first) == (503, "paused")
    assert owner.paid() == paid
    owner.type("resume")
    owner.ask_until(first, OK)

    # When the owner asks with the command, then the answer is streamed; the cost and the rest are remarks
    paid = owner.paid()
    answered = owner.type("ask", "Two days in Porto?", "--env", "prod")
    assert "Two days in Porto?" in answered.stdout
    assert re.search(
        r"^\S+, [0-9,]+ tokens, 0\.[0-9]{6} USD, .* of the budget of the API", answered.stderr, re.M
    )
    assert "does not stream" not in answered.stderr
    assert owner.paid() == paid + 1
    # And then: the command says what is refused to a client, and what to do about it
    refused = owner.ask_with_command(owner.keys[1])
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "(budget_exhausted, request " in refused.stderr
    unknown = owner.ask_with_command(f"{first}x")
    assert unknown.returncode == 1
    assert "Check the API key in TRAVEL_GPT_API_KEY" in unknown.stderr
    assert owner.paid() == paid + 1

    # When the client is disabled, then API Gateway refuses its key at once
    owner.type("client", "disable", "ann")
    assert owner.ask(first) == (403, "forbidden")
    # And then: so does the function within seconds, should API Gateway still let the key through
    owner.enable_at_gateway(first)
    owner.ask_until(first, (403, "client_disabled"))

    # When it is enabled and gets another key, then that one works, and the first one does not
    owner.type("client", "enable", "ann")
    owner.type("client", "rotate", "ann")
    second = owner.keys[2]
    owner.ask_until(second, OK)
    assert owner.ask(first) == (403, "forbidden")
    assert second in owner.gateway_keys()
    assert first not in owner.gateway_keys()

    # When it is removed, then its key is gone, and everything that the table had of it
    (client_id,) = (each["client"]["S"] for each in owner.items() if each["pk"]["S"] == "name#ann")
    assert {f"client#{client_id}", f"usage#{client_id}"} <= {each["pk"]["S"] for each in owner.items()}
    owner.type("client", "remove", "ann", "--yes")
    assert owner.ask(second) == (403, "forbidden")
    left = json.dumps(owner.items())
    assert client_id not in left
    assert "name#ann" not in left
    assert "name#bob" in left
    # And then: no key was written anywhere, but where it was printed
    written = [*owner.written, owner.log_lines(), json.dumps(owner.items())]
    assert client_id in owner.log_lines()
    for key in owner.keys:
        assert not [text for text in written if holds(text, key)]
        assert not files_with(key, owner.aws.home)

    # When the stack is deleted, then so is the key of the client that is left, and the table stays
    removed = deployer.deploy("--yes", "--delete")
    assert removed.returncode == 0, removed.stderr
    assert "Delete the API key of 1 client" in removed.stdout
    assert owner.gateway_keys() == {}
    assert owner.items()
