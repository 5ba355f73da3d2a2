"""What moto's API Gateway leaves out and a deploy can get wrong.

- A deployment is a snapshot: a stage serves what was deployed, not what the API has become since.
- A deployment that a stage serves cannot be deleted.
- The region's logging role: see ``testbed.logging_role``.
- Limits given as text are numbers; a method's settings can be taken away.
- A security policy needs an endpoint access mode, and like all of an API it is served once it is deployed.
  Source: API Gateway developer guide, "Security policies for REST APIs in API Gateway" and "How to change a
  security policy" ("Redeploy your API for the changes to take effect"). The words of the refusal:
  aws/aws-sam-cli issue 9007.
"""

import copy
from typing import Any

from moto.apigateway.exceptions import BadRequestException
from moto.apigateway.models import (
    Account,
    APIGatewayBackend,
    RestAPI,
    Stage,
    UsagePlan,
    apigateway_backends,
)
from moto.core.exceptions import JsonRESTError
from moto.core.utils import utcnow
from moto.iam.models import iam_backends

from testbed import logging_role
from testbed.stacks.resources.functions import trusts


class Naming:
    """The operation that names the logging role, with the clock of the test."""

    operation = logging_role.UpdateAccount()


naming = Naming()
NUMBERS = {"limit": int, "offset": int, "burstLimit": int, "rateLimit": float}


def install() -> None:
    """Patch moto's classes."""
    _snapshot_deployments()
    _guard_deployments()
    _check_logging_role()
    _take_settings_away()
    _count_in_numbers()
    _know_security_policies()


def definition(api: RestAPI) -> dict[str, Any]:
    """Everything of an API that a deployment freezes."""
    methods = {}
    for resource in api.resources.values():
        for verb, method in resource.resource_methods.items():
            integration = method.method_integration
            methods[f"{verb} {resource.get_path()}"] = {
                "keyRequired": bool(method.api_key_required),
                "resourceId": resource.id,
                "uri": integration.uri if integration else None,
                "integrationMethod": integration.http_method if integration else None,
                "timeoutInMillis": int(getattr(integration, "timeout_in_millis", None) or 29000),
            }
    return {
        "methods": methods,
        "binaryMediaTypes": list(api.binaryMediaTypes),
        "gatewayResponses": {name: _response(each) for name, each in api.gateway_responses.items()},
        "securityPolicy": vars(api).get("security_policy", ""),
    }


def _response(response: Any) -> dict[str, Any]:
    return {
        "statusCode": response.status_code,
        "parameters": response.response_parameters or {},
        "templates": response.response_templates or {},
    }


def served(region: str, account_id: str, api_id: str, stage_name: str) -> dict[str, Any] | None:
    """What a stage serves and who may call it; None when there is no such stage."""
    backend: APIGatewayBackend = apigateway_backends[account_id][region]
    api = backend.apis.get(api_id)
    stage = api.stages.get(stage_name) if api else None
    if api is None or stage is None:
        return None
    plans = [
        plan.id
        for plan in backend.usage_plans.values()
        if {"apiId": api_id, "stage": stage_name}
        in [{"apiId": each["apiId"], "stage": each["stage"]} for each in plan.api_stages]
    ]
    keys = {
        backend.keys[key_id].value: key_id
        for plan in plans
        for key_id in backend.usage_plan_keys.get(plan, {})
        if key_id in backend.keys and backend.keys[key_id].enabled
    }
    deployed: Any = api.deployments[str(stage.deployment_id)]
    return {**deployed.served, "keys": keys, "stage": stage.to_json()}


def _snapshot_deployments() -> None:
    create = RestAPI.create_deployment

    def create_deployment(self: RestAPI, *args: Any, **kwargs: Any) -> Any:
        made: Any = create(self, *args, **kwargs)
        made.served = copy.deepcopy(definition(self))
        return made

    RestAPI.create_deployment = create_deployment  # type: ignore[method-assign]


def _guard_deployments() -> None:
    delete = RestAPI.delete_deployment

    def delete_deployment(self: RestAPI, deployment_id: str) -> Any:
        if any(stage.deployment_id == deployment_id for stage in self.stages.values()):
            raise BadRequestException("Active stages pointing to this deployment must be moved or deleted")
        return delete(self, deployment_id)

    RestAPI.delete_deployment = delete_deployment  # type: ignore[method-assign]


