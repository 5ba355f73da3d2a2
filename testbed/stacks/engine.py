"""Makes a stack what its document says: in dependency order, or not at all."""

import random
import string
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from testbed.stacks.document import Document, InvalidTemplate
from testbed.stacks.intrinsics import Resolver, references
from testbed.stacks.model import Member, Stack, now
from testbed.stacks.resources import BY_TYPE
from testbed.stacks.resources.base import Account, Created

ATTRIBUTES = frozenset(
    {"Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
)
FAILURES = (ClientError, BotoCoreError, InvalidTemplate, KeyError, NotImplementedError)
DELETION_POLICIES = frozenset({"Delete", "Retain", "RetainExceptOnCreate"})
Undo = Callable[[], None]


def resolver(account: Account, stack: Stack, document: Document, members: dict[str, Member]) -> Resolver:
    """A resolver for a stack's template, over the members that exist so far."""

    def resource(logical_id: str) -> Created:
        if logical_id not in members:
            raise InvalidTemplate(f"Unresolved resource dependencies [{logical_id}] in the template")
        return members[logical_id].created

    pseudo = {
        "AWS::AccountId": account.account_id,
        "AWS::Region": account.region,
        "AWS::StackId": stack.id,
        "AWS::StackName": stack.name,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::NotificationARNs": [],
    }
    return Resolver(document, pseudo, resource)


def wanted(document: Document, resolve: Resolver) -> dict[str, dict[str, Any]]:
    """The resources whose condition holds, those that depend on nothing first.

    The order is by rounds, as AWS works: whatever is ready is created together. A resource that needs
    another and does not say so therefore fails here too, and not only on a bad day.

    Raises:
        InvalidTemplate: an unknown type, a reference to nothing, or a circle.
    """
    resources = document.template["Resources"]
    if unknown := sorted({each.get("Type", "?") for each in resources.values()} - set(BY_TYPE)):
        raise InvalidTemplate(f"Template format error: Unrecognized resource types: {unknown}")
    for logical_id, each in resources.items():
        if odd := sorted(set(each) - ATTRIBUTES):
            raise InvalidTemplate(f"Invalid template resource property {odd} of {logical_id}")
        if (policy := each.get("DeletionPolicy", "Delete")) not in DELETION_POLICIES:
            raise InvalidTemplate(f"Template error: unknown DeletionPolicy {policy} of {logical_id}")
    there = {k: v for k, v in resources.items() if "Condition" not in v or resolve.condition(v["Condition"])}
    needs = {logical_id: _needs(logical_id, there, document, resolve) for logical_id in there}
    ordered: dict[str, dict[str, Any]] = {}
    while len(ordered) < len(there):
        ready = [k for k in there if k not in ordered and needs[k] <= set(ordered)]
        if not ready:
            left = sorted(set(there) - set(ordered))
            raise InvalidTemplate(f"Circular dependency between resources: {left}")
        ordered.update({k: there[k] for k in ready})
    return ordered


def _needs(logical_id: str, there: dict[str, Any], document: Document, resolve: Resolver) -> set[str]:
    declared = document.template["Resources"]
    said = there[logical_id].get("DependsOn", [])
    said = {said} if isinstance(said, str) else set(said)
    referred = {
        name
        for name in references(there[logical_id].get("Properties", {}), resolve.condition)
        if not name.startswith("AWS::") and name not in document.parameters
    }
    if absent := sorted((said | referred) - set(declared)):
        raise InvalidTemplate(f"Template format error: Unresolved resource dependencies {absent}")
    if gone := sorted(referred - set(there)):
        raise InvalidTemplate(f"Unresolved resource dependencies {gone}: their condition does not hold")
    return (said & set(there)) | referred


class Engine:
    """Applies documents to stacks.

    Args:
        account: where the resources are made.
        refused: reasons to fail with, by resource type: the fake AWS's fault injection.
    """

    def __init__(self, account: Account, refused: dict[str, str]) -> None:
        self._account, self._refused = account, refused

    def apply(self, stack: Stack, document: Document) -> None:
        """Create or update a stack. On a failure, put back what was and leave the reason in its events."""
        verb = "UPDATE" if stack.document else "CREATE"
        stack.say(f"{verb}_IN_PROGRESS", "User Initiated")
        before = dict(stack.members)
        undo: list[Undo] = []
        replaced: list[Member] = []
        try:
            resolve = resolver(self._account, stack, document, stack.members)
            resources = wanted(document, resolve)
            for logical_id, resource in resources.items():
                self._settle(stack, logical_id, resource, resolve, undo, replaced)
            outputs = _outputs(document, resolve)
        except FAILURES as failure:
            self._roll_back(stack, verb, undo, before, _reason(failure))
            return
        stack.outputs, stack.document, stack.updated_at = outputs, document, now()
        gone = [member for key, member in before.items() if key not in resources]
        stack.members = {key: stack.members[key] for key in resources}
        for member in reversed(gone):
            self._remove(stack, member, keep=member.keep)
        for member in reversed(replaced):
            self._remove(stack, member, keep=member.keep_replaced)
        stack.say(f"{verb}_COMPLETE")

    def delete(self, stack: Stack) -> None:
        """Delete a stack and what it does not keep."""
        stack.say("DELETE_IN_PROGRESS", "User Initiated")
        failed = []
        for member in reversed(list(stack.members.values())):
            if self._remove(stack, member, keep=member.keep):
                del stack.members[member.logical_id]
            else:
                failed.append(member.logical_id)
        if failed:
            stack.say("DELETE_FAILED", f"The following resource(s) failed to delete: {failed}.")
        else:
            stack.deleted_at = now()
            stack.say("DELETE_COMPLETE")

    def _settle(
        self,
        stack: Stack,
        logical_id: str,
        resource: dict[str, Any],
        resolve: Resolver,
        undo: list[Undo],
        replaced: list[Member],
    ) -> None:
        kind = resource["Type"]
        handler = BY_TYPE[kind]
        keep = resource.get("DeletionPolicy", "Delete")
        member = Member(logical_id, kind, {}, Created(""), "", keep=keep.startswith("Retain"))
        # CloudFormation template reference, "DeletionPolicy attribute", on RetainExceptOnCreate.
        member.keep_failed = keep == "Retain"
        member.keep_replaced = resource.get("UpdateReplacePolicy", "Delete") == "Retain"
        old = stack.members.get(logical_id)
        verb = "UPDATE" if old else "CREATE"
        try:
            properties = resolve.value(resource.get("Properties", {}))
            handler.check(properties)
            member.properties = properties
            if old and old.type == kind and old.properties == properties:
                old.keep, old.keep_replaced = member.keep, member.keep_replaced
                return
            member.created = old.created if old else Created("")
            stack.tell(member, f"{verb}_IN_PROGRESS")
            if kind in self._refused:
                raise InvalidTemplate(self._refused[kind])
            if old and old.type == kind and not _replaces(handler.replacing, old.properties, properties):
                undo.append(lambda: self._put_back(stack, old, member))
                member.created = handler.update(self._account, old.created, properties, old.properties)
            else:
                name = properties.get(handler.named_by or "") or _name(stack.name, logical_id)
                member.created = handler.create(self._account, properties, name)
                undo.append(lambda: self._take_away(stack, old, member))
                if old:
                    replaced.append(old)
        except FAILURES as failure:
            stack.tell(member, f"{verb}_FAILED", _reason(failure))
            raise InvalidTemplate(
                f"The following resource(s) failed to {verb.lower()}: [{logical_id}]."
            ) from failure
        stack.members[logical_id] = member
        stack.tell(member, f"{verb}_COMPLETE")

    def _roll_back(
        self, stack: Stack, verb: str, undo: list[Undo], before: dict[str, Member], reason: str
    ) -> None:
        prefix = "ROLLBACK" if verb == "CREATE" else "UPDATE_ROLLBACK"
        stack.say(f"{prefix}_IN_PROGRESS", f"{reason} Rollback requested by user.")
        for step in reversed(undo):
            try:
                step()
            except FAILURES as failure:
                stack.say(f"{prefix}_FAILED", _reason(failure))
                return
        stack.members = before
        stack.say(f"{prefix}_COMPLETE")

    def _put_back(self, stack: Stack, old: Member, new: Member) -> None:
        handler = BY_TYPE[old.type]
        old.created = handler.update(self._account, new.created, old.properties, new.properties)
        stack.tell(old, "UPDATE_COMPLETE")

    def _take_away(self, stack: Stack, old: Member | None, new: Member) -> None:
        if new.keep_failed:
            stack.tell(new, "DELETE_SKIPPED")
        else:
            BY_TYPE[new.type].delete(self._account, new.created, new.properties)
            stack.tell(new, "DELETE_COMPLETE")
        if old:
            stack.tell(old, "UPDATE_COMPLETE")

    def _remove(self, stack: Stack, member: Member, *, keep: bool) -> bool:
        if keep:
            stack.tell(member, "DELETE_SKIPPED")
            return True
        stack.tell(member, "DELETE_IN_PROGRESS")
        try:
            BY_TYPE[member.type].delete(self._account, member.created, member.properties)
        except FAILURES as failure:
            stack.tell(member, "DELETE_FAILED", _reason(failure))
            return False
        stack.tell(member, "DELETE_COMPLETE")
        return True


def _outputs(document: Document, resolve: Resolver) -> dict[str, dict[str, str]]:
    outputs = {}
    for name, output in document.template.get("Outputs", {}).items():
        if "Export" in output:
            raise InvalidTemplate("The fake AWS does not know exports")
        if "Condition" in output and not resolve.condition(output["Condition"]):
            continue
        outputs[name] = {
            "OutputKey": name,
            "OutputValue": str(resolve.value(output["Value"])),
            "Description": output.get("Description", ""),
        }
    return outputs


def _replaces(replacing: frozenset[str], old: dict[str, Any], new: dict[str, Any]) -> bool:
    return any(old.get(key) != new.get(key) for key in replacing)


def _name(stack: str, logical_id: str) -> str:
    suffix = "".join(random.choices(string.ascii_letters + string.digits, k=12))
    return f"{stack}-{logical_id}-{suffix}"


def _reason(failure: BaseException) -> str:
    if isinstance(failure, ClientError):
        error = failure.response["Error"]
        return f'Resource handler returned message: "{error["Message"]} ({error["Code"]})"'
    if isinstance(failure, KeyError):
        return f"Model validation failed: required key [{failure.args[0]}] not found"
    return str(failure)
