"""Invitations: a link whose code becomes a session of a browser, once for each device that it is for.

A reply may be lost. So the page sends a nonce, a random value of its own, with the code: for ten minutes the
same two get the same session, and after that none. The session's token is stored for it, masked with the code
and the nonce. Of those the table has a hash only, so that reading the table does not give the token.

The order of the writes: a device is taken, the token is stored, the session begins. A request with the same
code and nonce goes on wherever the one before it ended.
"""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from travel_gpt.aws.item_update import ItemUpdate
from travel_gpt.aws.table import ConditionFailed, Item, Table, TableFailed
from travel_gpt.deadline import Deadline
from travel_gpt.errors import Forbidden, InvalidConstraint, InvitationInvalid, SessionExpired
from travel_gpt.guard.clients import Client, ClientDirectory, record_key, require_enabled
from travel_gpt.guard.guesses import Guesses, guesses_key
from travel_gpt.guard.new_invitation import invitation_key
from travel_gpt.guard.sessions import REPEATABLE, Session, Sessions, new_token, whole_number
from travel_gpt.guard.unavailable import unavailable

_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_ASK: Final = "Ask the owner of the page for another one."


class Redeemed(NamedTuple):
    """An invitation that was accepted."""

    session: Session
    client: Client


class Invitations:
    """The invitations in the table, which the command line writes.

    Args:
        table: the table.
        clients: the clients.
        sessions: the sessions.
        now: the wall clock, in seconds.
    """

    def __init__(
        self,
        table: Table,
        clients: ClientDirectory,
        sessions: Sessions,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._clients = clients
        self._sessions = sessions
        self._guesses = Guesses(table, now=now)
        self._now = now

    def redeem(self, code: str, nonce: str, device: str, address: str, deadline: Deadline) -> Redeemed:
        """Begin a session with an invitation.

        Args:
            code: the code of the link.
            nonce: 32 random bytes of the page in base64url, the same when the page tries again.
            device: the name of the browser.
            address: the IP address that API Gateway reports.
            deadline: when the response must leave.

        Raises:
            InvalidConstraint: the nonce has another form.
            InvitationInvalid: no invitation has the code, or it has expired, or was accepted.
            RateLimited: the address has tried too many codes.
            ClientDisabled: the client was disabled.
            ClientExpired: the client's time is over.
            LimitsUnavailable: the table cannot be used. The same request may be sent again.
        """
        if not _NONCE.fullmatch(nonce):
            raise InvalidConstraint(
                "the nonce has another form", message='"nonce" must be 32 random bytes in base64url.'
            )
        if not code.isascii():
            raise InvitationInvalid("no code has this form")
        accepted = _Accepted(code, nonce)
        address_id = self._clients.id_of_address(address)
        invitation, kept, guesses = self._read(
            invitation_key(code), accepted.key, guesses_key(address_id), deadline=deadline
        )
        # Before anything tells a right code from a wrong one.
        tried = self._guesses.count(address_id, guesses, deadline)
        if "client" not in invitation:
            raise InvitationInvalid("no invitation has this code")
        self._guesses.take_back(address_id, tried, deadline)
        client = self._client(invitation, deadline)
        token = self._token(accepted, kept) or self._accept(accepted, invitation, deadline)
        try:
            return Redeemed(self._sessions.begin(client, token, device, deadline), client)
        except SessionExpired as ended:
            raise _used_before(client.id) from ended

    def _client(self, invitation: Item, deadline: Deadline) -> Client:
        client_id = str(invitation["client"].get("S", ""))
        log_fields = {"client": client_id}
        if whole_number(invitation, "expires_at") <= self._now():
            raise InvitationInvalid(
                "the invitation has expired",
                message=f"This invitation link has expired. {_ASK}",
                log_fields=log_fields,
            )
        withdrawn = f"This invitation link was withdrawn by the owner of the page. {_ASK}"
        try:
            # A session that begins by what was known of the client a moment ago could be over already.
            client = self._clients.client(client_id, deadline, fresh=True)
        except Forbidden as removed:
            raise InvitationInvalid(
                "the client was removed", message=withdrawn, log_fields=log_fields
            ) from removed
        require_enabled(client, self._now())
        if whole_number(invitation, "sessions_after") != client.sessions_after:
            raise InvitationInvalid(
                "the client was disabled after the invitation was made",
                message=withdrawn,
                log_fields=log_fields,
            )
        return client

    def _accept(self, accepted: "_Accepted", invitation: Item, deadline: Deadline) -> str:
        """Take one of the devices of an invitation, and return the token of its session."""
        client_id = str(invitation["client"]["S"])
        devices = whole_number(invitation, "devices")
        if not devices:
            raise _used_up(client_id, "no device")
        update = ItemUpdate()
        update.require("client")
        update.require_capacity("redeemed", accepted.id, devices)
        update.add_to_set("redeemed", accepted.id)
        try:
            self._table.update(invitation_key(accepted.code), **update.parameters(), deadline=deadline)
        except ConditionFailed:
            raise _used_up(client_id, "one device" if devices == 1 else f"{devices} devices") from None
        except TableFailed as failed:
            raise unavailable(failed) from failed
        token, until = new_token(), int(self._now()) + REPEATABLE
        update = ItemUpdate()
        update.require_absent("token")
        update.set_text("token", accepted.masked(token))
        update.set_text("client", client_id)
        update.set("until", until)
        # While the invitation is there, a nonce that was used is known as such.
        update.set("expires", max(until, whole_number(invitation, "expires_at")))
        try:
            self._table.update(
                accepted.key,
                **update.parameters(),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                deadline=deadline,
            )
        except ConditionFailed as failed:
            # The same request arrived twice.
            return self._token(accepted, failed.item)
        except TableFailed as failed:
            raise unavailable(failed) from failed
        return token

    def _token(self, accepted: "_Accepted", kept: Item) -> str:
        """Return the token that is kept for a code and a nonce; empty for none."""
        if not kept:
            return ""
        if whole_number(kept, "until") <= self._now():
            raise _used_before(str(kept.get("client", {}).get("S", "")))
        return accepted.masked(str(kept["token"]["S"]))

    def _read(self, *keys: dict[str, str], deadline: Deadline) -> list[Item]:
        """Return items in the order of their keys, empty ones where there are none."""
        try:
            items = {item["pk"]["S"]: item for item in self._table.get(*keys, deadline=deadline)}
        except TableFailed as failed:
            raise unavailable(failed) from failed
        return [items.get(key["pk"], {}) for key in keys]


class _Accepted:
    """A code and a nonce."""

    def __init__(self, code: str, nonce: str) -> None:
        self.code = code
        self.id = hashlib.sha256(f"{code}.{nonce}".encode()).hexdigest()
        self.key = record_key("redemption", self.id)
        self._mask = hmac.digest(code.encode(), nonce.encode(), "sha256")

    def masked(self, token: str) -> str:
        """Return a token as it is stored, or of what is stored, the token."""
        given = base64.urlsafe_b64decode(token + "=")
        masked = bytes(one ^ other for one, other in zip(given, self._mask, strict=True))
        return base64.urlsafe_b64encode(masked).rstrip(b"=").decode()


def _used_up(client_id: str, was_for: str) -> InvitationInvalid:
    return InvitationInvalid(
        "the invitation has no device left",
        message=f"This invitation link was for {was_for}, and is used up. {_ASK}",
        log_fields={"client": client_id},
    )


def _used_before(client_id: str) -> InvitationInvalid:
    return InvitationInvalid(
        "the code was redeemed with this nonce before",
        message=f"This invitation link was used on this device before. {_ASK}",
        log_fields={"client": client_id},
    )
