"""API Gateway: REST APIs, what of them a stage serves, and who may call it."""

# ruff: noqa: ARG002 - every handler has the same methods, whatever it needs of what they are given

from typing import Any

from testbed.stacks.document import InvalidTemplate
from testbed.stacks.resources.base import (
    Account,
    Created,
    Handler,
    Properties,
    camel,
    only,
    tags,
)
from testbed.stacks.resources.openapi import import_body

METHOD_SETTINGS = {
    "ThrottlingRateLimit": "throttling/rateLimit",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "LoggingLevel": "logging/loglevel",
    "DataTraceEnabled": "logging/dataTrace",
    "MetricsEnabled": "metrics/enabled",
    "CachingEnabled": "caching/enabled",
}


SECURITY = {"SecurityPolicy": "/securityPolicy", "EndpointAccessMode": "/endpointAccessMode"}


class RestApi(Handler):
    type = "AWS::ApiGateway::RestApi"
    properties = frozenset(
        {"ApiKeySourceType", "Body", "Description", "DisableExecuteApiEndpoint"}
        | {"EndpointConfiguration", "FailOnWarnings", "MinimumCompressionSize", "Mode", "Name", "Parameters"}
        | {"Tags", "SecurityPolicy", "EndpointAccessMode"}
    )

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        gateway = account.client("apigateway")
        title = properties.get("Name") or properties.get("Body", {}).get("info", {}).get("title", name)
        made = gateway.create_rest_api(
            name=title,
            tags=tags(properties),
            apiKeySource=properties.get("ApiKeySourceType", "HEADER"),
            **camel(only(properties, "Description", "DisableExecuteApiEndpoint", "EndpointConfiguration")),
            **camel(only(properties, "MinimumCompressionSize")),
        )
        _change_security_policy(gateway, made["id"], properties, {})
        if "Body" in properties:
            import_body(gateway, made["id"], properties["Body"])
        root = gateway.get_resources(restApiId=made["id"])["items"][0]["id"]
        return Created(made["id"], {"RestApiId": made["id"], "RootResourceId": root})

    def update(
        self, account: Account, created: Created, properties: Properties, previous: Properties
    ) -> Created:
        gateway = account.client("apigateway")
        changeable = {"Body", "Description", "Name", "Tags", *SECURITY}
        changed = {k for k in set(properties) | set(previous) if properties.get(k) != previous.get(k)}
        if stuck := sorted(changed - changeable):
            raise InvalidTemplate(f"The fake AWS cannot change {stuck} of a REST API")
        for key in ("Name", "Description"):
            if properties.get(key) != previous.get(key):
                change = {"op": "replace", "path": "/" + key.lower(), "value": properties.get(key, "")}
                gateway.update_rest_api(restApiId=created.physical_id, patchOperations=[change])
        _change_security_policy(gateway, created.physical_id, properties, previous)
        if properties.get("Body") != previous.get("Body"):
            import_body(gateway, created.physical_id, properties["Body"])
        return created

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("apigateway").delete_rest_api(restApiId=created.physical_id)


def _change_security_policy(gateway: Any, api_id: str, properties: Properties, previous: Properties) -> None:
    operations = [
        _replace(path, properties.get(name, ""))
        for name, path in SECURITY.items()
        if properties.get(name) != previous.get(name)
    ]
    if operations:
        gateway.update_rest_api(restApiId=api_id, patchOperations=operations)


class Deployment(Handler):
    type = "AWS::ApiGateway::Deployment"
    properties = frozenset({"Description", "RestApiId", "StageName"})
    required = frozenset({"RestApiId"})
    replacing = properties

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        made = account.client("apigateway").create_deployment(**camel(properties))
        return Created(made["id"], {"DeploymentId": made["id"]})

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("apigateway").delete_deployment(
            restApiId=properties["RestApiId"], deploymentId=created.physical_id
        )


