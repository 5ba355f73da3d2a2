"""The sessions of the page: which browser may ask, for which client, until when.

A browser has a token, a random value in its cookie; the table has the token's hash. The token stays the same
while the session lasts: a reply with another one could be lost, and of two tabs one would still have the old
one. A session ends when its person signs out, when it expires, after 30 days without use, and when the owner
ends all sessions of the client, by another ``sessions_after`` in the client's record.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from travel_gpt.aws.item_update import ItemUpdate
from travel_gpt.aws.table import ConditionFailed, Item, Table, TableFailed
from travel_gpt.deadline import Deadline
from travel_gpt.errors import SessionExpired, SessionRequired
from travel_gpt.guard.clients import MOST_CACHED, Client, record_key
from travel_gpt.guard.unavailable import unavailable
from travel_gpt.telemetry import count, logger

TOKEN_BYTES: Final = 32
"""Random bytes of a token."""

LONGEST: Final = 90 * 86_400
"""Seconds after which a session ends, however much it is used."""

IDLE: Final = 30 * 86_400
"""Seconds without use after which a session ends."""

USE_NOTED_EVERY: Final = 86_400
"""Seconds between two writes of the last use, so that most requests write nothing for their session."""

REPEATABLE: Final = 600
"""Seconds for which a code and a nonce get the same token. A session that was ended is kept as long: were it
gone, they would begin it again."""

LONGEST_DEVICE: Final = 60
"""Characters of the name of a device."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Session:
    """One session. Moments are in seconds since the epoch."""

    client: str
    """The id of the client."""
    device: str
    """The name that the browser gave."""
    created_at: int
    used_at: int
    """Exact to a day."""
    expires_at: int
    """When it ends at the latest."""
    sessions_after: int
    """That of the client when the session began. Once it is another one, the owner has ended the session. To
    compare moments instead, the clocks of the owner and of AWS would have to agree."""
    token: str = field(repr=False)
    """What the browser has. It goes into the cookie, and nowhere else."""


