"""What moto's EventBridge Scheduler and Lambda do not ask: what a request is about, and whose role."""

import json
import re
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.responses import LambdaResponse
from moto.iam.models import iam_backends
from moto.scheduler.exceptions import ValidationException
from moto.scheduler.responses import EventBridgeSchedulerResponse

from testbed import access

SCHEDULER = "scheduler.amazonaws.com"
NOT_TRUSTED = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
# EventBridge Scheduler User Guide, "Schedule types": at(yyyy-mm-ddThh:mm:ss) without a zone,
# rate(value unit), cron of six fields of which exactly one of the two kinds of days is a question mark.
AT = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")
RATE = re.compile(r"rate\([1-9]\d* (minute|hour|day)s?\)")
CRON = re.compile(r"cron\(\S+ \S+ (?:\? \S+ [^\s?]+|[^\s?]+ \S+ \?) \S+\)")


def install() -> None:
    """Patch moto's classes: requests name what they are about, and a schedule's role has to be passed."""
    create, invoke = EventBridgeSchedulerResponse.create_schedule, LambdaResponse.invoke

    def create_schedule(self: Any) -> Any:
        expression = self._get_param("ScheduleExpression")
        if not any(form.fullmatch(expression) for form in (AT, RATE, CRON)):
            # Recorded: scheduler/CreateSchedule, the cases bad-cron and at-with-zone.
            raise _invalid(f"Invalid Schedule Expression {expression}.")
        _may_use_role(self, self._get_param("Target")["RoleArn"])
        return create(self)

    def invoke_or_not(self: Any) -> Any:
        # "DryRun" asks whether it would be called. Moto would run it, in a container.
        if self.headers.get("X-Amz-Invocation-Type") == "DryRun":
            try:
                self.backend.get_function(_function_arn(self))
            except UnknownFunctionException as missing:
                # Recorded: lambda/Invoke/function-not-found.
                body = {"Type": "User", "Message": missing.message}
                missing.description = json.dumps({**body, "__type": missing.error_type})
                raise
            return 204, {"status": "204"}, ""
        return invoke(self)

    LambdaResponse.invoke = invoke_or_not  # type: ignore[method-assign]
    EventBridgeSchedulerResponse.create_schedule = create_schedule  # type: ignore[method-assign]
    EventBridgeSchedulerResponse._determine_resource = _schedule_arn  # type: ignore[attr-defined]
    LambdaResponse._determine_resource = _function_arn  # type: ignore[attr-defined]


def _schedule_arn(request: Any) -> str:
    """The resource of a request to EventBridge Scheduler; without a group it is the default one."""
    kind, _, name = request.path.strip("/").partition("/")
    where = f"arn:aws:scheduler:{request.region}:{request.current_account}"
    if kind == "schedules" and name:
        group = request._get_param("GroupName") or request._get_param("groupName") or "default"
        return f"{where}:schedule/{group}/{name}"
    return f"{where}:schedule-group/{name or '*'}"


def _function_arn(request: Any) -> str:
    """The resource of a request to Lambda, which may name the function by its ARN."""
    _, _, rest = unquote(request.path).partition("/functions/")
    name = rest.partition("/")[0].rpartition(":")[2]
    if not name:
        return "*"
    return f"arn:aws:lambda:{request.region}:{request.current_account}:function:{name}"


def _may_use_role(request: Any, role: str) -> None:
    """Refuse a role that the caller may not pass on, or that does not trust the service."""
    passed = {"iam:PassedToService": SCHEDULER}
    if access.is_held_to_policies(request) and not access.allows(request, "iam:PassRole", role, passed):
        reason = f"The caller is not authorized to perform: iam:PassRole on resource: {role}"
        raise access.refusal(request, "AccessDeniedException", reason)
    roles = iam_backends[request.current_account]["aws"].roles.values()
    trust: dict[str, Any] = next(
        (json.loads(each.assume_role_policy_document) for each in roles if each.arn == role), {}
    )
    trusted = [each["Principal"].get("Service") for each in trust.get("Statement", ())]
    if SCHEDULER not in trusted:
        raise _invalid(NOT_TRUSTED)


def _invalid(message: str) -> ValidationException:
    """An error in the body that the service sends: its text stands under ``Message``."""
    error = ValidationException(message)
    error.description = json.dumps({"__type": error.error_type, "Message": message})
    return error
