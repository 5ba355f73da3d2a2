"""What the rotation Lambda is asked for, from event to step: and how its failures are told."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from travel_gpt.errors import Misconfigured, TravelGPTError
from travel_gpt.rotation.schedule import DELETE_KEY
from travel_gpt.rotation.workflow import RotationWorkflow
from travel_gpt.telemetry import audit, count, describe, flush_metrics, logger

_STEPS: Final[Mapping[str, tuple[str, Callable[[RotationWorkflow, str], str]]]] = {
    "createSecret": ("rotation.create", RotationWorkflow.create),
    "setSecret": ("rotation.set", RotationWorkflow.set),
    "testSecret": ("rotation.test", RotationWorkflow.test),
    "finishSecret": ("rotation.finish", RotationWorkflow.finish),
    DELETE_KEY: ("rotation.delete", RotationWorkflow.delete),
}

_SECRET: Final = re.compile(r"[A-Za-z0-9/_+=.@:-]{1,2048}")
_VERSION: Final = re.compile(r"[A-Za-z0-9-]{32,64}")


class RotationFailed(Exception):
    """A step failed: what Lambda shows of it, and Secrets Manager takes for the reason to try again.

    Its text is written outside the log's redaction, so it names the step and a code, and nothing else.
    """


class RotationEvents:
    """Takes the events of Secrets Manager, and those of the schedule that deletes an old key.

    Args:
        rotation_of: makes the rotation of a secret, given its name or ARN.
        problems: what is wrong with the settings; where something is, every step fails and names it.
    """

    def __init__(self, rotation_of: Callable[[str], RotationWorkflow], problems: tuple[str, ...]) -> None:
        self._rotation_of = rotation_of
        self._problems = problems

    def run(self, event: Mapping[str, Any]) -> str:
        """Do one step.

        Args:
            event: ``Step``, ``SecretId`` and ``ClientRequestToken``, which is the version's id.

        Returns:
            The outcome.

        Raises:
            RotationFailed: the step failed; the log says why.
        """
        began = time.perf_counter()
        named = event.get("Step")
        step = named if isinstance(named, str) and named in _STEPS else "unknown"
        token = event.get("ClientRequestToken")
        version = token if isinstance(token, str) and _VERSION.fullmatch(token) else ""
        try:
            outcome, failed = self._do(event, step, version), False
        except TravelGPTError as failure:
            outcome, failed = failure.code, True
            self._tell(step, version, failure)
        except Exception:  # noqa: BLE001 - Lambda would print its text, which may quote anything
            outcome, failed = "internal_error", True
            logger.exception("A mistake of ours", extra={"step": step, "version": version})
        audit(
            _STEPS[step][0] if step in _STEPS else "rotation.unknown",
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

    def _do(self, event: Mapping[str, Any], step: str, version: str) -> str:
        if self._problems:
            raise Misconfigured("; ".join(self._problems))
        secret = event.get("SecretId")
        if step not in _STEPS or not version or not isinstance(secret, str) or not _SECRET.fullmatch(secret):
            raise Misconfigured("the event is none of Secrets Manager's, nor of the schedule's")
        return _STEPS[step][1](self._rotation_of(secret), version)

    def _tell(self, step: str, version: str, failure: TravelGPTError) -> None:
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
