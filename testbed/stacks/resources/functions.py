"""Lambda functions and who may invoke them."""

import json
import re
from typing import Any

from testbed.stacks.document import InvalidTemplate
from testbed.stacks.resources.base import Account, Created, Handler, Properties, only, tags
from testbed.stacks.resources.network import check_network, settle_network

CONFIGURATION = frozenset(
    {"Description", "Environment", "Handler", "MemorySize", "Role", "Runtime", "Timeout", "LoggingConfig"}
    | {"TracingConfig", "EphemeralStorage", "SnapStart", "Layers", "VpcConfig"}
)
# Variables Lambda sets itself, and refuses from anybody else. The name of a wrapper is the owner's to set:
# Lambda developer guide, "Modifying the runtime environment", Wrapper scripts.
RESERVED_VARIABLES = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|LAMBDA_.*|AWS_(?!ENDPOINT_URL|.*_ENDPOINT|LAMBDA_EXEC_WRAPPER$).*"
)
ENVIRONMENT_LIMIT = 4096


class Function(Handler):
    type = "AWS::Lambda::Function"
    properties = CONFIGURATION | {
        "Architectures",
        "Code",
        "FunctionName",
        "ReservedConcurrentExecutions",
        "Tags",
        "PackageType",
    }
    required = frozenset({"Code", "Role"})
    replacing = frozenset({"FunctionName"})
    named_by = "FunctionName"

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        self._check(account, properties)
        account.client("lambda").create_function(
            FunctionName=name,
            Code=properties["Code"],
            Tags=tags(properties),
            **only(properties, "Architectures", "PackageType"),
            **only(properties, *CONFIGURATION),
        )
        settle_network(account, name, _role(properties), properties.get("VpcConfig"), None)
        return self._reserve(account, name, properties, {})

    def update(
        self, account: Account, created: Created, properties: Properties, previous: Properties
    ) -> Created:
        self._check(account, properties)
        functions, name = account.client("lambda"), created.physical_id
        code = {"Code": properties["Code"], **only(properties, "Architectures")}
        if code != {"Code": previous["Code"], **only(previous, "Architectures")}:
            functions.update_function_code(
                FunctionName=name, **properties["Code"], **only(properties, "Architectures")
            )
        cleared: Properties = {"Environment": {"Variables": {}}} if "Environment" in previous else {}
        if "VpcConfig" in previous:
            cleared["VpcConfig"] = {"SubnetIds": [], "SecurityGroupIds": []}
        functions.update_function_configuration(
            FunctionName=name, **{**cleared, **only(properties, *CONFIGURATION)}
        )
        networks = properties.get("VpcConfig"), previous.get("VpcConfig")
        settle_network(account, name, _role(properties), *networks)
        return self._reserve(account, name, properties, previous)

    def _check(self, account: Account, properties: Properties) -> None:
        """What Lambda refuses and moto takes."""
        variables = properties.get("Environment", {}).get("Variables", {})
        if reserved := sorted(filter(RESERVED_VARIABLES.fullmatch, variables)):
            raise InvalidTemplate(f"The environment variables {reserved} are reserved by Lambda")
        if len(json.dumps(variables, separators=(",", ":"))) > ENVIRONMENT_LIMIT:
            raise InvalidTemplate("Lambda was unable to configure your environment variables: over 4KB")
        if not 1 <= int(properties.get("Timeout", 3)) <= 900:
            raise InvalidTemplate("Timeout must be 1 to 900 seconds")
        if not 128 <= int(properties.get("MemorySize", 128)) <= 10240:
            raise InvalidTemplate("MemorySize must be 128 to 10240 MB")
        role = account.client("iam").get_role(RoleName=_role(properties))["Role"]
        if not trusts(role["AssumeRolePolicyDocument"], "lambda.amazonaws.com"):
            raise InvalidTemplate("The role defined for the function cannot be assumed by Lambda.")
        if "VpcConfig" in properties:
            check_network(account, properties["VpcConfig"], role["RoleName"])

    def _reserve(self, account: Account, name: str, properties: Properties, previous: Properties) -> Created:
        functions = account.client("lambda")
        if "ReservedConcurrentExecutions" in properties:
            functions.put_function_concurrency(
                FunctionName=name, **only(properties, "ReservedConcurrentExecutions")
            )
        elif "ReservedConcurrentExecutions" in previous:
            functions.delete_function_concurrency(FunctionName=name)
        return Created(name, {"Arn": account.arn("lambda", f"function:{name}")})

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("lambda").delete_function(FunctionName=created.physical_id)
        settle_network(account, created.physical_id, _role(properties), None, properties.get("VpcConfig"))


def _role(properties: Properties) -> str:
    return str(properties["Role"].rsplit("/", 1)[-1])


def trusts(document: Any, service: str) -> bool:
    """Whether a role's trust policy lets a service assume it."""
    document = json.loads(document) if isinstance(document, str) else document
    for statement in document["Statement"]:
        actions = statement["Action"]
        services = statement["Principal"].get("Service", [])
        if (
            statement["Effect"] == "Allow"
            and "sts:AssumeRole" in ([actions] if isinstance(actions, str) else actions)
            and service in ([services] if isinstance(services, str) else services)
        ):
            return True
    return False


class Permission(Handler):
    type = "AWS::Lambda::Permission"
    properties = frozenset({"Action", "FunctionName", "Principal", "SourceAccount", "SourceArn"})
    required = frozenset({"Action", "FunctionName", "Principal"})
    replacing = properties

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        account.client("lambda").add_permission(StatementId=name, **properties)
        return Created(name)

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("lambda").remove_permission(
            FunctionName=properties["FunctionName"], StatementId=created.physical_id
        )


HANDLERS: tuple[Handler, ...] = (Function(), Permission())
