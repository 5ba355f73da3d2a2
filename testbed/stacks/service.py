"""The CloudFormation API that the ``aws`` and ``sam`` commands see, in the place of moto's."""

import os
import uuid
from dataclasses import dataclass, field
from typing import Any

from moto.cloudformation.responses import CloudFormationResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import camelcase_to_underscores

from testbed.stacks import document as documents
from testbed.stacks.changes import changes
from testbed.stacks.describe import (
    change_set_shape,
    event_shape,
    resource_shape,
    stack_shape,
    summary_shape,
)
from testbed.stacks.document import Document, InvalidTemplate
from testbed.stacks.engine import Engine, resolver, wanted
from testbed.stacks.model import ChangeSet, Stack
from testbed.stacks.resources.base import Account

ENDPOINT_VARIABLE = "FAKE_AWS_ENDPOINT"
INVALID = "ValidationError"
NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
UNCHANGEABLE = (
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "CREATE_FAILED",
    "DELETE_FAILED",
    "UPDATE_ROLLBACK_FAILED",
)
# Reasons to fail with, by resource type. A test sets them through the fake AWS's control API.
refused: dict[str, str] = {}


class StackError(ServiceException):
    """An error of CloudFormation's: a code and a message."""


@dataclass
class Region:
    """Every stack and change set of one region; deleted stacks stay, as AWS keeps them to be looked up."""

    stacks: list[Stack] = field(default_factory=list)
    change_sets: list[ChangeSet] = field(default_factory=list)

    def stack(self, name: str) -> Stack:
        """The stack of that name or id.

        Raises:
            StackError: there is none.
        """
        for each in self.stacks:
            if each.id == name or (each.name == name and each.deleted_at is None):
                return each
        raise StackError(INVALID, f"Stack with id {name} does not exist")

    def change_set(self, name: str, stack: str | None) -> ChangeSet:
        """The change set of that name or id."""
        for each in reversed(self.change_sets):
            if each.id == name or (each.name == name and stack in (each.stack.name, each.stack.id)):
                return each
        raise StackError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")


