"""The process of a test's server: `make run`, with an owner and a model that a test directs.

    python -m tests.browser.local_server [the options of travel_gpt.local]

It runs in the environment of the local server, reads commands as lines of JSON from standard input, and
answers each with one line that begins with REPLY. The commands write what the command line writes into the
table of a stack.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import travel_gpt.local.__main__ as local
import travel_gpt.local.clients as local_clients
from tests.browser.directions import HOSTILE, HOSTILE_PROSE, MARKUP, REPLY, SLOW_SECONDS, SLOWLY
from travel_gpt.aws.item_update import ItemUpdate
from travel_gpt.aws.table import Table
from travel_gpt.guard.clients import Client, record_key
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.new_invitation import invitation_key, new_invitation
from travel_gpt.guard.typed_limits import TypedLimits
from travel_gpt.local import demo_model
from travel_gpt.local.model_apis import Asked, Event

_READ_BY_PEOPLE: Final = frozenset({"title", "summary", "name", "why", "region", "highlights"})


class DirectedModel(demo_model.DemoModel):
    """The demo model, which writes as slowly as a query wants."""

    _asked = threading.local()

    @classmethod
    def write(cls, asked: Asked) -> str:
        """Write an answer, or what an attacker has a model write."""
        cls._asked.slowly = SLOWLY in asked.text
        text = _write(asked)
        if HOSTILE not in asked.text:
            return text
        return json.dumps(_hostile(json.loads(text))) if text.startswith("{") else HOSTILE_PROSE

    def _paced(self, events: list[Event], began: float, duration: float) -> Iterator[bytes]:
        return super()._paced(events, began, SLOW_SECONDS if self._asked.slowly else duration)


def _hostile(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _hostile(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_hostile(each, key) for each in value]
    return f"{value} {MARKUP}" if isinstance(value, str) and key in _READ_BY_PEOPLE else value


class Owner:
    """Invites and disables guests."""

    def __init__(self) -> None:
        self._made: list[Table] = []
        self._tables = local_clients.client_table

    def make_table(self, clients: Any) -> Table:
        """Make the table as the local server does, and keep it."""
        self._made.append(self._tables(clients))
        return self._made[-1]

    def invite(self, name: str, *, devices: int, budget: str, expires: str) -> dict[str, str]:
        """Add a guest, and return its id and the code of its invitation."""
        typed = TypedLimits(budget=(budget,), expires=expires)
        ends = typed.expires_at() or 0
        client = Client(f"c-{name}", name, typed.apply(Limits()), expires_at=ends)
        update = ItemUpdate()
        update.set_text("name", name)
        for field, number in {**client.limits._asdict(), "guest": 1, "expires_at": ends}.items():
            update.set(field, number)
        self._write(record_key("client", client.id), update)
        return {"client": client.id, "code": self._add_invitation(client, devices, ends)}

    def disable(self, client: str) -> dict[str, str]:
        """Refuse what a client asks, and end its sessions."""
        update = ItemUpdate()
        update.set("disabled", 1)
        update.set("sessions_after", int(time.time()))
        self._write(record_key("client", client), update)
        return {}

    def _add_invitation(self, client: Client, devices: int, ends: int) -> str:
        made = new_invitation(client, devices=devices, expires_at=ends)
        update = ItemUpdate()
        key = invitation_key(made.code)
        for field, value in made.item.items():
            if field in key:
                continue
            if "S" in value:
                update.set_text(field, value["S"])
            else:
                update.set(field, int(value["N"]))
        self._write(key, update)
        return made.code

    def _write(self, key: dict[str, str], update: ItemUpdate) -> None:
        self._made[-1].update(key, **update.parameters())


def _obey(owner: Owner) -> None:
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(owner, command.pop("do"))(**command)
        except Exception as failed:  # noqa: BLE001 - the test shows it
            answer = {"failed": repr(failed)}
        sys.__stdout__.write(f"{REPLY}{json.dumps(answer)}\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]


if __name__ == "__main__":
    _write = demo_model.write
    demo_model.write = DirectedModel.write
    demo_model.DemoModel = DirectedModel  # type: ignore[misc]
    the_owner = Owner()
    local_clients.client_table = the_owner.make_table
    threading.Thread(target=_obey, args=(the_owner,), daemon=True).start()
    sys.exit(local.main(sys.argv[1:]))
