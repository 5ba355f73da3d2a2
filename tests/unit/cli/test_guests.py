"""What the commands of clients do with a guest, whose invitation the function redeems."""

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from tests.fakes.dynamodb import TABLE, FakeTable
from tests.unit.cli.conftest import Person
from tests.unit.cli.test_client import add, api, before_each_call, items, put, shown
from tests.unit.cli.test_invite import invite, page
from tests.unit.cli.test_usage import ask, usage
from travel_gpt.aws.table import Table
from travel_gpt.cli.errors import USAGE
from travel_gpt.deadline import Deadline
from travel_gpt.errors import ClientDisabled, Forbidden, InvitationInvalid, SessionExpired
from travel_gpt.guard.callers import Caller
from travel_gpt.guard.guard import Guard
from travel_gpt.settings import Settings

__all__ = ["api", "page"]
pytestmark = pytest.mark.usefixtures("page")
SOON = Deadline(3600.0)
SINCE = f"{datetime.now(UTC):%Y-%m-%d}"


def function() -> Guard:
    """A new environment of the function, which remembers no client."""
    return Guard(Settings(table_name=TABLE), Table(TABLE, send=FakeTable().send))


def accept(code: str, device: str = "Firefox") -> str:
    """Accept an invitation in a browser, and return the token of its session."""
    redeemed = function().invitations.redeem(code, secrets.token_urlsafe(32), device, "203.0.113.5", SOON)
    return redeemed.session.token


def asks_as(token: str) -> str:
    """The name of the client that a session asks as."""
    return function().client(Caller(session=token), SOON).name


def of_kind(kind: str) -> list[str]:
    return [key for key in items() if key.startswith(f"{kind}#")]


def test_a_guest_is_among_the_clients_with_its_devices_and_sessions(person: Person) -> None:
    code = invite(person, "kim", "--budget", "2/month", "--devices", "3")
    phone, laptop = accept(code, "Kim's phone"), accept(code, "Firefox on Linux")
    function().sessions.end(phone, SOON)
    ask(shown(person, "kim")["id"], datetime.now(UTC).timestamp(), cost=1_234_000)

    assert asks_as(laptop) == "kim"
    listed = person.run("client", "list").out.splitlines()[-1]
    assert " ".join(listed.split()).startswith("kim guest, 2 of 3 devices yes USD 2.00 a month, until 20")
    assert listed.split()[-3:] == ["1", "0", "0.0012"]
    assert "  kim " in person.run("usage").out
    assert usage(person)["clients"]["kim"]["answers"] == 1
    shows = person.run("client", "show", "kim").out
    lines = [" ".join(line.split()) for line in shows.splitlines()]
    for said in ("Kind guest", "API key id none", "Invitations accepted on 2 of 3 devices"):
        assert said in lines
    (session,) = [line for line in lines if line.startswith("Session")]
    assert session.startswith(f"Session Firefox on Linux, since {SINCE}")
    as_json = shown(person, "kim")
    (of_laptop,) = as_json["page"].pop("sessions")
    assert as_json["page"] == {"devices": 3, "accepted": 2}
    assert (of_laptop["device"], of_laptop["expires_at"]) == ("Firefox on Linux", as_json["expires_at"])
    (in_list,) = [
        each
        for each in json.loads(person.run("client", "list", "--json").out)["clients"]
        if each["name"] == "kim"
    ]
    assert (in_list["kind"], in_list["page"]["accepted"]) == ("guest", 2)


def test_what_has_expired_is_no_longer_counted(person: Person) -> None:
    accept(invite(person, "kim", "--budget", "1/day"))
    for kind in ("invitation", "session"):
        (key,) = of_kind(kind)
        put(key, client=shown(person, "kim")["id"], expires_at=1, devices=1, used_at=1, sessions_after=0)

    assert shown(person, "kim")["page"] == {"devices": 0, "accepted": 0, "sessions": []}
    assert "Invitations               none" in person.run("client", "show", "kim").out


def test_the_name_of_a_browser_steers_no_terminal(person: Person) -> None:
    accept(invite(person, "kim", "--budget", "1/day"))
    (key,) = of_kind("session")
    guest = shown(person, "kim")
    moments = dict.fromkeys(("created_at", "used_at", "expires_at"), guest["expires_at"])
    put(key, client=guest["id"], device="Fire\x1b[2J\u202efox\n\nMay ask  no", **moments)

    assert (
        "Session                   Fire[2Jfox May ask no, since 20" in person.run("client", "show", "kim").out
    )


