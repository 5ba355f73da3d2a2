"""Who may do what on the fake AWS, and the record of who did.

Moto checks no permission by default, and where it does it takes ``*`` for the resource. Here an assumed
role's credentials are held to the role's policies and to the resource that the request names; the owner's
own credentials may do everything, as an administrator's would.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from moto.awslambda.models import lambda_backends
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import InvalidClientTokenIdError, ServiceException
from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, IAMRequest, PermissionResult
from moto.logs.responses import LogsResponse
from moto.s3.exceptions import S3AccessDeniedError
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sts.models import sts_backends
from werkzeug.exceptions import HTTPException

from testbed import policies
from testbed.stacks.resources.base import CLOUDFORMATION_KEY

READING = re.compile(
    r"(Get|List|Describe|Head|BatchGet|Validate|Estimate|Lookup|Filter|Detect|Simulate).*|AssumeRole.*"
    # A change set changes nothing until it is executed, nor does a line in a log.
    r"|(Create|Delete)ChangeSet|CreateLogStream|PutLogEvents"
)
XML_SERVICES = frozenset({"iam", "sts", "cloudformation", "sns", "cloudwatch"})
# What policies call a service, where requests are signed for another name.
PREFIXES = {"monitoring": "cloudwatch"}
# What policies call an action, where the API calls it otherwise.
ACTIONS = {"lambda:Invoke": "lambda:InvokeFunction"}
OWNER, CLOUDFORMATION = "owner", "cloudformation"


class Needed(NamedTuple):
    """A permission that a request needs."""

    action: str
    resource: str
    context: policies.Context
    """The values of the service's own condition keys."""


RESOURCES: dict[str, Callable[[Any, str, dict[str, Any]], Iterable[Needed]]] = {}
"""What a request needs, by service: of the request, its operation and its parameters. Without an entry it is
the operation on what moto takes for the resource."""


@dataclass
class Rules:
    """What a test has asked for, and what was seen.

    Attributes:
        enforced: whether an assumed role's credentials are held to its policies.
        denied: what to answer, by action: a code and a reason.
        calls: every call so far.
    """

    enforced: bool = False
    denied: dict[str, list[str]] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


rules = Rules()


def authorize(request: Any, iam_request_class: type, resource: str = "*") -> None:
    """Record a request, and refuse it if its caller may not make it. Takes the place of moto's check.

    Raises:
        HTTPException: refused, in the shape of the service's own answer.
    """
    action = request._get_action()
    action = action[0] if isinstance(action, list) else action
    service = _service(request)
    name = f"{service}:{action}"
    role = _role(request)
    caller = CLOUDFORMATION if request.access_key == CLOUDFORMATION_KEY else role or OWNER
    with rules.lock:
        rules.calls.append(
            {
                "service": service,
                "action": action,
                "parameters": _parameters(request),
                "caller": caller,
                "mutating": not READING.fullmatch(action or ""),
            }
        )
    if name in rules.denied:
        code, reason = rules.denied[name]
        raise _refusal(request, service, code, reason)
    if is_held_to_policies(request) and name != "sts:GetCallerIdentity":
        needed: Iterable[Needed] = [Needed(ACTIONS.get(name, name), resource, {})]
        if service in RESOURCES:
            needed = RESOURCES[service](request, action, _parameters(request))
        for each in needed:
            _check(request, iam_request_class, service, each)


def is_held_to_policies(request: Any) -> bool:
    """Whether the caller of a request may do what its role's policies allow, and nothing else."""
    return rules.enforced and "X-Amz-Security-Token" in request.headers


def allows(request: Any, name: str, resource: str, context: policies.Context) -> bool:
    """Whether the policies of a request's caller allow a further action, which AWS takes on its behalf.

    Args:
        request: the request.
        name: the action, such as ``kms:Decrypt``.
        resource: what it is done to.
        context: the values of the condition keys.
    """
    return _allows(_checked(request, IAMRequest), name, resource, context)


def _allows(checked: Any, name: str, resource: str, context: Any) -> bool:
    results = [
        IAMPolicy(policy).is_action_permitted(name, resource, None, context)
        for policy in checked._access_key.collect_policies()
    ]
    return PermissionResult.PERMITTED in results and PermissionResult.DENIED not in results


def _denies(checked: Any, name: str, resource: str, context: Any) -> bool:
    return any(
        IAMPolicy(policy).is_action_permitted(name, resource, None, context) == PermissionResult.DENIED
        for policy in checked._access_key.collect_policies()
    )


def _checked(request: Any, iam_request_class: type) -> Any:
    return iam_request_class(
        account_id=request.current_account,
        method=request.method,
        path=request.raw_path,
        data=request.data,
        body=request.raw_body,
        headers=request.headers,
        action=request._get_action(),
    )


