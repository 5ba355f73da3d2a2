"""The rotation Lambda's front door: Secrets Manager calls it for each step, a schedule for the old key."""

# ruff: noqa: E402 - what imports the SDK comes after defer_types()

import os
from typing import Any, Final

from travel_gpt.llm.deferred_types import defer_types

defer_types()

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.base_url import is_loopback, is_openai
from travel_gpt.credentials.credential import Credential
from travel_gpt.deadline import Deadline
from travel_gpt.llm.client import ModelClient
from travel_gpt.rotation.admin_key import fetch_admin_key
from travel_gpt.rotation.config import RotationConfig
from travel_gpt.rotation.events import RotationEvents
from travel_gpt.rotation.openai_keys import OpenAIKeys
from travel_gpt.rotation.schedule import DeletionSchedule
from travel_gpt.rotation.workflow import RotationWorkflow
from travel_gpt.settings import Settings

LIST_WITHIN: Final = 10.0
"""Seconds for listing the models with a new key."""

ASK_WITHIN: Final = 20.0
"""Seconds for asking the model with a new key."""

_settings: Final = Settings.load(os.environ)
_plan: Final = RotationConfig.load(os.environ, _settings)
_upstream: Final = ModelClient(_settings)


def _is_openai(credential: Credential) -> bool:
    # A new key must not be sent to a server that it is not for. On loopback OpenAI is played.
    base_url = credential.base_url or _settings.base_url
    return is_openai(base_url) or is_loopback(base_url)


def _admin_url() -> str:
    # OpenAI's regions have hosts of their own for models; organizations are administered at one.
    return _settings.base_url if is_loopback(_settings.base_url) else "https://api.openai.com/v1"


def _prove(credential: Credential) -> None:
    # Each needs a scope of its own, and the function that callers reach makes both calls.
    _upstream.verify(credential, Deadline(LIST_WITHIN))
    _upstream.verify_by_asking(credential, Deadline(ASK_WITHIN))


def _rotation_of(secret: str) -> RotationWorkflow:
    admin_secret = SecretVersions(_plan.admin_secret)
    return RotationWorkflow(
        SecretVersions(secret),
        OpenAIKeys(
            lambda: fetch_admin_key(admin_secret),
            base_url=_admin_url(),
            project=_plan.project,
            service_account=_plan.service_account,
        ),
        DeletionSchedule(_plan),
        _prove,
        plan=_plan,
        is_openai=_is_openai,
    )


_steps: Final = RotationEvents(_rotation_of, _plan.problems)


def lambda_handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001 - Lambda passes it
    """Do one step of a rotation, or delete a replaced key.

    Args:
        event: ``Step``, ``SecretId`` and ``ClientRequestToken``.
        context: Lambda's context.

    Raises:
        RotationFailed: the step failed; Secrets Manager keeps what is current, and tries again.
    """
    _steps.run(event)
