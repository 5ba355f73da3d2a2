"""The old keys: how they are named, which may be deleted, and the schedule for the deletion.

A key is named after the secret and the version that it is for. Nothing else is stored anywhere. A key whose
value was lost before it was kept is found by its name, and a key that somebody else made never bears such a
name.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from travel_gpt.aws.clients import WITHIN_A_ROTATION, make_client
from travel_gpt.aws.failures import AwsFailure, as_credential_errors
from travel_gpt.aws.secret_versions import CURRENT, PENDING, PREVIOUS, SecretMetadata
from travel_gpt.rotation.config import DELETE_KEY, RotationConfig
from travel_gpt.rotation.openai_keys import IssuedKey

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient


class KeyNames:
    """The names of one secret's keys.

    Args:
        arn: the secret's ARN. It ends in characters that AWS chose at random, so another secret of the same
            name has other keys.
    """

    def __init__(self, arn: str) -> None:
        self._prefix = f"travel-gpt-{hashlib.sha256(arn.encode()).hexdigest()[:8]}-"

    def of(self, version: str) -> str:
        """Return the name of the key of a version.

        Args:
            version: the version's id.

        Returns:
            The name, of at most 64 characters for a UUID: EventBridge Scheduler takes it too.
        """
        return self._prefix + version

    def version(self, name: str) -> str | None:
        """Return the version that a key was made for; None for a key that is not rotation's of this secret.

        Args:
            name: the key's name at OpenAI.
        """
        return name.removeprefix(self._prefix) if name.startswith(self._prefix) else None


def deletable(
    issued: Sequence[IssuedKey],
    described: SecretMetadata,
    *,
    promoted_at: float | None,
    now: float,
    overlap: int,
) -> Iterator[tuple[IssuedKey, str]]:
    """Find the keys of this secret that no version needs and no cache can hold.

    A version without a label may have been current shortly before the one that is, so nothing goes until the
    current one has been there for the overlap: a cache may hold an older key until then.

    Args:
        issued: the service account's keys.
        described: the secret.
        promoted_at: when the current version was made, in seconds since the epoch; None if that is unknown.
        now: the time.
        overlap: the seconds for which a cache may hold a replaced key.

    Yields:
        Each key that may go, with the version that it was made for. Never one that rotation did not make.
    """
    if promoted_at is None or now - promoted_at < overlap:
        return
    names = KeyNames(described.arn)
    for key in issued:
        version = names.version(key.name)
        if version is None:
            continue
        stages = described.stages.get(version, frozenset())
        if stages & {CURRENT, PENDING}:
            continue
        # Newer than the current one: it was rolled back, at a time that is not known.
        if PREVIOUS in stages and key.created_at > promoted_at:
            continue
        yield key, version


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