def _context(request: Any, checked: Any) -> dict[str, str]:
    """What conditions may ask about: where the request comes from, and whom a token is for.

    It comes from a function's code when the session is named like the function.
    """
    context: dict[str, str] = {}
    if request._get_action() == "GetWebIdentityToken":
        asked = _parameters(request)
        context["sts:IdentityTokenAudience"] = ",".join(asked["Audience"])
        if "DurationSeconds" in asked:
            context["sts:DurationSeconds"] = str(asked["DurationSeconds"])
    session = checked._access_key.arn.rsplit("/", 1)[-1]
    if session not in lambda_backends[request.current_account][request.region]._lambdas._functions:
        return context
    arn = f"arn:aws:lambda:{request.region}:{request.current_account}:function:{session}"
    return {**context, "lambda:SourceFunctionArn": arn}


def _check(request: Any, iam_request_class: type, service: str, needed: Needed) -> None:
    name, resource, own = needed
    try:
        checked = _checked(request, iam_request_class)
    except InvalidClientTokenIdError as unknown:
        raise _refusal(request, service, "UnrecognizedClientException", unknown.message) from unknown
    # IAM's name of a service is not always the one that a request is signed for.
    context = {**_context(request, checked), **own}
    if not _allows(checked, name, resource, context):
        # A text names the resource as the caller did (recorded: secretsmanager/GetSecretValue/
        # role-without-permission-by-name), and why (IAM User Guide, "Access denied error messages").
        named = _parameters(request).get("SecretId", resource) if service == "secretsmanager" else resource
        cause = (
            "with an explicit deny in an identity-based policy"
            if _denies(checked, name, resource, context)
            else f"because no identity-based policy allows the {name} action"
        )
        who = checked._access_key.arn
        reason = f"User: {who} is not authorized to perform: {name} on resource: {named} {cause}"
        if service == "dynamodb" and name == "kms:Decrypt":
            reason = KEY_DENIED
        raise _refusal(request, service, "", reason)


KEY_DENIED = (
    "KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: The ciphertext refers "
    "to a customer master key that does not exist, does not exist in this region, or you are not allowed to "
    "access."
)
"""DynamoDB's words where KMS refuses its caller (aws-cdk, issue 10010; there an identifier follows)."""


class AccessError(ServiceException):
    """An error of any service's: a code and a message."""


class Refusal(HTTPException):
    """An answer instead of the one asked for, in the shape of the service's own protocol."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(body)
        self.code = status


def refusal(request: Any, code: str, reason: str) -> Exception:
    """A refusal of a request with a code and a reason, in the shape of its service's protocol."""
    return _refusal(request, _service(request), code, reason)


def _refusal(request: Any, service: str, code: str, reason: str) -> Exception:
    """A refusal; without a code, the one by which the service says that access is denied."""
    if service == "s3":
        return cast("Exception", S3AccessDeniedError())
    code = code or ("AccessDenied" if service in XML_SERVICES else "AccessDeniedException")
    status, _, body = request.serialized(ActionResult(AccessError(code, reason)))
    return Refusal(403 if status < 400 else status, body if isinstance(body, str) else body.decode())


def _service(request: Any) -> str:
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", request.headers.get("Authorization", ""))
    signed_for = scope[1] if scope else str(request.service_name)
    return PREFIXES.get(signed_for, signed_for)


def _role(request: Any) -> str | None:
    """The name of the role whose credentials these are."""
    roles = sts_backends[request.current_account][request.partition]
    assumed = roles.get_assumed_role_from_access_key(request.access_key)
    return assumed.role_arn.rsplit("/", 1)[-1] if assumed else None


def _parameters(request: Any) -> dict[str, Any]:
    """What was sent, whichever way the service's protocol sends it."""
    found: dict[str, Any] = dict(getattr(request, "uri_match", None) or {})
    if getattr(request, "params", None):
        return found | dict(request.params)
    try:
        given = json.loads(request.body)
    except (TypeError, ValueError):
        given = {name: values[0] for name, values in request.querystring.items() if isinstance(values, list)}
    return found | given if isinstance(given, dict) else found


def _secret_arn(request: Any) -> str:
    """The resource of a request to Secrets Manager.

    AWS checks the permission before it looks for the secret, and takes any six characters for the end of an
    ARN that is not there: so ``-??????`` allows to learn that there is no secret of this name.
    """
    asked = request._get_param("SecretId")
    if asked is None:
        return "*"
    if secret := request.backend.secrets.get(asked):
        return str(secret.arn)
    if asked.startswith("arn:"):
        return str(asked)
    return f"arn:aws:secretsmanager:{request.region}:{request.current_account}:secret:{asked}-AbCdEf"


def _log_arn(request: Any) -> str:
    """The resource of a request to CloudWatch Logs."""
    group, stream = request._get_param("logGroupName"), request._get_param("logStreamName")
    arn = f"arn:aws:logs:{request.region}:{request.current_account}:log-group:{group or '*'}"
    return f"{arn}:log-stream:{stream}" if stream else f"{arn}:*"


def install() -> None:
    """Put these checks in the place of moto's."""
    policies.install()
    ActionAuthenticatorMixin._authenticate_and_authorize_action = authorize  # type: ignore[method-assign,assignment]
    SecretsManagerResponse._determine_resource = _secret_arn  # type: ignore[attr-defined]
    LogsResponse._determine_resource = _log_arn  # type: ignore[attr-defined]