class Sessions:
    """The sessions in the table.

    Args:
        table: the table.
        now: the wall clock, in seconds.
    """

    def __init__(self, table: Table, *, now: Callable[[], float] = time.time) -> None:
        self._table = table
        self._now = now
        self._known: dict[str, Session] = {}

    def find(self, token: str, deadline: Deadline) -> Session:
        """Return the session of a token. It reads the table each time, so that signing out works at once.

        Args:
            token: the token in the cookie; empty without one.
            deadline: when the caller stops waiting.

        Raises:
            SessionRequired: there is no token.
            SessionExpired: there is no such session, or it has ended.
            LimitsUnavailable: the table cannot be read, and the session is not known from before.
        """
        if not token:
            raise SessionRequired("the request has no session")
        if not _TOKEN.fullmatch(token):
            raise SessionExpired("the token of the session has another form")
        session = self._read(token, deadline)
        if min(session.expires_at, session.used_at + IDLE) <= self._now():
            raise SessionExpired("the session has expired", log_fields={"client": session.client})
        return session

    def use(self, token: str, deadline: Deadline) -> Session:
        """Return the session of a token as ``find`` does, and note once a day that it is used.

        Args:
            token: as for ``find``.
            deadline: as for ``find``.

        Raises:
            SessionRequired: as for ``find``.
            SessionExpired: as for ``find``.
            LimitsUnavailable: as for ``find``.
        """
        session = self.find(token, deadline)
        now = int(self._now())
        if now - session.used_at < USE_NOTED_EVERY:
            return session
        session = replace(session, used_at=now)
        update = ItemUpdate()
        # Without these it would come back after its client was removed.
        update.require("client")
        update.require_absent("ended")
        update.set("used_at", now)
        update.set("expires", _deleted_from(session))
        try:
            self._table.update(_key(token), **update.parameters(), deadline=deadline)
        except ConditionFailed:
            raise SessionExpired(
                "the session has just ended", log_fields={"client": session.client}
            ) from None
        except TableFailed as failed:
            logger.warning("The use of a session was not noted", extra={"detail": str(failed)})
        return session

    def begin(self, client: Client, token: str, device: str, deadline: Deadline) -> Session:
        """Begin a session, unless this token has begun one before.

        Args:
            client: whose session it is.
            token: its token.
            device: the name of the browser.
            deadline: when the caller stops waiting.

        Returns:
            The session of the token.

        Raises:
            SessionExpired: the token's session has ended.
            LimitsUnavailable: the table cannot be used. It may have begun nevertheless.
        """
        now = int(self._now())
        session = Session(
            client=client.id,
            device=_one_line(device),
            created_at=now,
            used_at=now,
            expires_at=min(now + LONGEST, client.expires_at or now + LONGEST),
            sessions_after=client.sessions_after,
            token=token,
        )
        update = ItemUpdate()
        update.require_absent("client")
        update.set_text("client", session.client)
        update.set_text("device", session.device)
        for name in ("created_at", "used_at", "expires_at", "sessions_after"):
            update.set(name, getattr(session, name))
        update.set("expires", _deleted_from(session))
        try:
            self._table.update(
                _key(token),
                **update.parameters(),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                deadline=deadline,
            )
        except ConditionFailed as failed:
            return _session(token, failed.item)
        except TableFailed as failed:
            raise unavailable(failed) from failed
        return session

    def end(self, token: str, deadline: Deadline) -> str:
        """End a session, if there is one.

        Args:
            token: its token.
            deadline: when the caller stops waiting.

        Returns:
            The id of the client whose session it was; empty where there is no such session.

        Raises:
            LimitsUnavailable: the table cannot be used. It may have ended nevertheless.
        """
        if not _TOKEN.fullmatch(token):
            return ""
        update = ItemUpdate()
        update.require("client")
        update.set("ended", 1)
        update.set("expires", int(self._now()) + REPEATABLE)
        try:
            item = self._table.update(
                _key(token), **update.parameters(), ReturnValues="ALL_NEW", deadline=deadline
            )
        except ConditionFailed:
            item = {}
        except TableFailed as failed:
            raise unavailable(failed) from failed
        self._known.pop(token, None)
        return str(item.get("client", {}).get("S", ""))

    def _read(self, token: str, deadline: Deadline) -> Session:
        try:
            found = self._table.get(_key(token), deadline=deadline)
        except TableFailed as failed:
            if (known := self._known.get(token)) is None:
                raise unavailable(failed) from failed
            count("LimitsUnavailable")
            logger.warning("The table cannot be read", extra={"detail": str(failed)})
            return known
        self._known.pop(token, None)
        session = _session(token, found[0] if found else {})
        if len(self._known) >= MOST_CACHED:
            self._known.clear()
        self._known[token] = session
        return session


def new_token() -> str:
    """Return a token for a new session."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def _session(token: str, item: Item) -> Session:
    client = str(item.get("client", {}).get("S", ""))
    if not client:
        raise SessionExpired("there is no such session")
    if "ended" in item:
        raise SessionExpired("the session was ended", log_fields={"client": client})
    numbers = {
        name: whole_number(item, name) for name in ("created_at", "used_at", "expires_at", "sessions_after")
    }
    return Session(client=client, device=str(item.get("device", {}).get("S", "")), **numbers, token=token)


def whole_number(item: Item, attribute: str) -> int:
    """Return a number that is stored; 0, as a moment that is over, for whatever else is there."""
    value = str(item.get(attribute, {}).get("N", ""))
    return int(value) if value.isdecimal() else 0


def _deleted_from(session: Session) -> int:
    return min(session.expires_at, session.used_at + IDLE)


def _one_line(device: str) -> str:
    # Half of a surrogate pair cannot be stored, and the owner reads the name in a terminal.
    words = "".join(sign if sign.isprintable() else " " for sign in device).split()
    return " ".join(words)[:LONGEST_DEVICE].strip()


def _key(token: str) -> dict[str, str]:
    return record_key("session", hashlib.sha256(token.encode()).hexdigest())
