"""The deletion of an old key, some time after its successor took over: a one-time schedule."""

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from travel_gpt.errors import AccessDenied, CredentialsUnavailable
from travel_gpt.rotation.config import RotationConfig
from travel_gpt.rotation.key_names import KeyNames

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

DELETE_KEY: Final = "deleteKey"
"""The step that such a schedule asks for; the others are Secrets Manager's."""

_CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"total_max_attempts": 3, "mode": "standard"},
)


class DeletionSchedule:
    """Makes the schedules. Each deletes itself when it has run.

    Args:
        plan: names the group, the role and the function.
        client: the client for EventBridge Scheduler; made when it is needed where none is given.
    """

    def __init__(self, plan: RotationConfig, client: "EventBridgeSchedulerClient | None" = None) -> None:
        self._plan = plan
        self._made = client

    def schedule(self, arn: str, version: str, at: float) -> None:
        """Have the key of a version deleted later. Repeated, it leaves the first schedule as it is.

        Args:
            arn: the secret's ARN.
            version: the version whose key is to go.
            at: when, in seconds since the epoch.

        Raises:
            AccessDenied: the role may not make the schedule.
            CredentialsUnavailable: EventBridge Scheduler does not take it now.
        """
        when = datetime.fromtimestamp(at, UTC)
        try:
            self._client().create_schedule(
                Name=KeyNames(arn).of(version),
                GroupName=self._plan.schedule_group,
                Description="Deletes a replaced OpenAI key when no cache can hold it any more",
                ScheduleExpression=f"at({when:%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self._plan.function_arn,
                    "RoleArn": self._plan.schedule_role,
                    "Input": json.dumps({"Step": DELETE_KEY, "SecretId": arn, "ClientRequestToken": version}),
                },
            )
        except ClientError as refused:
            error = refused.response.get("Error", {})
            if error.get("Code") == "ConflictException":
                return
            said = f"({error.get('Code', '')}): {error.get('Message', '')}"
            if "AccessDenied" in error.get("Code", ""):
                raise AccessDenied(f"the role may not schedule the old key's deletion {said}") from refused
            raise CredentialsUnavailable(f"EventBridge Scheduler refused the call {said}") from refused
        except BotoCoreError as away:
            raise CredentialsUnavailable("EventBridge Scheduler cannot be reached") from away

    def _client(self) -> "EventBridgeSchedulerClient":
        if self._made is None:
            self._made = boto3.client("scheduler", region_name=os.environ.get("AWS_REGION"), config=_CONFIG)
        return self._made
