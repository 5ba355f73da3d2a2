"""``travel-gpt invite``, and what the commands of clients do with a guest."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from tests.fakes.dynamodb import TABLE
from tests.support.secret_leaks import files_with, holds
from tests.unit.cli.conftest import Done, Person
from tests.unit.cli.test_client import (
    STACK,
    Api,
    add,
    api,
    fail,
    items,
    keys,
    make_stack,
    owner_key_id,
    put,
    shown,
)
from travel_gpt.cli.errors import DONE, FAILED, USAGE
from travel_gpt.guard.new_invitation import invitation_key

__all__ = ["api"]
DAY = 86_400


def make_page(
    api: Api, name: str, *, web_page: str = "enabled", access: str = "api-key", budget: str = "50"
) -> str:
    """Make a stack with the page, beside or in the place of the one that there is; its address."""
    usage_plan: Any = boto3.client("apigateway").get_usage_plans()["items"][0]["id"]
    owner = owner_key_id()
    boto3.client("cloudformation").delete_stack(StackName=name)
    page = f"{api.url}/Prod/travel-gpt/app"
    make_stack(
        name,
        {"BudgetPerDay": "0.00", "BudgetPerMonth": budget},
        ApiUrl=f"{api.url}/Prod/travel-gpt",
        ApiKeyId=owner,
        UsagePlanId=usage_plan,
        ClientTableName=TABLE,
        ApiAccess=access,
        PageUrl=page,
        WebPage=web_page,
    )
    return page


@pytest.fixture
def page(api: Api) -> str:
    """The address of the page of the stack."""
    return make_page(api, STACK)


def invite(person: Person, name: str = "kim", *options: str) -> str:
    """Invite a guest, and return the code of the link, which is standard output alone."""
    done = person.run("invite", name, *(options or ("--budget", "2/month")))
    link, end = done.out.split("\n")
    assert not end
    return link.partition("#invitation=")[2]


def item_of(code: str) -> dict[str, Any]:
    return items()[invitation_key(code)["pk"]]


def ends_in(seconds: int) -> float:
    """In how many days a moment is."""
    return (seconds - datetime.now(UTC).timestamp()) / DAY


def test_a_new_guest_gets_a_link_and_no_api_key(person: Person, page: str, api: Api) -> None:
    done = person.run("invite", "kim", "--budget", "2/month", "--expires", "10d", "--devices", "2")

    address, _, code = done.out.strip().partition("#invitation=")
    assert (address, done.out.count("\n")) == (page, 1)
    assert len(base64.urlsafe_b64decode(code)) == 24
    found = shown(person, "kim")
    assert (found["kind"], found["key_ids"], found["may_ask"]) == ("guest", [], True)
    assert found["limits"]["budget_per_month"] == 2_000_000_000
    assert 9.9 < ends_in(found["expires_at"]) <= 10
    item = item_of(code)
    assert item["client"]["S"] == found["id"]
    assert item["devices"]["N"] == "2"
    assert item["expires_at"]["N"] == item["expires"]["N"] == str(found["expires_at"])
    assert items()[f"client#{found['id']}"]["guest"] == {"N": "1"}
    assert "redeemed" not in item
    assert not keys()
    assert not api.seen
    until = f"{datetime.fromtimestamp(found['expires_at'], UTC):%Y-%m-%d %H:%M} UTC"
    for said in (
        f"Added the guest kim ({found['id']}) to {STACK}.",
        f"Until {until} it lets 2 browsers ask",
        "The limits of kim: USD 2.00 a month.",
        "at once:\n  travel-gpt client disable kim\n",
    ):
        assert said in done.err
    assert done.err.rstrip().endswith("travel-gpt client show kim")
    event = person.audited()[-1]
    assert (event["event"], event["outcome"], event["devices"]) == ("client.invite", "success", 2)
    assert (event["client"], event["client_name"]) == (found["id"], "kim")


@pytest.mark.usefixtures("page")
def test_an_invitation_is_for_one_browser_and_30_days_unless_said_otherwise(person: Person) -> None:
    item = item_of(invite(person, "kim", "--budget", "none"))

    assert item["devices"]["N"] == "1"
    assert 29.9 < ends_in(int(item["expires_at"]["N"])) <= 30
    assert not any(shown(person, "kim")["limits"].values())


@pytest.mark.usefixtures("page")
def test_the_code_of_a_link_is_on_standard_output_once_and_nowhere_else(person: Person) -> None:
    rest: list[str] = []

    def run(*arguments: str, status: int = DONE) -> Done:
        done = person.run("--verbose", *arguments, status=status)
        rest.append(done.err)
        return done

    links = [
        run("invite", "kim", "--budget", "1/day").out,
        run("invite", "kim", "--again").out,
        run("invite", "owner", "--again").out,
    ]
    shows = (
        ("client", "list"),
        ("client", "list", "--json"),
        ("client", "show", "kim"),
        ("client", "show", "kim", "--json"),
        ("client", "disable", "kim"),
        ("client", "enable", "kim"),
        ("usage", "--json"),
    )
    rest += [run(*arguments).out for arguments in shows]
    run("invite", "kim", "--budget", "1/day", status=USAGE)
    run("client", "rotate", "kim", status=USAGE)
    rest.append(json.dumps(items()))
    rest.append(run("client", "remove", "kim", "--yes").out)

    codes = [link.strip().partition("#invitation=")[2] for link in links]
    assert len(set(codes)) == 3
    for code in codes:
        assert len(code) == 32
        assert not [text for text in rest if holds(text, code)]
        assert not files_with(code, person.here.parent)


@pytest.mark.usefixtures("page")
def test_the_code_is_in_no_error(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = ["Vb3kQ9xLw2Rk7Yb4Nd6HsT1uZe8Xc5Jf", "Gp0Mn6aWq4Dr9Jo2Li7PyC3vKt1Fh8Bs"]
    made = iter(codes)
    monkeypatch.setattr("travel_gpt.guard.new_invitation.secrets.token_urlsafe", lambda _: next(made))
    fail(monkeypatch, "TransactWriteItems")
    fail(monkeypatch, "PutItem")

    first = person.run("--verbose", "invite", "kim", "--budget", "2/month", status=FAILED)
    second = person.run("--verbose", "invite", "owner", "--again", status=FAILED)

    assert not list(made)
    for code in codes:
        assert not holds(first.out + first.err + second.out + second.err, code)
        assert not files_with(code, person.here.parent)
    assert [each["outcome"] for each in person.audited()] == ["failed", "failed"]
    assert not [key for key in items() if not key.startswith("client#owner")]


@pytest.mark.usefixtures("page")
def test_a_guests_name_belongs_to_one_client(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    invite(person)
    before = items()
    for name in ("kim", "owner", shown(person, "kim")["id"]):
        done = person.run("invite", name, "--budget", "2/month", status=USAGE, says="already. Choose another")
        assert f"travel-gpt invite {name} --again" in done.err
        assert not done.out
    person.run("invite", "stack", "--budget", "1/day", status=USAGE, says="cannot be a client's")
    person.run("client", "add", "kim", status=USAGE, says="There is a client kim already")

    # Another person invites the same guest at the same moment: after the names were read.
    monkeypatch.setattr("travel_gpt.cli.client.records.ClientRecords.require_new", lambda *_: None)
    person.run("invite", "kim", "--budget", "2/month", status=USAGE, says="There is a client kim already")

    assert items() == before


REFUSED = [
    (("kim",), "Give the most that the guest may spend, in USD: --budget 2/month."),
    (("kim", "--budget", "0/month"), "A budget of 0 lets nothing through."),
    (("kim", "--budget", "hunter2/month"), "--budget must be USD for a day or a month"),
    (("kim", "--budget", "2/month", "--expires", "never"), "An invitation ends: give --expires a time such"),
    (("kim", "--budget", "2/month", "--expires", "soon"), "--expires must be a time such as 12h"),
    (("Kim", "--budget", "2/month"), "The name of a client has 1 to 63 lower-case letters"),
    (("kim", "--again"), "There is no client kim"),
    (("ann", "--again", "--budget", "3/month"), "travel-gpt client limit ann --budget 3/month"),
    (("ann", "--again", "--expires", "never"), "An invitation ends"),
    (("bob", "--again"), "may not ask (disabled), so a link would be refused."),
    (("eve", "--again"), "may not ask (expired), so a link would be refused."),
    (("ann", "--again", "--devices", "0"), "--devices"),
    (("ann", "--again", "--devices", "21"), "--devices"),
]


@pytest.mark.usefixtures("page")
def test_an_invitation_that_makes_no_sense_is_refused(person: Person) -> None:
    for name in ("ann", "bob", "eve"):
        add(person, name)
    person.run("client", "disable", "bob")
    put(f"client#{shown(person, 'eve')['id']}", name="eve", expires_at=1)
    before = items()

    for arguments, says in REFUSED:
        done = person.run("invite", *arguments, status=USAGE, says=says)
        assert not done.out
        assert "hunter2" not in done.err

    assert items() == before


def test_a_stack_whose_page_takes_no_invitation(person: Person, api: Api) -> None:
    for again in ((), ("--again",)):
        budget = () if again else ("--budget", "2/month")
        arguments = ("invite", "owner" if again else "kim", *budget, *again)
        # Given a stack of a version without the page
        person.run(*arguments, status=USAGE, says="./deploy.sh --parameter WebPage=enabled\n")
        # Given one whose page is turned off
        make_page(api, "travel-gpt-backend-dev", web_page="disabled")
        done = person.run(*arguments, "--env", "dev", status=USAGE, says="The page of travel-gpt-backend-dev")
        assert done.err.endswith(
            "is turned off. Turn it on, then repeat: ./deploy.sh --env dev --parameter WebPage=enabled\n"
        )
        # Given one where anyone may ask
        page = make_page(api, "travel-gpt-backend-staging", access="open")
        done = person.run(
            *arguments, "--env", "staging", status=USAGE, says=f"without an invitation: {page}."
        )
        assert done.err.endswith("./deploy.sh --env staging --access api-key\n")
    assert not items()


@pytest.mark.usefixtures("page")
def test_again_makes_another_link_and_changes_nothing_else(person: Person) -> None:
    first = invite(person, "kim", "--budget", "2/month", "--expires", "10d")
    before, kept = shown(person, "kim"), item_of(first)

    done = person.run("invite", "kim", "--again", "--expires", "2d", "--devices", "3")

    item = item_of(done.out.strip().partition("#invitation=")[2])
    assert (item["client"]["S"], item["devices"]["N"]) == (before["id"], "3")
    assert 1.9 < ends_in(int(item["expires_at"]["N"])) <= 2
    assert item_of(first) == kept
    page = before["page"] | {"devices": 4}
    assert shown(person, "kim") == before | {"page": page}
    assert "Added the guest" not in done.err
    assert person.audited()[-1]["event"] == "client.invite"

    # A link does not outlast what it gives access to.
    for options in ((), ("--expires", "90d")):
        again = item_of(invite(person, "kim", "--again", *options))
        assert int(again["expires_at"]["N"]) == before["expires_at"]


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("name", ["ann", "owner"])
def test_a_client_with_an_api_key_may_have_a_link_too(person: Person, name: str) -> None:
    if name == "ann":
        add(person)
    before = shown(person, name)

    item = item_of(invite(person, name, "--again", "--devices", "2"))

    assert item["client"]["S"] == before["id"]
    assert 29.9 < ends_in(int(item["expires_at"]["N"])) <= 30
    after = shown(person, name)
    assert after["key_ids"] == before["key_ids"]
    assert (after["kind"], after["may_ask"]) == ("api-key", True)
    assert after["page"]["devices"] == 2
    listed = person.run("client", "list").out
    assert "api-key, 0 of 2 devices" in listed


def test_a_guest_whom_nothing_would_limit_is_refused(person: Person, api: Api) -> None:
    make_page(api, STACK, budget="0")

    for options, advice in (
        (("kim", "--budget", "none"), "give the guest one, such as --budget 2/month"),
        (("owner", "--again"), "give it one: travel-gpt client limit owner --budget 2/month"),
    ):
        done = person.run("invite", *options, status=USAGE)
        assert "Nothing would limit what" in done.err
        assert advice in done.err
        assert "./deploy.sh --parameter BudgetPerMonth=50" in done.err
        assert not done.out

    person.run("invite", "kim", "--budget", "2/month")
    person.run("client", "limit", "owner", "--per-day", "100")
    person.run("invite", "owner", "--again")
