"""The versions of a secret and their staging labels, where moto keeps them otherwise than Secrets Manager."""

import json
from typing import Any

from moto.secretsmanager import models
from moto.secretsmanager.exceptions import (
    InvalidRequestException,
    ResourceExistsException,
    ResourceNotFoundException,
    SecretNotFoundException,
)
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend
from moto.secretsmanager.responses import SecretsManagerResponse

# Recorded: secretsmanager/GetSecretValue/scheduled-for-deletion.
DELETED = "You can't perform this operation on the secret because it was marked for deletion."
NO_SUCH_LABEL = "Secrets Manager can't find the specified secret value for staging label"
DAY = 86_400


def install() -> None:
    """Put these rules in the place of moto's."""
    _read()
    _write()
    _label()
    _describe()


def now() -> int:
    """The time that moto goes by: some tests set its clock."""
    return int(models.time.time())  # type: ignore[attr-defined]


def begin(version: str) -> dict[str, Any]:
    """A version as a rotation begins it: pending, and without a value until the function puts one."""
    return {"createdate": now(), "version_id": version, "version_stages": ["AWSPENDING"], "rotation": True}


def _read() -> None:
    """Answer for the label that was asked for, and note the day of the last read.

    Recorded: secretsmanager/GetSecretValue, the cases stage-AWSPENDING-absent,
    no-version-with-stage-AWSPREVIOUS and scheduled-for-deletion. The day: API reference of DescribeSecret,
    LastAccessedDate ("truncated to the date").
    """
    read = SecretsManagerBackend.get_secret_value

    def get_secret_value(self: Any, secret_id: str, version_id: str, version_stage: str) -> dict[str, Any]:
        secret = self.secrets.get(secret_id)
        if secret is not None and secret.is_deleted():
            raise InvalidRequestException(DELETED)
        if secret is not None and version_stage and not version_id:
            labels = [label for each in secret.versions.values() for label in each["version_stages"]]
            if version_stage not in labels:
                raise ResourceNotFoundException(f"{NO_SUCH_LABEL}: {version_stage}")
        answer: dict[str, Any] = read(self, secret_id, version_id, version_stage)
        # Read now, from the secret that was found by its name or its ARN.
        today = now() // DAY * DAY
        secret.accessed = secret.versions[answer["VersionId"]]["accessed"] = today
        return answer

    SecretsManagerBackend.get_secret_value = get_secret_value  # type: ignore[method-assign]


def _write() -> None:
    """Refuse another value for a version that has one.

    API reference of PutSecretValue, ClientRequestToken: with a version of this id and other contents, "the
    request fails because you can't modify an existing version".
    """
    put = SecretsManagerBackend.put_secret_value

    def put_secret_value(
        self: Any,
        secret_id: str,
        secret_string: str,
        secret_binary: str,
        client_request_token: str,
        version_stages: list[str],
    ) -> str:
        secret = self.secrets.get(secret_id)
        if secret is not None and secret.is_deleted():
            raise InvalidRequestException(DELETED)
        there = secret.versions.get(client_request_token, {}) if secret is not None else {}
        kept = (there.get("secret_string"), there.get("secret_binary"))
        if kept != (None, None) and kept != (secret_string, secret_binary):
            raise ResourceExistsException(
                f"You can't use ClientRequestToken {client_request_token} because that value is already in "
                f"use for a version of secret {secret.arn}."
            )
        answer: str = put(self, secret_id, secret_string, secret_binary, client_request_token, version_stages)
        if there:
            secret.versions[client_request_token].update(
                {key: value for key, value in there.items() if key in ("createdate", "rotation")}
            )
        return answer

    SecretsManagerBackend.put_secret_value = put_secret_value  # type: ignore[method-assign]


def _label() -> None:
    """Move AWSCURRENT, and leave the other labels where they are.

    After a promotion AWSPENDING stays on the version that became current (recorded:
    secretsmanager/ListSecretVersionIds/AWSCURRENT-and-AWSPENDING-same-version).
    """
    move = SecretsManagerBackend.update_secret_version_stage

    def reset_default_version(self: Any, secret_version: dict[str, Any], version_id: str) -> None:
        # A value that is put as AWSCURRENT moves only the labels that it is put with, and AWSPREVIOUS.
        for each in self.versions.values():
            each["version_stages"] = [s for s in each["version_stages"] if s != "AWSPREVIOUS"]
        for each in self.versions.values():
            if "AWSCURRENT" in each["version_stages"]:
                each["version_stages"].append("AWSPREVIOUS")
            each["version_stages"] = [
                s for s in each["version_stages"] if s not in secret_version["version_stages"]
            ]
        self.versions[version_id] = secret_version
        self.default_version_id = version_id

    def update_secret_version_stage(
        self: Any, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
    ) -> tuple[str, str]:
        secret = self.secrets.get(secret_id)
        if secret is not None and secret.is_deleted():
            raise InvalidRequestException(DELETED)
        moved = move(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
        if version_stage == "AWSCURRENT" and move_to_version_id:
            # What is read by default is current.
            secret.default_version_id = move_to_version_id
            if secret.versions[move_to_version_id].get("rotation"):
                # AWS notes it when the function's last step has answered; assumed: here it is that step.
                secret.last_rotation_date = now()
        return moved

    FakeSecret.reset_default_version = reset_default_version  # type: ignore[method-assign]
    SecretsManagerBackend.update_secret_version_stage = update_secret_version_stage  # type: ignore[method-assign]


def _describe() -> None:
    """Show labelled versions alone, with their own dates and keys.

    Recorded: secretsmanager/DescribeSecret/after-rotation-AWSPREVIOUS (a version that lost its last label is
    gone) and secretsmanager/ListSecretVersionIds/AWSPENDING.
    """
    describe = FakeSecret.to_dict

    def to_dict(self: Any) -> dict[str, Any]:
        shown = {**describe(self), "LastAccessedDate": getattr(self, "accessed", None)}
        for key in ("VersionIdsToStages", "SecretVersionsToStages"):
            if key in shown:
                shown[key] = {version: stages for version, stages in shown[key].items() if stages}
        return shown

    def list_secret_version_ids(self: Any) -> str:
        secret = self.backend.secrets.get(self._get_param("SecretId"))
        if secret is None:
            raise SecretNotFoundException
        key = secret.kms_key_id if secret.kms_key_id not in (None, "alias/aws/secretsmanager") else None
        versions = [
            {
                "CreatedDate": each["createdate"],
                "KmsKeyIds": [key or "DefaultEncryptionKey"],
                "VersionId": version,
                "VersionStages": each["version_stages"],
                **({"LastAccessedDate": each["accessed"]} if "accessed" in each else {}),
            }
            for version, each in secret.versions.items()
            if each["version_stages"] or self._get_param("IncludeDeprecated")
        ]
        return json.dumps({"ARN": secret.arn, "Name": secret.name, "Versions": versions})

    FakeSecret.to_dict = to_dict  # type: ignore[method-assign]
    SecretsManagerResponse.list_secret_version_ids = list_secret_version_ids  # type: ignore[method-assign]
