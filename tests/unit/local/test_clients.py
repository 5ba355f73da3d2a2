"""The clients of the local server: how they are given, and the table that has them."""

import time
from pathlib import Path

import pytest

from tests.support.secret_leaks import holds
from travel_gpt.errors import ClientDisabled, ClientExpired, Forbidden
from travel_gpt.guard.clients import OWNER, Client, ClientDirectory
from travel_gpt.guard.limits import Limits, WrongLimit
from travel_gpt.guard.new_invitation import invitation_key
from travel_gpt.local import __main__ as program
from travel_gpt.local.clients import LocalClient, client_table, read_clients
from travel_gpt.settings import GuardSettings


def read(*given: str, file: Path | None = None) -> list[LocalClient]:
    return read_clients(given, file, per_minute=300, per_day=1000)


def test_options_and_a_file_name_clients_and_their_limits(tmp_path: Path) -> None:
    file = tmp_path / "clients.txt"
    file.write_text("# comment\n\n  bob parallel=1 budget=0.5/day\neve disabled\n")

    owner, ann, bob, eve, guest = read("ann per-minute=2 per-day=50 budget=0.01/month", file=file)

    assert owner.client == Client(OWNER, OWNER, Limits())
    assert ann.client == Client("c-ann", "ann", Limits(2, 50, 0, 0, 10_000_000))
    assert bob.client == Client("c-bob", "bob", Limits(parallel=1, budget_per_day=500_000_000))
    assert eve.client.disabled
    assert guest.client == Client("c-guest", "guest", Limits())
    assert len({each.key for each in (owner, ann, bob, eve)}) == 4
    assert len({each.key_id for each in (owner, ann, bob, eve)}) == 4


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["ann per-minute=0"], "The client ann: per-minute=0 is no limit."),
        ([f"ann per-minute={'9' * 5000}"], "is no limit. These are: per-minute=2"),
        (["ann per-minute=٣"], "is no limit"),
        (["ann devices=0"], "The client ann: devices=0 is no limit."),
        (["ann devices=21"], "and devices=2 for a guest. A number is from 1 to 1,000,000, of devices to 20."),
        (["ann fast"], "The client ann: fast is no limit"),
        (["ann budget=2"], "The client ann: --budget must be USD for a day or a month"),
        (["ann budget=0/day"], "A budget of 0 lets nothing through"),
        (["ann expires=soon"], "The client ann: --expires must be a time such as 12h"),
        (["Ann"], "The name of a client has 1 to 63 lower-case letters"),
        ([""], "The name of a client has 1 to 63 lower-case letters"),
        (["ann", "ann per-day=1"], "More than one client has the name ann."),
        (["owner"], "More than one client has the name owner."),
        (["ann per-minute=301"], "per-minute=301 is above the 300 that API Gateway lets through."),
        (["ann per-day=1001"], "per-day=1001 is above the 1000 that API Gateway lets through."),
    ],
)
def test_a_wrong_client_is_a_sentence_and_no_start(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["--port", "0", "--access", "api-key", *(f"--client={each}" for each in given)]

    assert program.main(line) == 2

    shown = capsys.readouterr()
    assert said in shown.err
    assert not shown.out


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file or directory"), (b"\xff", "it is not UTF-8")]
)
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "clients.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WrongLimit, match=f"--clients cannot be read: {said}"):
        read(file=file)


@pytest.mark.parametrize("line", [["--client", "ann"], ["--clients", "clients.txt"]])
def test_clients_without_keys_are_refused(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--port", "0", *line]) == 2
    assert "need --access api-key" in capsys.readouterr().err


def test_the_guard_finds_each_client_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an environment that leads elsewhere
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    clients = read("ann per-minute=2", "bob expired", "eve disabled")
    owner, ann, bob, eve = (each.key_id for each in clients if each.key)
    # When the table is made
    table = client_table(clients)
    directory = ClientDirectory(GuardSettings(owner_key_id=owner), table)
    # Then it has all of them, and no key
    assert directory.client_of_key(owner).id == OWNER
    assert directory.client_of_key(ann) == clients[1].client
    with pytest.raises(ClientExpired):
        directory.client_of_key(bob)
    with pytest.raises(ClientDisabled):
        directory.client_of_key(eve)
    with pytest.raises(Forbidden):
        directory.client_of_key(clients[1].key)
    # And then: it has the guest, and the guest's invitation without its code
    guest, made = clients[4].client, clients[4].invitation
    assert directory.allowed(guest.id) == guest
    assert made is not None
    (found,) = table.get(invitation_key(made.code))
    assert found == made.item
    assert not holds(str(found), made.code)


def test_a_client_with_devices_is_a_guest_with_an_invitation_and_no_key() -> None:
    kim, lee = read("kim devices=2 budget=0.01/month", "lee devices=1 expires=12h")[1:]

    for guest, devices, hours in ((kim, 2, 30 * 24), (lee, 1, 12)):
        assert (guest.key, guest.key_id) == ("", "")
        assert guest.invitation is not None
        assert (guest.invitation.client, guest.invitation.devices) == (guest.client, devices)
        assert abs(guest.invitation.expires_at - time.time() - hours * 3600) < 60
        assert guest.invitation.code not in repr(guest)
    assert kim.client == Client("c-kim", "kim", Limits(budget_per_month=10_000_000))


def test_someone_is_invited_unless_another_guest_is() -> None:
    assert [each.client.name for each in read() if each.invitation] == ["guest"]
    assert [each.client.name for each in read("ann", "kim devices=1") if each.invitation] == ["kim"]
    # A client of that name that has a key.
    assert [each.client.name for each in read("guest")] == ["owner", "guest"]
