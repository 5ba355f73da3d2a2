"""Stacks and what belongs to them in the shapes of CloudFormation's answers."""

from typing import Any

from testbed.stacks.document import Document, parse
from testbed.stacks.model import ChangeSet, Event, Member, Stack


def _parameters(document: Document | None) -> list[dict[str, str]]:
    declared = document.template.get("Parameters", {}) if document else {}
    return [
        {
            "ParameterKey": name,
            "ParameterValue": "****"
            if str(declared[name].get("NoEcho")).lower() == "true"
            else (",".join(value) if isinstance(value, list) else value),
        }
        for name, value in (document.parameters if document else {}).items()
    ]


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def stack_shape(stack: Stack) -> dict[str, Any]:
    """A stack as DescribeStacks shows it."""
    shape: dict[str, Any] = {
        "StackId": stack.id,
        "StackName": stack.name,
        "StackStatus": stack.status,
        "CreationTime": stack.created_at,
        "Parameters": _parameters(stack.document),
        "Capabilities": stack.capabilities,
        "Tags": _tags(stack.tags),
        "DisableRollback": False,
        "EnableTerminationProtection": False,
    }
    optional = {
        "StackStatusReason": stack.reason,
        "Outputs": list(stack.outputs.values()),
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "Description": stack.document.template.get("Description") if stack.document else None,
    }
    return shape | {key: value for key, value in optional.items() if value}


def event_shape(stack: Stack, event: Event) -> dict[str, Any]:
    """An event as DescribeStackEvents shows it."""
    shape = {
        "StackId": stack.id,
        "StackName": stack.name,
        "EventId": event.id,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "ResourceStatus": event.status,
        "Timestamp": event.at,
    }
    return shape | ({"ResourceStatusReason": event.reason} if event.reason else {})


def resource_shape(stack: Stack, member: Member) -> dict[str, Any]:
    """A resource as the three ways to ask for it show it."""
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "LogicalResourceId": member.logical_id,
        "PhysicalResourceId": member.created.physical_id,
        "ResourceType": member.type,
        "ResourceStatus": member.status,
        "Timestamp": member.since,
        "LastUpdatedTimestamp": member.since,
    }


def change_set_shape(change_set: ChangeSet) -> dict[str, Any]:
    """A change set as DescribeChangeSet shows it."""
    shape = {
        "ChangeSetName": change_set.name,
        "ChangeSetId": change_set.id,
        "StackId": change_set.stack.id,
        "StackName": change_set.stack.name,
        "CreationTime": change_set.created_at,
        "Status": change_set.status,
        "ExecutionStatus": change_set.execution_status,
        "Capabilities": change_set.capabilities,
        "Changes": change_set.changes,
        "IncludeNestedStacks": False,
        "NotificationARNs": [],
        "RollbackConfiguration": {},
    }
    # Left out where empty (recorded: cloudformation/CreateChangeSet/no-changes-ends-FAILED).
    optional = {
        "Description": change_set.description,
        "StatusReason": change_set.reason,
        "Parameters": _parameters(change_set.document),
        "Tags": _tags(change_set.tags),
    }
    return shape | {key: value for key, value in optional.items() if value}


def summary_shape(source: str) -> dict[str, Any]:
    """A template as GetTemplateSummary shows it."""
    template = parse(source)
    transforms = template.get("Transform", [])
    return {
        "Description": template.get("Description", ""),
        "Parameters": [
            {
                "ParameterKey": name,
                "ParameterType": rules.get("Type", "String"),
                "Description": rules.get("Description", ""),
                "NoEcho": bool(rules.get("NoEcho", False)),
                **({"DefaultValue": str(rules["Default"])} if "Default" in rules else {}),
            }
            for name, rules in template.get("Parameters", {}).items()
        ],
        "ResourceTypes": sorted({each["Type"] for each in template["Resources"].values()}),
        "DeclaredTransforms": [transforms] if isinstance(transforms, str) else transforms,
        "Capabilities": [],
    }
