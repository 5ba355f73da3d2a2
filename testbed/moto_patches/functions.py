"""What moto's Lambda forgets of a function's configuration, kept; and the account's limit of concurrency.

GetAccountSettings: its shape is that of the Lambda API reference. What may be reserved: see
``testbed.reservation``.
"""

import json
from typing import Any

from moto.awslambda import urls
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.ec2.models import ec2_backends

from testbed import reservation


class Concurrency:
    """How many requests the account's functions run at the same time."""

    limit = 1000


def install() -> None:
    """Patch moto's classes."""
    _keep_configuration()
    _limit_concurrency()


def _limit_concurrency() -> None:
    reserve = LambdaBackend.put_function_concurrency

    def reserved(backend: LambdaBackend, *, without: str = "") -> int:
        functions = (each for each in backend.list_functions() if each.function_name != without)
        return sum(int(each.reserved_concurrency or 0) for each in functions)

    def get_account_settings(self: LambdaResponse) -> str:
        return json.dumps(
            {
                "AccountLimit": {
                    "TotalCodeSize": 80530636800,
                    "CodeSizeUnzipped": 262144000,
                    "CodeSizeZipped": 52428800,
                    "ConcurrentExecutions": Concurrency.limit,
                    "UnreservedConcurrentExecutions": Concurrency.limit - reserved(self.backend),
                },
                "AccountUsage": {
                    "TotalCodeSize": 0,
                    "FunctionCount": len(list(self.backend.list_functions())),
                },
            }
        )

    def put_function_concurrency(self: LambdaBackend, function_name: str, reserved_concurrency: str) -> str:
        elsewhere = reserved(self, without=function_name)
        if said := reservation.refusal(
            int(reserved_concurrency), limit=Concurrency.limit, reserved_elsewhere=elsewhere
        ):
            raise InvalidParameterValueException(said)
        return reserve(self, function_name, reserved_concurrency)

    LambdaResponse.get_account_settings = get_account_settings  # type: ignore[attr-defined]
    LambdaBackend.put_function_concurrency = put_function_concurrency  # type: ignore[method-assign]
    urls.url_paths[r"{0}/(?P<api_version>[^/]+)/account-settings/?$"] = LambdaResponse.dispatch


def _keep_configuration() -> None:
    """The log group of a function's choice, changes of its tracing and storage, and the id of its VPC."""
    make, show, change = (
        LambdaFunction.__init__,
        LambdaFunction.get_configuration,
        LambdaFunction.update_configuration,
    )

    def start(self: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        make(self, account_id, spec, *args, **kwargs)
        self.logging_config = spec.get("LoggingConfig", {})

    def get_configuration(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        default = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}"}
        shown = {**show(self, *args, **kwargs), "LoggingConfig": {**default, **self.logging_config}}
        if subnets := (shown.get("VpcConfig") or {}).get("SubnetIds"):
            # moto names a VPC that is not there. Lambda API reference, VpcConfigResponse: the VPC's id.
            (subnet, *_) = ec2_backends[self.account_id][self.region].describe_subnets(subnet_ids=subnets)
            shown["VpcConfig"] = {**shown["VpcConfig"], "VpcId": subnet.vpc_id}
        return shown

    def update_configuration(self: Any, config_updates: dict[str, Any]) -> dict[str, Any]:
        self.logging_config = config_updates.get("LoggingConfig", self.logging_config)
        self.tracing_config = config_updates.get("TracingConfig", self.tracing_config)
        self.ephemeral_storage = config_updates.get("EphemeralStorage", {"Size": self.ephemeral_storage})[
            "Size"
        ]
        return change(self, config_updates)

    LambdaFunction.__init__ = start  # type: ignore[method-assign]
    LambdaFunction.get_configuration = get_configuration  # type: ignore[method-assign]
    LambdaFunction.update_configuration = update_configuration  # type: ignore[method-assign]
