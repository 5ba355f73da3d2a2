"""How Secrets Manager writes its errors on the wire, where moto writes them otherwise."""

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.secretsmanager.exceptions import SecretsManagerClientError

BAD_REQUEST = 400


def install() -> None:
    """Give moto's errors AWS's status and body.

    Every refusal of the caller is HTTP 400, one for a missing secret too (recorded:
    secretsmanager/GetSecretValue/missing-secret-with-permission), and the text stands under ``Message`` with
    a capital (recorded: secretsmanager/RotateSecret/no-client-request-token-raw). That errors which the
    service model does not declare use the capital as well is assumed.
    """

    def start(self: Any, error_type: str, message: str, **kwargs: Any) -> None:
        JsonRESTError.__init__(self, error_type, message, **kwargs)
        # Here, and not on the class: moto's subclasses set 404 on the instance.
        self.code = BAD_REQUEST
        self.description = json.dumps({"__type": error_type, "Message": message})

    SecretsManagerClientError.__init__ = start  # type: ignore[method-assign,assignment]