class UpdateRefused(JsonRESTError):
    """An error of UpdateAccount, with the status and the header that belong to it."""

    def __init__(self, refused: logging_role.RefusedUpdate) -> None:
        super().__init__(refused.code, refused.message)
        self.code = refused.status
        self._retry_after = refused.retry_after

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """The usual ones, and when to come again."""
        headers = super().get_headers(*args, **kwargs)
        return headers + ([] if self._retry_after is None else [("Retry-After", str(self._retry_after))])


def _check_logging_role() -> None:
    update = APIGatewayBackend.update_account

    def update_account(self: APIGatewayBackend, patch_operations: list[dict[str, Any]]) -> Account:
        for operation in patch_operations:
            if operation["path"] == "/cloudwatchRoleArn" and operation.get("value"):
                try:
                    naming.operation.name_role(_role(self.account_id, operation["value"]))
                except logging_role.RefusedUpdate as refused:
                    raise UpdateRefused(refused) from None
        return update(self, patch_operations)

    APIGatewayBackend.update_account = update_account  # type: ignore[method-assign]


def _role(account_id: str, arn: str) -> logging_role.Role | None:
    roles = iam_backends[account_id]["aws"].roles.values()
    role = next((each for each in roles if each.arn == arn), None)
    if role is None:
        return None
    return logging_role.Role(
        age=(utcnow() - role.create_date).total_seconds(),
        is_trusting=trusts(role.assume_role_policy_document, "apigateway.amazonaws.com"),
        has_policy=any(name.endswith(logging_role.POLICY) for name in role.managed_policies),
    )


def _take_settings_away() -> None:
    apply = Stage.apply_operations

    def apply_operations(self: Stage, patch_operations: list[dict[str, Any]]) -> Stage:
        for operation in patch_operations:
            if operation["op"] == "remove" and operation["path"].count("/") == 2:
                self.method_settings.pop(operation["path"].lstrip("/"), None)
        return apply(self, patch_operations)

    Stage.apply_operations = apply_operations  # type: ignore[method-assign]


def _count_in_numbers() -> None:
    apply = UsagePlan.apply_patch_operations

    def apply_patch_operations(self: UsagePlan, patch_operations: list[dict[str, Any]]) -> None:
        apply(self, [each for each in patch_operations if "/rateLimit" not in each["path"]])
        for operation in patch_operations:
            bound, _, key = operation["path"].lstrip("/").partition("/")
            if key in NUMBERS:
                limits = self.throttle if bound == "throttle" else self.quota
                limits[key] = NUMBERS[key](operation["value"])

    UsagePlan.apply_patch_operations = apply_patch_operations  # type: ignore[method-assign]


def _know_security_policies() -> None:
    apply, show = RestAPI.apply_patch_operations, RestAPI.to_dict

    def apply_patch_operations(self: RestAPI, patch_operations: list[dict[str, Any]]) -> None:
        given = {each["path"]: each.get("value", "") for each in patch_operations}
        known = vars(self)
        policy = given.get("/securityPolicy", known.get("security_policy", ""))
        mode = given.get("/endpointAccessMode", known.get("endpoint_access_mode", ""))
        enhanced = policy.startswith("SecurityPolicy_")
        if enhanced and not mode:
            raise BadRequestException("Endpoint access mode is required for the specified security policy")
        if mode and not enhanced:
            # The guide: with a legacy policy the mode must be unset. The words are assumed.
            raise BadRequestException("Endpoint access mode needs an enhanced security policy")
        known |= {"security_policy": policy, "endpoint_access_mode": mode}
        apply(self, patch_operations)

    def to_dict(self: RestAPI) -> dict[str, Any]:
        known = vars(self)
        said = {
            "securityPolicy": known.get("security_policy"),
            "endpointAccessMode": known.get("endpoint_access_mode"),
        }
        return show(self) | {name: value for name, value in said.items() if value}

    RestAPI.apply_patch_operations = apply_patch_operations  # type: ignore[method-assign]
    RestAPI.to_dict = to_dict  # type: ignore[method-assign]
