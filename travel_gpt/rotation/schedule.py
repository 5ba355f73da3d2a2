"""The deletion of an old key, some time after its successor took over: a one-time schedule."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from travel_gpt.aws.clients import WITHIN_A_ROTATION, make_client
from travel_gpt.aws.failures import AwsFailure, as_credential_errors
from travel_gpt.rotation.config import DELETE_KEY, RotationConfig
from travel_gpt.rotation.key_names import KeyNames

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient


class DeletionSchedule:
    """Makes the schedules. Each deletes itself when it has run.

    Args:
        config: names the group, the role and the function.
        client: the client for EventBridge Scheduler; made when it is needed where none is given.
    """

    def __init__(self, config: RotationConfig, client: "EventBridgeSchedulerClient | None" = None) -> None:
        self._config = config
        self._made = client

    def delete_later(self, arn: str, version: str, at: float) -> None:
        """Schedule the deletion of the key of a version. Repeated, it leaves the first schedule as it is.

        Args:
            arn: the secret's ARN.
            version: the version whose key to delete.
            at: when, in seconds since the epoch.

        Raises:
            CredentialError: the schedule cannot be made; see ``as_credential_errors``.
        """
        when = datetime.fromtimestamp(at, UTC)
        with as_credential_errors("EventBridge Scheduler", "schedule the old key's deletion"):
            try:
                self._client().create_schedule(
                    Name=KeyNames(arn).of(version),
                    GroupName=self._config.schedule_group,
                    Description="Deletes a replaced OpenAI key when no cache can hold it any more",
                    ScheduleExpression=f"at({when:%Y-%m-%dT%H:%M:%S})",
                    ScheduleExpressionTimezone="UTC",
                    FlexibleTimeWindow={"Mode": "OFF"},
                    ActionAfterCompletion="DELETE",
                    Target={
                        "Arn": self._config.function_arn,
                        "RoleArn": self._config.schedule_role,
                        "Input": json.dumps(
                            {"Step": DELETE_KEY, "SecretId": arn, "ClientRequestToken": version}
                        ),
                    },
                )
            except ClientError as refused:
                if AwsFailure.of(refused).code != "ConflictException":
                    raise

    def _client(self) -> "EventBridgeSchedulerClient":
        if self._made is None:
            self._made = make_client("scheduler", WITHIN_A_ROTATION)
        return self._made
