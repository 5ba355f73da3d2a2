"""What moto's Lambda forgets of a function's configuration, kept."""

from __future__ import annotations

from typing import Any

from moto.awslambda.models import LambdaFunction


def install() -> None:
    """Mend moto's class: the log group of a function's choice, and changes of its tracing and storage."""
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
        return {**show(self, *args, **kwargs), "LoggingConfig": {**default, **self.logging_config}}

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
