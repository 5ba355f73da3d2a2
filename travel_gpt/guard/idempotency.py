"""``Idempotency-Key``: a query that is sent again gets the same answer, and is paid for once.

Source: draft-ietf-httpapi-idempotency-key-header-07: the key is a string in quotation marks; 409 while the
first request runs, 422 where the key comes with another body. The draft leaves the form of a key to the
server, and has 400 for a key that is missing where it is required; here a malformed one gets it. Two things
differ from the draft. Quotation marks may be absent, as other APIs with this header have none. And nothing is
kept of a failure that cost nothing, which the draft would repeat: a caller that tries again wants an answer.
"""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from travel_gpt.aws.item_update import ItemUpdate
from travel_gpt.aws.table import ConditionFailed, Table, TableFailed
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    IdempotencyKeyReused,
    InvalidIdempotencyKey,
    RequestInProgress,
)
from travel_gpt.guard.clients import RECORD
from travel_gpt.guard.unavailable import unavailable
from travel_gpt.telemetry import logger

KEEP: Final = 600
"""Seconds for which an answer is kept."""

MARGIN: Final = 5.0
"""Seconds after its deadline for which a request still counts as running."""

RETRY_AFTER: Final = 2
"""Seconds after which a request that is still running may have an answer."""

_KEY: Final = re.compile(r'(?P<quote>"?)(?P<key>[!#-~]{1,255})(?P=quote)')


def read_key(header: str) -> str:
    """Return the key in the header.

    Args:
        header: its value: 1 to 255 visible ASCII characters, with or without a pair of quotation marks.

    Raises:
        InvalidIdempotencyKey: it has another form.
    """
    found = _KEY.fullmatch(header.strip())
    if found is None:
        raise InvalidIdempotencyKey("the Idempotency-Key is malformed")
    return found["key"]


LONGEST: Final = 390_000
"""Bytes of a kept answer, at most: an item has up to 400 KB (DynamoDB Developer Guide, "Quotas")."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """An answer that is sent again."""

    status: int
    """The HTTP status."""
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Running:
    """A request that is the first with its key."""

    client: str
    key: str
    token: str
    """Tells it from another request with the same key."""
    deadline: Deadline


class Idempotency:
    """The answers that are kept.

    Args:
        table: the table.
        now: the wall clock, in seconds.
    """

    def __init__(self, table: Table, *, now: Callable[[], float] = time.time) -> None:
        self._table = table
        self._now = now

    def begin(self, client: str, key: str, body: str, deadline: Deadline) -> "Repeated | Running":
        """Note that a request runs, unless it was answered before.

        Args:
            client: the id of the client; another client's keys are others.
            key: the key.
            body: the body of the request.
            deadline: when its response must leave.

        Returns:
            The answer of the first request, or where this is the first, what ends it.

        Raises:
            RequestInProgress: the first request still runs.
            IdempotencyKeyReused: the key came with another body before.
            LimitsUnavailable: the table cannot be used, so that the query could be paid for twice.
        """
        now = self._now()
        running = Running(client, key, secrets.token_hex(6), deadline)
        ends = now + deadline.left() + MARGIN
        update = ItemUpdate()
        update.require_at_most("until", int(now * 1000))
        update.set("until", int(ends * 1000))
        update.set("expires", int(ends) + KEEP)
        update.set_text("body", _digest(body))
        update.set_text("token", running.token)
        update.remove("answer")
        try:
            self._table.update(
                _key(client, key),
                **update.parameters(),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                deadline=deadline,
            )
        except ConditionFailed as failed:
            if failed.item.get("body", {}).get("S") != _digest(body):
                raise IdempotencyKeyReused("the key came with another body before") from None
            if (answer := failed.item.get("answer", {}).get("S")) is None:
                raise RequestInProgress("the first request runs", retry_after=RETRY_AFTER) from None
            return Repeated(**json.loads(answer))
        except TableFailed as failure:
            raise unavailable(failure) from failure
        return running

    def end(self, running: "Running", answer: "Repeated | None") -> None:
        """Keep the answer, or after a failure let the next request with the key be a first one.

        Args:
            running: what ``begin`` returned.
            answer: the answer; None after a failure that was not paid for.
        """
        kept = "" if answer is None else _as_text(answer)
        if len(kept.encode()) > LONGEST:
            logger.warning("An answer was not kept, since it is too long")
            kept = ""
        update = ItemUpdate()
        # Another request may have the key by now, or the client may be removed.
        update.require_text("token", running.token)
        update.set("until", int((self._now() + KEEP) * 1000) if kept else 0)
        if kept:
            update.set_text("answer", kept)
        try:
            self._table.update(
                _key(running.client, running.key), **update.parameters(), deadline=running.deadline
            )
        except ConditionFailed:
            logger.warning("An answer came too late to be kept")
        except TableFailed as failed:
            logger.warning("An answer was not kept", extra={"detail": str(failed)})


def _key(client: str, key: str) -> dict[str, str]:
    # Not in clear: a caller may take a value for it that means something.
    return {"pk": f"idempotency#{client}#{_digest(key)}", "sk": RECORD}


def _as_text(answer: Repeated) -> str:
    # Half of a surrogate pair cannot be stored.
    return json.dumps(asdict(answer), ensure_ascii=False).encode("utf-8", "replace").decode()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
