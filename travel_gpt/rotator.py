"""The rotation function's entry point: Secrets Manager calls it for each step, a schedule for the old key."""

import os
from typing import TYPE_CHECKING, Any, Final

from travel_gpt import telemetry
from travel_gpt.llm.deferred_types import defer_types
from travel_gpt.rotation.config import RotationConfig
from travel_gpt.rotation.events import RotationEvents
from travel_gpt.settings import Settings

if TYPE_CHECKING:
    from travel_gpt.rotation.workflow import RotationWorkflow

defer_types()
_settings: Final = Settings.load(os.environ)
telemetry.configure(_settings)
_config: Final = RotationConfig.load(os.environ, _settings)


def _workflow_of(secret: str) -> "RotationWorkflow":
    # Imported for an event: whatever fails then is logged and counted, as a failed import would not be.
    from travel_gpt.rotation.bootstrap import build_workflow

    return build_workflow(secret, _settings, _config)


_events: Final = RotationEvents(_workflow_of, _config.problems)


def lambda_handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001 - Lambda passes it
    """Run one step of a rotation, or delete a replaced key.

    Args:
        event: ``Step``, ``SecretId`` and ``ClientRequestToken``.
        context: Lambda's context.

    Raises:
        RotationFailed: the step failed; Secrets Manager keeps what is current, and tries again.
    """
    _events.run(event)