class CloudFormation(CloudFormationResponse):
    """CloudFormation's actions. One that is not here is refused."""

    # Its answers have the API's own shapes already.
    RESPONSE_KEY_PATH_TO_TRANSFORMER: dict[str, Any] = {}  # noqa: RUF012 - as in the base class

    @property
    def _here(self) -> Region:
        # Kept on moto's own backend, so that moto's reset empties it.
        attributes = self.cloudformation_backend.__dict__
        region: Region = attributes.setdefault("fake_aws_region", Region())
        return region

    @property
    def _account(self) -> Account:
        return Account(os.environ[ENDPOINT_VARIABLE], self.region, self.current_account)

    def call_action(self) -> Any:
        """Dispatch, and refuse what this class does not emulate."""
        action = camelcase_to_underscores(self._get_action())
        if action not in type(self).__dict__:
            raise NotImplementedError(f"The fake AWS does not emulate cloudformation:{action}")
        return super().call_action()

    def _submitted(self, stack: Stack | None) -> Document:
        source = self._get_param("TemplateBody")
        if url := self._get_param("TemplateURL"):
            source = self._get_stack_from_s3_url(url)
        elif source is None and stack is not None and stack.document is not None:
            source = stack.document.source
        previous = stack.document.parameters if stack and stack.document else {}
        given = {}
        for each in self._get_param("Parameters", []):
            name = each["ParameterKey"]
            if not each.get("UsePreviousValue"):
                given[name] = each["ParameterValue"]
            elif name in previous:
                old = previous[name]
                given[name] = ",".join(old) if isinstance(old, list) else old
        try:
            document = documents.read(source, given, self.region)
            there = stack or Stack("arn:new", self._get_param("StackName"), "")
            wanted(document, resolver(self._account, there, document, {}))
        except InvalidTemplate as error:
            raise StackError(INVALID, str(error)) from error
        self._check_capabilities(document)
        return document

    def _check_capabilities(self, document: Document) -> None:
        roles = [r for r in document.template["Resources"].values() if r["Type"].startswith("AWS::IAM::")]
        named = any("RoleName" in role.get("Properties", {}) for role in roles)
        given = set(self._get_param("Capabilities", []))
        enough = {"CAPABILITY_NAMED_IAM"} if named else {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"}
        if roles and not given & enough:
            needed = "CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"
            raise StackError("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]")

    def _tags(self) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self._get_param("Tags", [])}

    def create_change_set(self) -> ActionResult:
        name, kind = self._get_param("StackName"), self._get_param("ChangeSetType", "UPDATE")
        stack = next((s for s in self._here.stacks if s.name == name and s.deleted_at is None), None)
        fresh = stack is None or stack.status == "REVIEW_IN_PROGRESS"
        if kind == "CREATE" and not fresh:
            raise StackError(INVALID, f"Stack [{name}] already exists and cannot be created again")
        if kind == "UPDATE" and fresh:
            raise StackError(INVALID, f"Stack [{name}] does not exist")
        if stack and stack.status in UNCHANGEABLE:
            # Recorded: cloudformation/CreateChangeSet/rollback-complete.
            message = f"Stack:{stack.id} is in {stack.status} state and can not be updated"
            raise StackError(INVALID, message)
        document = self._submitted(stack)
        if stack is None:
            arn = self._account.arn("cloudformation", f"stack/{name}/{uuid.uuid4()}")
            stack = Stack(arn, name, "REVIEW_IN_PROGRESS")
            stack.say("REVIEW_IN_PROGRESS", "User Initiated")
            self._here.stacks.append(stack)
        made = self._change_set(stack, kind, document)
        self._here.change_sets.append(made)
        return ActionResult({"Id": made.id, "StackId": stack.id})

    def _change_set(self, stack: Stack, kind: str, document: Document) -> ChangeSet:
        name = self._get_param("ChangeSetName")
        made = ChangeSet(
            id=self._account.arn("cloudformation", f"changeSet/{name}/{uuid.uuid4()}"),
            name=name,
            kind=kind,
            stack=stack,
            document=document,
            changes=changes(self._account, stack, document),
            tags=self._tags(),
            capabilities=self._get_param("Capabilities", []),
            description=self._get_param("Description") or "",
        )
        same = stack.document is not None and (
            stack.document.template == document.template
            and stack.document.parameters == document.parameters
            and stack.tags == made.tags
        )
        if same:
            made.status, made.execution_status, made.reason = "FAILED", "UNAVAILABLE", NO_CHANGES
        return made

    def describe_change_set(self) -> ActionResult:
        found = self._here.change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))
        return ActionResult(change_set_shape(found))

    def delete_change_set(self) -> ActionResult:
        found = self._here.change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))
        self._here.change_sets.remove(found)
        return EmptyResult()

    def execute_change_set(self) -> ActionResult:
        found = self._here.change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))
        if found.execution_status != "AVAILABLE":
            message = f"ChangeSet [{found.id}] cannot be executed in its current status of [{found.status}]"
            raise StackError("InvalidChangeSetStatus", message)
        if self._get_param("DisableRollback"):
            raise NotImplementedError("The fake AWS always rolls back")
        found.execution_status = "EXECUTE_COMPLETE"
        found.stack.capabilities = found.capabilities
        self._apply(found.stack, found.document, found.tags)
        return EmptyResult()

    def _apply(self, stack: Stack, document: Document, tags: dict[str, str]) -> None:
        Engine(self._account, refused).apply(stack, document)
        if stack.document is document:
            stack.tags = tags

    def describe_stacks(self) -> ActionResult:
        name = self._get_param("StackName")
        found = [self._here.stack(name)] if name else [s for s in self._here.stacks if s.deleted_at is None]
        return ActionResult({"Stacks": [stack_shape(each) for each in found]})

    def describe_stack_events(self) -> ActionResult:
        name = self._get_param("StackName")
        try:
            stack = self._here.stack(name)
        except StackError:
            # Recorded: cloudformation/DescribeStackEvents/by-name-does-not-exist, unlike DescribeStacks.
            raise StackError(INVALID, f"Stack [{name}] does not exist") from None
        return ActionResult({"StackEvents": [event_shape(stack, each) for each in reversed(stack.events)]})

    def describe_stack_resources(self) -> ActionResult:
        stack = self._here.stack(self._get_param("StackName"))
        wanted_id = self._get_param("LogicalResourceId")
        found = [m for key, m in stack.members.items() if wanted_id in (None, key)]
        return ActionResult({"StackResources": [resource_shape(stack, each) for each in found]})

    def describe_stack_resource(self) -> ActionResult:
        stack, wanted_id = (
            self._here.stack(self._get_param("StackName")),
            self._get_param("LogicalResourceId"),
        )
        if wanted_id not in stack.members:
            message = f"Resource {wanted_id} does not exist for stack {stack.name}"
            raise StackError(INVALID, message)
        return ActionResult({"StackResourceDetail": resource_shape(stack, stack.members[wanted_id])})

    def list_stack_resources(self) -> ActionResult:
        stack = self._here.stack(self._get_param("StackName"))
        found = [resource_shape(stack, each) for each in stack.members.values()]
        return ActionResult({"StackResourceSummaries": found})

    def get_template(self) -> ActionResult:
        stack = self._here.stack(self._get_param("StackName"))
        processed = self._get_param("TemplateStage") == "Processed"
        if stack.document is None:
            raise StackError(INVALID, f"Template not found for {stack.name}")
        return ActionResult({"TemplateBody": stack.document.template if processed else stack.document.source})

    def get_template_summary(self) -> ActionResult:
        if name := self._get_param("StackName"):
            known = self._here.stack(name).document
            if known is None:
                message = "GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks."
                raise StackError(INVALID, message)
            return ActionResult(summary_shape(known.source))
        if body := self._get_param("TemplateBody"):
            return ActionResult(summary_shape(body))
        raise NotImplementedError("The fake AWS summarises a stack's template or a body, not an URL")

    def delete_stack(self) -> ActionResult:
        name = self._get_param("StackName")
        for stack in self._here.stacks:
            if name in (stack.name, stack.id) and stack.deleted_at is None:
                Engine(self._account, refused).delete(stack)
        return EmptyResult()
