"""What a change set would change: the difference between a stack and a document."""

from typing import Any

from testbed.stacks.document import Document, InvalidTemplate
from testbed.stacks.engine import resolver, wanted
from testbed.stacks.intrinsics import Resolver
from testbed.stacks.model import Member, Stack
from testbed.stacks.resources.base import Account


def changes(account: Account, stack: Stack, document: Document) -> list[dict[str, Any]]:
    """What applying a document to a stack would do, as DescribeChangeSet shows it."""
    resolve = resolver(account, stack, document, stack.members)
    resources = wanted(document, resolve)
    found = [("Add", key, each["Type"], "") for key, each in resources.items() if key not in stack.members]
    found += [
        ("Modify", key, member.type, member.created.physical_id)
        for key, member in stack.members.items()
        if key in resources and _differs(member, resources[key], resolve)
    ]
    found += [
        ("Remove", key, member.type, member.created.physical_id)
        for key, member in stack.members.items()
        if key not in resources
    ]
    return [
        {
            "Type": "Resource",
            "ResourceChange": {
                "Action": action,
                "LogicalResourceId": key,
                "ResourceType": kind,
                "PhysicalResourceId": physical,
                **({"Replacement": "False"} if action == "Modify" else {}),
            },
        }
        for action, key, kind, physical in found
    ]


def _differs(member: Member, resource: dict[str, Any], resolve: Resolver) -> bool:
    try:
        return bool(resolve.value(resource.get("Properties", {})) != member.properties)
    except InvalidTemplate:
        # It refers to something that does not exist yet.
        return True