class Stage(Handler):
    type = "AWS::ApiGateway::Stage"
    properties = frozenset(
        {"AccessLogSetting", "DeploymentId", "Description", "MethodSettings", "RestApiId", "StageName"}
        | {"Tags", "TracingEnabled", "Variables"}
    )
    required = frozenset({"DeploymentId", "RestApiId", "StageName"})
    replacing = frozenset({"RestApiId", "StageName"})

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        operations = self._operations(account, properties, {})
        account.client("apigateway").create_stage(
            tags=tags(properties),
            **camel(
                only(properties, "DeploymentId", "Description", "RestApiId", "StageName", "TracingEnabled")
            ),
            **({"variables": properties["Variables"]} if "Variables" in properties else {}),
        )
        return self._patch(account, properties, operations)

    def update(
        self, account: Account, created: Created, properties: Properties, previous: Properties
    ) -> Created:
        operations = self._operations(account, properties, previous)
        if properties["DeploymentId"] != previous["DeploymentId"]:
            operations.append(_replace("/deploymentId", properties["DeploymentId"]))
        if properties.get("Description") != previous.get("Description"):
            operations.append(_replace("/description", properties.get("Description", "")))
        if properties.get("TracingEnabled") != previous.get("TracingEnabled"):
            traced = str(properties.get("TracingEnabled", False)).lower()
            operations.append(_replace("/tracingEnabled", traced))
        if properties.get("Variables") != previous.get("Variables"):
            raise InvalidTemplate("The fake AWS cannot change a stage's variables")
        return self._patch(account, properties, operations)

    def _operations(
        self, account: Account, properties: Properties, previous: Properties
    ) -> list[dict[str, str]]:
        """The patch from the previous settings to these; refuses logs that API Gateway may not write."""
        operations: list[dict[str, str]] = []
        settings = properties.get("MethodSettings", [])
        logs = properties.get("AccessLogSetting")
        logging = logs or any(s.get("LoggingLevel", "OFF") != "OFF" for s in settings)
        if logging and not account.client("apigateway").get_account().get("cloudwatchRoleArn"):
            raise InvalidTemplate(
                "CloudWatch Logs role ARN must be set in account settings to enable logging"
            )
        before, now = ({_method_path(s) for s in p.get("MethodSettings", [])} for p in (previous, properties))
        operations += [{"op": "remove", "path": path} for path in sorted(before - now)]
        for setting in settings:
            keys = set(setting) - {"HttpMethod", "ResourcePath"}
            if unknown := sorted(keys - set(METHOD_SETTINGS)):
                raise InvalidTemplate(f"Encountered unsupported property {unknown} in MethodSettings")
            operations += [
                _replace(f"{_method_path(setting)}/{METHOD_SETTINGS[key]}", _text(setting[key]))
                for key in sorted(keys)
            ]
        if logs:
            operations.append(_replace("/accessLogSettings/destinationArn", logs["DestinationArn"]))
            operations.append(_replace("/accessLogSettings/format", logs["Format"]))
        elif "AccessLogSetting" in previous:
            operations.append({"op": "remove", "path": "/accessLogSettings"})
        return operations

    def _patch(self, account: Account, properties: Properties, operations: list[dict[str, str]]) -> Created:
        if operations:
            account.client("apigateway").update_stage(
                restApiId=properties["RestApiId"],
                stageName=properties["StageName"],
                patchOperations=operations,
            )
        return Created(properties["StageName"])

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("apigateway").delete_stage(
            restApiId=properties["RestApiId"], stageName=created.physical_id
        )


def _replace(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}


def _method_path(setting: Properties) -> str:
    """The path of a method's settings in a patch: the template writes it escaped already, as ``/~1here``."""
    path, method = setting.get("ResourcePath", "/*"), setting.get("HttpMethod", "*")
    if path in ("/*", "/"):
        return f"{path}/{method}"
    if not path.startswith("/~1") or "/" in path[1:]:
        raise InvalidTemplate(f"Invalid method setting path: {path}/{method}")
    return f"{path}/{method}"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


HANDLERS: tuple[Handler, ...] = (RestApi(), Deployment(), Stage())
