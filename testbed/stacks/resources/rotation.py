"""The rotation of a secret, and groups of schedules."""

# ruff: noqa: ARG002 - every handler has the same methods, whatever it needs of what they are given

import contextlib
import json

from testbed.stacks.resources.base import Account, Created, Handler, Properties, PutHandler, only


class RotationSchedule(PutHandler):
    """Turns rotation on as AWS does when it is not to rotate at once; its trial call is left out."""

    type = "AWS::SecretsManager::RotationSchedule"
    properties = frozenset({"SecretId", "RotationLambdaARN", "RotateImmediatelyOnUpdate", "RotationRules"})
    required = frozenset({"SecretId", "RotationLambdaARN", "RotationRules"})
    replacing = frozenset({"SecretId"})

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        if properties.get("RotateImmediatelyOnUpdate") not in (False, "false"):
            raise NotImplementedError("The fake AWS does not rotate a secret at once")
        function = properties["RotationLambdaARN"]
        if not _may_call(account, function):
            raise ValueError(f"Secrets Manager cannot invoke the specified Lambda function: {function}")
        account.client("secretsmanager").rotate_secret(
            SecretId=properties["SecretId"],
            RotationLambdaARN=function,
            RotationRules=properties["RotationRules"],
            RotateImmediately=False,
        )
        return Created(properties["SecretId"])

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        secrets = account.client("secretsmanager")
        with contextlib.suppress(
            secrets.exceptions.ResourceNotFoundException, secrets.exceptions.InvalidRequestException
        ):
            secrets.cancel_rotate_secret(SecretId=created.physical_id)


def _may_call(account: Account, function: str) -> bool:
    policy = json.loads(account.client("lambda").get_policy(FunctionName=function)["Policy"])
    principals = [each["Principal"] for each in policy["Statement"]]
    return "secretsmanager.amazonaws.com" in [
        each.get("Service") if isinstance(each, dict) else each for each in principals
    ]


class ScheduleGroup(Handler):
    type = "AWS::Scheduler::ScheduleGroup"
    properties = frozenset({"Name", "Tags"})
    replacing = frozenset({"Name"})
    named_by = "Name"

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        made = account.client("scheduler").create_schedule_group(Name=name[-64:], **only(properties, "Tags"))
        return Created(name[-64:], {"Arn": made["ScheduleGroupArn"]})

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("scheduler").delete_schedule_group(Name=created.physical_id)


HANDLERS: tuple[Handler, ...] = (RotationSchedule(), ScheduleGroup())
