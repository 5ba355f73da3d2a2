"""API Gateway: the keys callers send, and the plans that bound them."""

# ruff: noqa: ARG002 - every handler has the same methods, whatever it needs of what they are given

from typing import Any

from testbed.stacks.document import InvalidTemplate
from testbed.stacks.resources.base import Account, Created, Handler, Properties, camel, only, tags


class ApiKey(Handler):
    type = "AWS::ApiGateway::ApiKey"
    properties = frozenset(
        {"CustomerId", "Description", "Enabled", "GenerateDistinctId", "Name", "Tags", "Value"}
    )
    replacing = frozenset({"GenerateDistinctId", "Name", "Value"})
    named_by = "Name"

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        # A key that does not say Enabled is disabled: CloudFormation's default, not the console's.
        made = account.client("apigateway").create_api_key(
            name=name,
            enabled=properties.get("Enabled", False),
            tags=tags(properties),
            **camel(only(properties, "CustomerId", "Description", "GenerateDistinctId", "Value")),
        )
        return Created(made["id"], {"APIKeyId": made["id"]})

    def update(
        self, account: Account, created: Created, properties: Properties, previous: Properties
    ) -> Created:
        changes = {
            "/description": properties.get("Description", ""),
            "/enabled": str(properties.get("Enabled", False)).lower(),
        }
        account.client("apigateway").update_api_key(
            apiKey=created.physical_id,
            patchOperations=[{"op": "replace", "path": p, "value": v} for p, v in changes.items()],
        )
        return created

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("apigateway").delete_api_key(apiKey=created.physical_id)


class UsagePlan(Handler):
    type = "AWS::ApiGateway::UsagePlan"
    properties = frozenset({"ApiStages", "Description", "Quota", "Tags", "Throttle", "UsagePlanName"})
    named_by = "UsagePlanName"

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        gateway = account.client("apigateway")
        stages = camel(only(properties, "ApiStages")).get("apiStages", [])
        _check_stages(gateway, stages)
        made = gateway.create_usage_plan(
            name=name,
            apiStages=stages,
            tags=tags(properties),
            **camel(only(properties, "Description")),
            **camel(only(properties, "Throttle", "Quota")),
        )
        return Created(made["id"], {"Id": made["id"]})

    def update(
        self, account: Account, created: Created, properties: Properties, previous: Properties
    ) -> Created:
        gateway = account.client("apigateway")
        before, now = (camel(only(p, "ApiStages")).get("apiStages", []) for p in (previous, properties))
        _check_stages(gateway, now)
        operations = [_stage("remove", stage) for stage in before if stage not in now]
        operations += [_stage("add", stage) for stage in now if stage not in before]
        old, new = (camel(only(each, "Throttle", "Quota")) for each in (previous, properties))
        for bound in ("throttle", "quota"):
            if bound in old and bound not in new:
                operations.append({"op": "remove", "path": f"/{bound}"})
            operations += [
                {"op": "replace", "path": f"/{bound}/{key}", "value": str(value)}
                for key, value in new.get(bound, {}).items()
            ]
        operations.append(
            {"op": "replace", "path": "/description", "value": properties.get("Description", "")}
        )
        gateway.update_usage_plan(usagePlanId=created.physical_id, patchOperations=operations)
        return created

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("apigateway").delete_usage_plan(usagePlanId=created.physical_id)


def _check_stages(gateway: Any, stages: list[dict[str, Any]]) -> None:
    """Refuse a stage that is not there yet: moto takes any, API Gateway does not."""
    for stage in stages:
        if "throttle" in stage:
            raise InvalidTemplate("The fake AWS does not know a usage plan's throttle for one stage")
        served = gateway.get_stages(restApiId=stage["apiId"])["item"]
        if stage["stage"] not in [each["stageName"] for each in served]:
            raise InvalidTemplate(f"API Stage not found: {stage['apiId']}:{stage['stage']}")


def _stage(operation: str, stage: dict[str, Any]) -> dict[str, str]:
    return {"op": operation, "path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"}


class UsagePlanKey(Handler):
    type = "AWS::ApiGateway::UsagePlanKey"
    properties = frozenset({"KeyId", "KeyType", "UsagePlanId"})
    required = frozenset({"KeyId", "KeyType", "UsagePlanId"})
    replacing = properties

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        made = account.client("apigateway").create_usage_plan_key(**camel(properties))
        return Created(f"{made['id']}:{properties['UsagePlanId']}", {"Id": made["id"]})

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("apigateway").delete_usage_plan_key(
            usagePlanId=properties["UsagePlanId"], keyId=properties["KeyId"]
        )


HANDLERS: tuple[Handler, ...] = (ApiKey(), UsagePlan(), UsagePlanKey())
