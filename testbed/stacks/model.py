"""What the fake AWS's CloudFormation keeps: stacks, their members, events and change sets."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from testbed.stacks.document import Document
from testbed.stacks.resources.base import Created


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


@dataclass
class Member:
    """A resource of a stack, as it stands.

    Attributes:
        logical_id: its name in the template.
        type: its CloudFormation type.
        properties: the properties it was last given, every function resolved.
        created: what exists.
        status: the last event's.
        keep: whether it outlives the stack (DeletionPolicy: Retain or RetainExceptOnCreate).
        keep_failed: whether it outlives the failure of the change that created it (DeletionPolicy: Retain).
        keep_replaced: whether the old one outlives a replacement.
    """

    logical_id: str
    type: str
    properties: dict[str, Any]
    created: Created
    status: str
    keep: bool = False
    keep_failed: bool = False
    keep_replaced: bool = False
    since: datetime = field(default_factory=now)


@dataclass(frozen=True)
class Event:
    """One line of a stack's history."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    at: datetime = field(default_factory=now)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Stack:
    """A stack.

    Attributes:
        document: what was last applied; None before the first time.
        members: its resources, in the order they were created.
    """

    id: str
    name: str
    status: str
    document: Document | None = None
    members: dict[str, Member] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    reason: str = ""
    created_at: datetime = field(default_factory=now)
    updated_at: datetime | None = None
    deleted_at: datetime | None = None

    def say(self, status: str, reason: str = "") -> None:
        """Give the stack itself a new status."""
        self.status, self.reason = status, reason
        self.events.append(Event(self.name, self.id, "AWS::CloudFormation::Stack", status, reason))

    def tell(self, member: Member, status: str, reason: str = "") -> None:
        """Give one of its members a new status."""
        member.status, member.since = status, now()
        self.events.append(Event(member.logical_id, member.created.physical_id, member.type, status, reason))


@dataclass
class ChangeSet:
    """A change that was asked for and not made yet."""

    id: str
    name: str
    kind: str
    stack: Stack
    document: Document
    changes: list[dict[str, Any]]
    tags: dict[str, str]
    capabilities: list[str]
    description: str = ""
    status: str = "CREATE_COMPLETE"
    execution_status: str = "AVAILABLE"
    reason: str = ""
    created_at: datetime = field(default_factory=now)
