"""What a KMS key of the customer's own changes: AWS's services ask KMS, and moto does not."""

import json
from typing import Any

from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.kms.exceptions import NotFoundException
from moto.kms.models import kms_backends
from moto.logs.exceptions import InvalidParameterException
from moto.logs.responses import LogsResponse
from moto.secretsmanager.responses import SecretsManagerResponse

from testbed import access

AWS_KEY = "alias/aws/secretsmanager"


def install() -> None:
    """Patch moto's classes: a key has to be allowed to the reader of a secret, and to a log group."""
    read, create_group = SecretsManagerResponse.get_secret_value, LogsResponse.create_log_group

    def get_secret_value(self: Any) -> Any:
        secret = self.backend.secrets.get(self._get_param("SecretId"))
        if secret is not None and secret.kms_key_id not in (None, AWS_KEY):
            _may_decrypt(self, secret)
        return read(self)

    def create_log_group(self: Any) -> Any:
        _may_be_used_by_logs(self)
        return create_group(self)

    def associate_kms_key(self: Any) -> str:
        _may_be_used_by_logs(self)
        self.logs_backend.groups[self._get_param("logGroupName")].kms_key_id = self._get_param("kmsKeyId")
        return "{}"

    def disassociate_kms_key(self: Any) -> str:
        self.logs_backend.groups[self._get_param("logGroupName")].kms_key_id = None
        return "{}"

    SecretsManagerResponse.get_secret_value = get_secret_value  # type: ignore[method-assign]
    LogsResponse.create_log_group = create_log_group  # type: ignore[method-assign]
    LogsResponse.associate_kms_key = associate_kms_key  # type: ignore[attr-defined]
    LogsResponse.disassociate_kms_key = disassociate_kms_key  # type: ignore[attr-defined]


def _key(request: Any, name: str) -> Any:
    return kms_backends[request.current_account][request.region].describe_key(name)


def _may_decrypt(request: Any, secret: Any) -> None:
    """Refuse to read a secret whose key is disabled, or is not for this caller."""
    key = _key(request, secret.kms_key_id)
    if not key.enabled:
        reason = "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
        raise access.refusal(request, "DecryptionFailure", reason)
    context = {
        "kms:ViaService": f"secretsmanager.{request.region}.amazonaws.com",
        "kms:EncryptionContext:SecretARN": secret.arn,
    }
    if access.is_held_to_policies(request) and not access.allows(request, "kms:Decrypt", key.arn, context):
        raise access.refusal(request, "AccessDeniedException", "Access to KMS is not allowed")


def _may_be_used_by_logs(request: Any) -> None:
    """Refuse a log group a key whose policy does not name CloudWatch Logs."""
    arn, group = request._get_param("kmsKeyId"), request._get_param("logGroupName")
    if arn is None:
        return
    try:
        statements = json.loads(_key(request, arn).policy)["Statement"]
    except (KeyError, NotFoundException):
        statements = []
    for_logs = [
        # Whom it is for is judged here: moto knows principals of an account alone.
        IAMPolicyStatement({part: value for part, value in each.items() if part != "Principal"})
        for each in statements
        if each["Principal"].get("Service") == f"logs.{request.region}.amazonaws.com"
    ]
    log_group = f"arn:aws:logs:{request.region}:{request.current_account}:log-group:{group}"
    context = {"kms:EncryptionContext:aws:logs:arn": log_group}
    for action in ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"):
        results = [each.is_action_permitted(action, arn, None, context) for each in for_logs]
        if PermissionResult.PERMITTED not in results:
            raise InvalidParameterException(
                f"The specified KMS key does not exist or is not allowed to be used with Arn '{log_group}'"
            )
