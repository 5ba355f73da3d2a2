"""The events of the rotation function: which step each runs, and how its failure is logged and counted."""

import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from travel_gpt.errors import Misconfigured, TravelGPTError
from travel_gpt.rotation.config import DELETE_KEY
from travel_gpt.telemetry import audit, count, describe, flush_metrics, logger

if TYPE_CHECKING:
    from travel_gpt.rotation.workflow import RotationWorkflow

# The workflow's method for each step; its audit event is named after it.
_METHODS: Final = {
    "createSecret": "create",
    "setSecret": "set",
    "testSecret": "test",
    "finishSecret": "finish",
    DELETE_KEY: "delete",
}

_SECRET: Final = re.compile(r"[A-Za-z0-9/_+=.@:-]{1,2048}")
_VERSION: Final = re.compile(r"[A-Za-z0-9-]{32,64}")


class RotationFailed(Exception):
    """A step failed. Lambda logs this, and Secrets Manager tries again because of it.

    Its text is written outside the log's redaction, so it names the step and a code, and nothing else.
    """


class RotationEvents:
    """Runs the events of Secrets Manager, and those of the schedule that deletes an old key.

    Args:
        workflow_of: returns the rotation of a secret, given its name or ARN.
        problems: what is wrong with the settings; where anything is, every step fails and names it.
    """

    def __init__(self, workflow_of: Callable[[str], "RotationWorkflow"], problems: tuple[str, ...]) -> None:
        self._workflow_of = workflow_of
        self._problems = problems

    def run(self, event: Mapping[str, Any]) -> str:
        """Run one step.

        Args:
            event: ``Step``, ``SecretId`` and ``ClientRequestToken``, which is the version's id.

        Returns:
            The outcome.

        Raises:
            RotationFailed: the step failed; the log says why.
        """
        began = time.perf_counter()
        named = event.get("Step")
        step = named if isinstance(named, str) and named in _METHODS else "unknown"
        token = event.get("ClientRequestToken")
        version = token if isinstance(token, str) and _VERSION.fullmatch(token) else ""
        try:
            outcome, failed = self._run_step(event, step, version), False
        except TravelGPTError as failure:
            outcome, failed = failure.code, True
            self._log(step, version, failure)
        except Exception:  # noqa: BLE001 - Lambda would print its text, which may quote anything
            outcome, failed = "internal_error", True
            logger.exception("A rotation step met a bug", extra={"step": step, "version": version})
        audit(
            f"rotation.{_METHODS.get(step, 'unknown')}",
            outcome=outcome,
            source="openai" if step == DELETE_KEY else "secrets-manager",
            version=version,
            began=began,
        )
        if failed:
            count("RotationFailure")
        flush_metrics()
        if failed:
            raise RotationFailed(f"{step} failed: {outcome}. The log says why.")
        return outcome

    def _run_step(self, event: Mapping[str, Any], step: str, version: str) -> str:
        if self._problems:
            raise Misconfigured("; ".join(self._problems))
        secret = event.get("SecretId")
        if (
            step not in _METHODS
            or not version
            or not isinstance(secret, str)
            or not _SECRET.fullmatch(secret)
        ):
            raise Misconfigured("the event is neither Secrets Manager's nor the schedule's")
        run: Callable[[str], str] = getattr(self._workflow_of(secret), _METHODS[step])
        return run(version)

    def _log(self, step: str, version: str, failure: TravelGPTError) -> None:
        logger.error(
            "A step of the rotation failed",
            extra={
                "step": step,
                "version": version,
                "code": failure.code,
                "detail": failure.detail,
                "exceptions": describe(failure),
            },
        )
