"""Creates what a rotation step uses, and connects it."""

from functools import cache
from typing import Final

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.base_url import is_loopback, is_openai
from travel_gpt.credentials.secret import Credential
from travel_gpt.deadline import Deadline
from travel_gpt.llm.client import ModelClient
from travel_gpt.rotation.cleanup import DeletionSchedule
from travel_gpt.rotation.config import RotationConfig
from travel_gpt.rotation.openai_keys import OpenAIKeys, fetch_admin_key
from travel_gpt.rotation.workflow import RotationWorkflow
from travel_gpt.settings import Settings

LIST_WITHIN: Final = 10.0
"""Seconds for listing the models with a new key."""

ASK_WITHIN: Final = 20.0
"""Seconds for asking the model with a new key."""


def build_workflow(secret: str, settings: Settings, config: RotationConfig) -> RotationWorkflow:
    """Create the rotation of one secret.

    Args:
        secret: the secret's name or ARN.
        settings: the settings.
        config: the settings of the rotation.

    Returns:
        The rotation.
    """
    client = _client(settings)

    def serves_openai(credential: Credential) -> bool:
        # A new key must not be sent to a server that it is not for. On loopback there is a fake of OpenAI.
        base_url = credential.base_url or settings.base_url
        return is_openai(base_url) or is_loopback(base_url)

    def verify(credential: Credential) -> None:
        # Each needs a scope of its own, and the function that callers reach makes both calls.
        client.verify(credential, Deadline(LIST_WITHIN))
        client.verify_by_asking(credential, Deadline(ASK_WITHIN))

    return RotationWorkflow(
        SecretVersions(secret),
        OpenAIKeys(
            lambda: fetch_admin_key(SecretVersions(config.admin_secret)),
            base_url=admin_url(settings.base_url),
            project=config.project,
            service_account=config.service_account,
        ),
        DeletionSchedule(config),
        verify,
        config=config,
        is_openai=serves_openai,
    )


def admin_url(base_url: str) -> str:
    """Return the base URL of OpenAI's admin API.

    Args:
        base_url: the base URL of the model. OpenAI's regions have hosts of their own for models, but
            organizations are administered at one; on loopback there is a fake of both.
    """
    return base_url if is_loopback(base_url) else "https://api.openai.com/v1"


@cache
def _client(settings: Settings) -> ModelClient:
    return ModelClient(settings)
