"""What moto's Secrets Manager lets through and AWS does not, where a deployment might lean on it."""

import json
import re
import uuid
from typing import Any

from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    SecretNotFoundException,
    SecretsManagerClientError,
    ValidationException,
)
from moto.secretsmanager.models import SecretsManagerBackend
from moto.secretsmanager.responses import SecretsManagerResponse

from testbed import secret_errors, secret_versions
from testbed.secret_versions import DAY, DELETED

# Recorded: secretsmanager/CreateSecret/invalid-name.
NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
INVALID_NAME = (
    "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
)
# Recorded: secretsmanager/CreateSecret/name-scheduled-for-deletion.
NAME_TAKEN = "You can't create this secret because a secret with this name is already scheduled for deletion."
# Recorded: secretsmanager/RotateSecret, the cases of these names.
NO_LAMBDA_ARN = "No Lambda rotation function ARN is associated with this secret."
LAMBDA_NOT_INVOKABLE = (
    "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
    "access to the principal secretsmanager.amazonaws.com."
)
PREVIOUS_ROTATION_NOT_COMPLETE = "A previous rotation isn't complete. That rotation will be reattempted."
NO_CLIENT_REQUEST_TOKEN = "You must provide a ClientRequestToken value. We recommend a UUID-type value."


class LambdaNotInvokable(SecretsManagerClientError):
    """Secrets Manager may not call the function that is to rotate a secret."""

    def __init__(self) -> None:
        super().__init__("AccessDeniedException", LAMBDA_NOT_INVOKABLE)


def install() -> None:
    """Patch moto's class: a secret that is scheduled for deletion is in the way, and takes no new value.

    Rotation is begun and no more: the test calls the function for each step. A second
    call changes nothing.
    """
    if SecretsManagerBackend.rotate_secret is _rotate_secret:
        return
    secret_errors.install()
    secret_versions.install()
    create = SecretsManagerBackend.create_secret

    def create_secret(self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        if not NAME.fullmatch(name):
            raise ValidationException(INVALID_NAME)
        if (there := self.secrets.get(name)) and there.is_deleted():
            raise InvalidRequestException(NAME_TAKEN)
        return create(self, name, *args, **kwargs)

    SecretsManagerBackend.create_secret = create_secret  # type: ignore[method-assign]
    SecretsManagerBackend.rotate_secret = _rotate_secret  # type: ignore[method-assign]
    _ask_for_tokens()


def _ask_for_tokens() -> None:
    """Refuse what has no ClientRequestToken, which SDKs make and a raw request has to bring.

    Recorded: the cases no-client-request-token-raw of RotateSecret and UpdateSecret; the two differ in code.
    """
    rotate, update = SecretsManagerResponse.rotate_secret, SecretsManagerResponse.update_secret

    def rotate_secret(self: Any) -> Any:
        if not self._get_param("ClientRequestToken"):
            raise InvalidParameterException(NO_CLIENT_REQUEST_TOKEN)
        return rotate(self)

    def update_secret(self: Any) -> Any:
        if not self._get_param("ClientRequestToken"):
            raise InvalidRequestException(NO_CLIENT_REQUEST_TOKEN)
        return update(self)

    SecretsManagerResponse.rotate_secret = rotate_secret  # type: ignore[method-assign]
    SecretsManagerResponse.update_secret = update_secret  # type: ignore[method-assign]


def _rotate_secret(
    self: Any,
    secret_id: str,
    client_request_token: str | None = None,
    rotation_lambda_arn: str | None = None,
    rotation_rules: dict[str, Any] | None = None,
    rotate_immediately: bool = True,
) -> str:
    """Turn rotation on; and label an empty version AWSPENDING, unless that is to wait until it is due.

    While AWSPENDING is on a version other than the current one, it is refused (recorded:
    secretsmanager/RotateSecret/previous-rotation-not-complete; API reference of RotateSecret: "any later
    invocation of RotateSecret assumes that a previous rotation request is still in progress and returns an
    error").
    """
    secret = self.secrets.get(secret_id)
    if secret is None:
        raise SecretNotFoundException
    if secret.is_deleted():
        raise InvalidRequestException(DELETED)
    function = rotation_lambda_arn or secret.rotation_lambda_arn
    if not function:
        raise InvalidRequestException(NO_LAMBDA_ARN)
    if not _may_call(self, function):
        raise LambdaNotInvokable
    labels = [set(each["version_stages"]) for each in secret.versions.values()]
    if any("AWSPENDING" in each and "AWSCURRENT" not in each for each in labels):
        raise InvalidRequestException(PREVIOUS_ROTATION_NOT_COMPLETE)
    secret.rotation_lambda_arn = function
    days = (rotation_rules or {}).get("AutomaticallyAfterDays", secret.auto_rotate_after_days)
    secret.rotation_requested = secret.rotation_enabled = True
    secret.auto_rotate_after_days = days
    secret.next_rotation_date = secret_versions.now() + days * DAY
    version = client_request_token or str(uuid.uuid4())
    if rotate_immediately:
        secret.remove_version_stages_from_old_versions(["AWSPENDING"])
        # It holds nothing until the function puts a value.
        secret.versions[version] = secret_versions.begin(version)
    return json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": version})


def _may_call(backend: Any, arn: str) -> bool:
    """Whether a function is there and its policy names Secrets Manager.

    Where it is missing the answer is the same (recorded: secretsmanager/RotateSecret/lambda-not-invokable).
    """
    # Here, since most tests rotate nothing and moto's Lambda takes long to import.
    from moto.awslambda.exceptions import UnknownFunctionException
    from moto.awslambda.models import lambda_backends

    try:
        policy = lambda_backends[backend.account_id][backend.region_name].get_function(arn).policy
    except UnknownFunctionException:
        return False
    principals = [each["Principal"] for each in policy.statements]
    return "secretsmanager.amazonaws.com" in [
        each.get("Service") if isinstance(each, dict) else each for each in principals
    ]
