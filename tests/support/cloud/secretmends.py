"""What moto's Secrets Manager lets through and AWS does not, where a deployment might lean on it."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any

from moto.secretsmanager.exceptions import InvalidRequestException, ValidationException
from moto.secretsmanager.models import SecretsManagerBackend

NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
DELETED = "You can't perform this operation on the secret because it was marked for deletion."
NAME_TAKEN = "You can't create this secret because a secret with this name is already scheduled for deletion."


NO_FUNCTION = (
    "You tried to enable rotation on a secret that doesn't already have a Lambda function ARN configured."
)
DAY = 86_400


def install() -> None:
    """Mend moto's class: a secret that is scheduled for deletion is in the way, and takes no new value.

    Rotation is begun and no more: whoever plays Secrets Manager calls the function for each step.
    """
    create, put = SecretsManagerBackend.create_secret, SecretsManagerBackend.put_secret_value
    move = SecretsManagerBackend.update_secret_version_stage

    def create_secret(self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        if not NAME.fullmatch(name):
            raise ValidationException("Invalid name. Must be a valid name containing alphanumeric characters")
        if (there := self.secrets.get(name)) and there.is_deleted():
            raise InvalidRequestException(NAME_TAKEN)
        return create(self, name, *args, **kwargs)

    def put_secret_value(self: Any, secret_id: str, *args: Any, **kwargs: Any) -> Any:
        if (there := self.secrets.get(secret_id)) and there.is_deleted():
            raise InvalidRequestException(DELETED)
        return put(self, secret_id, *args, **kwargs)

    def update_secret_version_stage(
        self: Any, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
    ) -> tuple[str, str]:
        moved = move(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
        if version_stage == "AWSCURRENT" and move_to_version_id:
            # What is read by default is current.
            self.secrets[secret_id].default_version_id = move_to_version_id
        return moved

    SecretsManagerBackend.update_secret_version_stage = update_secret_version_stage  # type: ignore[method-assign]
    SecretsManagerBackend.rotate_secret = _rotate_secret  # type: ignore[method-assign]
    SecretsManagerBackend.create_secret = create_secret  # type: ignore[method-assign]
    SecretsManagerBackend.put_secret_value = put_secret_value  # type: ignore[method-assign]


def _rotate_secret(
    self: Any,
    secret_id: str,
    client_request_token: str | None = None,
    rotation_lambda_arn: str | None = None,
    rotation_rules: dict[str, Any] | None = None,
    rotate_immediately: bool = True,
) -> str:
    """Turn rotation on; and label an empty version AWSPENDING, unless that is to wait until it is due."""
    secret = self.describe_secret(secret_id)
    if secret.is_deleted():
        raise InvalidRequestException(DELETED)
    secret.rotation_lambda_arn = rotation_lambda_arn or secret.rotation_lambda_arn
    if not secret.rotation_lambda_arn:
        raise InvalidRequestException(NO_FUNCTION)
    days = (rotation_rules or {}).get("AutomaticallyAfterDays", secret.auto_rotate_after_days)
    secret.rotation_requested = secret.rotation_enabled = True
    secret.auto_rotate_after_days = days
    secret.next_rotation_date = int(time.time()) + days * DAY
    version = client_request_token or str(uuid.uuid4())
    if rotate_immediately:
        secret.remove_version_stages_from_old_versions(["AWSPENDING"])
        # It holds nothing until the function puts a value.
        begun = {"createdate": int(time.time()), "version_id": version, "version_stages": ["AWSPENDING"]}
        secret.versions[version] = begun
    return json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": version})