def test_rotate_is_refused_for_a_guest(person: Person) -> None:
    invite(person)
    before = items()

    done = person.run(
        "client", "rotate", "kim", "--env", "prod", status=USAGE, says="has no API key to rotate"
    )

    assert "travel-gpt invite kim --again --env prod. " in done.err
    assert done.err.endswith("travel-gpt client disable kim --env prod\n")
    assert not done.out
    assert items() == before


def test_disabling_a_guest_ends_its_sessions_and_links_for_good(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = invite(person, "kim", "--budget", "1/day", "--devices", "2")
    token = accept(code)
    with monkeypatch.context() as patch:
        calls: list[str] = []
        before_each_call(patch, lambda operation, _: calls.append(operation))
        done = person.run("client", "disable", "kim", says="Its sessions on the page have ended.")
    assert "UpdateApiKey" not in calls
    assert done.out.rstrip().endswith("travel-gpt client enable kim")
    with pytest.raises(ClientDisabled):
        asks_as(token)
    with pytest.raises(ClientDisabled):
        accept(code)

    done = person.run("client", "enable", "kim", says="once it has accepted another invitation")
    assert done.out.rstrip().endswith("travel-gpt invite kim --again")
    with pytest.raises(SessionExpired):
        asks_as(token)
    with pytest.raises(InvitationInvalid):
        accept(code)
    assert shown(person, "kim")["page"] == {"devices": 0, "accepted": 0, "sessions": []}
    assert asks_as(accept(invite(person, "kim", "--again"))) == "kim"
    assert [each["event"] for each in person.audited()] == [
        "client.invite",
        "client.disable",
        "client.enable",
        "client.invite",
    ]


@pytest.mark.parametrize("name", ["ann", "owner"])
def test_each_disabling_ends_the_sessions_of_a_client_with_an_api_key(
    person: Person, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name == "ann":
        add(person)
    # In one second of the clock, which is then put back.
    for clock in (2_000_000_000.0, 2_000_000_000.0, 1_900_000_000.0):
        token = accept(invite(person, name, "--again"))
        assert asks_as(token) == name
        with monkeypatch.context() as patch:
            patch.setattr("travel_gpt.cli.client.records.time.time", lambda now=clock: now)
            person.run("client", "disable", name)
        person.run("client", "enable", name)
        with pytest.raises(SessionExpired):
            asks_as(token)


def test_removing_a_guest_erases_its_invitations_and_sessions(person: Person) -> None:
    token_of_lee = accept(invite(person, "lee", "--budget", "1/day"))
    kept = items()
    token = accept(invite(person, "kim", "--budget", "1/day"))
    invite(person, "kim", "--again")
    guest = shown(person, "kim")["id"]
    kinds = ("client", "name", "invitation", "invitation", "redemption", "session")

    done = person.run("client", "remove", "kim", given="y\n", at_terminal=True)

    assert "Remove the client kim of travel-gpt-backend, its invitations and its usage so far?" in done.err
    assert (
        f"Removed the client kim: its invitations, and all that the table had of it ({len(kinds)} items)."
        in (" ".join(done.out.split()))
    )
    left = items()
    assert left.keys() == kept.keys()
    assert guest not in json.dumps(left)
    assert asks_as(token_of_lee) == "lee"
    with pytest.raises((Forbidden, SessionExpired)):
        asks_as(token)
    invite(person, "kim", "--budget", "1/day")


def test_a_damaged_guest_is_shown_nevertheless(person: Person) -> None:
    code = invite(person, "kim", "--budget", "1/day")
    guest: dict[str, Any] = shown(person, "kim")
    (key,) = of_kind("invitation")
    put(key, client=guest["id"], devices="many", expires_at=guest["expires_at"], sessions_after=0)
    boto3.client("dynamodb").put_item(
        TableName=TABLE, Item={"pk": {"S": "session#x"}, "sk": {"S": "record"}, "client": {"N": "1"}}
    )

    assert shown(person, "kim") == guest | {"page": {"devices": 0, "accepted": 0, "sessions": []}}
    with pytest.raises(InvitationInvalid):
        accept(code)
