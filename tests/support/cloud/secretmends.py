"""What moto's Secrets Manager lets through and AWS does not, where a deployment might lean on it."""

from __future__ import annotations

import re
from typing import Any

from moto.secretsmanager.exceptions import InvalidRequestException, ValidationException
from moto.secretsmanager.models import SecretsManagerBackend

NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
DELETED = "You can't perform this operation on the secret because it was marked for deletion."
NAME_TAKEN = "You can't create this secret because a secret with this name is already scheduled for deletion."


def install() -> None:
    """Mend moto's class: a secret that is scheduled for deletion is in the way, and takes no new value."""
    create, put = SecretsManagerBackend.create_secret, SecretsManagerBackend.put_secret_value

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

    SecretsManagerBackend.create_secret = create_secret  # type: ignore[method-assign]
    SecretsManagerBackend.put_secret_value = put_secret_value  # type: ignore[method-assign]
