"""Who visits the page: the client of a session."""

from typing import NamedTuple

from travel_gpt.deadline import Deadline
from travel_gpt.errors import Forbidden, LimitError, SessionExpired
from travel_gpt.guard.clients import Client, ClientDirectory
from travel_gpt.guard.sessions import Session, Sessions


class Visitor(NamedTuple):
    """The visitor of the page, and the client that it asks as."""

    session: Session
    client: Client
    refusal: LimitError | None
    """Why the client may not ask now; None where it may, as far as its record says."""


class Visitors:
    """Finds the client of a session.

    Args:
        sessions: the sessions.
        clients: the clients.
    """

    def __init__(self, sessions: Sessions, clients: ClientDirectory) -> None:
        self._sessions = sessions
        self._clients = clients

    def client(self, token: str, deadline: Deadline) -> Client:
        """Return the client of a session, if it may ask now.

        Args:
            token: the token in the cookie; empty without one.
            deadline: when the caller stops waiting.

        Raises:
            SessionRequired: there is no token.
            SessionExpired: there is no such session, or it has ended.
            LimitError: the client may not ask now, or that cannot be found out.
        """
        session = self._sessions.use(token, deadline)
        visitor = self._visitor(session, deadline)
        if visitor.refusal is not None:
            raise visitor.refusal
        return visitor.client

    def find(self, token: str, deadline: Deadline) -> Visitor:
        """Return who visits the page, whether the client may ask now or not. It only reads.

        Args:
            token: as for ``client``.
            deadline: as for ``client``.

        Raises:
            SessionRequired: as for ``client``.
            SessionExpired: as for ``client``.
            LimitsUnavailable: the session or the client cannot be found out.
        """
        return self._visitor(self._sessions.find(token, deadline), deadline)

    def _visitor(self, session: Session, deadline: Deadline) -> Visitor:
        try:
            client = self._clients.client(session.client, deadline)
            if client.sessions_after != session.sessions_after:
                # The session may have begun after this environment last read the client.
                client = self._clients.client(session.client, deadline, fresh=True)
        except Forbidden as removed:
            raise _ended(session, "the client was removed") from removed
        try:
            self._clients.allowed(session.client, deadline)
        except LimitError as refusal:
            # Before the end of its sessions: a disabled client does not need another invitation.
            return Visitor(session, client, refusal)
        if client.sessions_after != session.sessions_after:
            raise _ended(session, "the owner ended the sessions of the client")
        return Visitor(session, client, None)


def _ended(session: Session, detail: str) -> SessionExpired:
    return SessionExpired(detail, log_fields={"client": session.client})
