"""The versions of one secret in Secrets Manager: staged, promoted, rolled back.

The rotation function and the command both use this. Every step can be repeated: one that was killed, or
whose answer was lost, is simply done again.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from travel_gpt.aws.clients import make_client
from travel_gpt.aws.failures import AwsFailure, Kind, as_credential_errors
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretDeleted,
    SecretNotFound,
)

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
PREVIOUS: Final = "AWSPREVIOUS"


@dataclass(frozen=True, slots=True)
class SecretMetadata:
    """A secret as Secrets Manager describes it: nothing of its value."""

    arn: str
    name: str
    stages: Mapping[str, frozenset[str]]
    """The staging labels of each version that has one, by the version's id."""
    created_at: float | None
    """When the secret was made, in seconds since the epoch; as for the other times, None where unsaid."""
    changed_at: float | None
    """When it was last written or relabelled."""
    rotated_at: float | None
    """When a rotation last ended well."""
    next_rotation_at: float | None
    deleted_at: float | None
    """When its deletion was asked for; it is scheduled for deletion while this is set."""
    rotates: bool
    """Whether its rotation is on."""
    rotation_days: int | None
    """The days between two rotations, where the schedule is given in days."""
    kms_key: str
    """The KMS key that encrypts it; empty for AWS's own ``aws/secretsmanager``."""
    tags: Mapping[str, str] = field(default_factory=dict)

    def version_at(self, stage: str) -> str | None:
        """Return the id of the version with a staging label; None where no version has it."""
        return next((version for version, stages in self.stages.items() if stage in stages), None)

    @property
    def current(self) -> str | None:
        """The version that is read by default."""
        return self.version_at(CURRENT)

    @property
    def pending(self) -> str | None:
        """The version that is being made, or was promoted last where its label was left on."""
        return self.version_at(PENDING)

    @property
    def unfinished(self) -> str | None:
        """The pending version of a rotation that has not ended; None where nothing is pending.

        A version that is pending and current at once is no such version: a rotation may end with both labels
        on it. While there is one, Secrets Manager begins no other rotation and changes none of its settings.
        Source: Secrets Manager API Reference, RotateSecret.
        """
        return None if self.pending == self.current else self.pending

    @property
    def previous(self) -> str | None:
        """The version that was current before."""
        return self.version_at(PREVIOUS)


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of the secret, with its value, which does not print."""

    version: str
    text: str = field(repr=False)
    stages: frozenset[str]
    created_at: float | None
    """When this version was made, in seconds since the epoch."""


class SecretVersions:
    """The versions of one secret.

    Args:
        secret_id: the secret's name or ARN.
        client: the client for Secrets Manager; made at the first call where none is given.
    """

    def __init__(self, secret_id: str, client: "SecretsManagerClient | None" = None) -> None:
        self._secret_id = secret_id
        self._made = client

    def describe(self) -> SecretMetadata:
        """Look at the secret without reading it.

        Returns:
            The secret, one that is scheduled for deletion too.

        Raises:
            SecretNotFound: there is no such secret.
            CredentialError: it cannot be described.
        """
        with _errors("describe"):
            answer: Mapping[str, Any] = self._client().describe_secret(SecretId=self._secret_id)
        return SecretMetadata(
            arn=answer["ARN"],
            name=answer["Name"],
            stages={
                version: frozenset(stages) for version, stages in answer.get("VersionIdsToStages", {}).items()
            },
            created_at=_moment(answer.get("CreatedDate")),
            changed_at=_moment(answer.get("LastChangedDate")),
            rotated_at=_moment(answer.get("LastRotatedDate")),
            next_rotation_at=_moment(answer.get("NextRotationDate")),
            deleted_at=_moment(answer.get("DeletedDate")),
            rotates=bool(answer.get("RotationEnabled")),
            rotation_days=(answer.get("RotationRules") or {}).get("AutomaticallyAfterDays"),
            kms_key=answer.get("KmsKeyId") or "",
            tags={tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])},
        )

    def fetch(self, *, stage: str = "", version: str = "") -> StoredVersion:
        """Read one version.

        Args:
            stage: the staging label of the version; ``AWSCURRENT`` where neither is given.
            version: its id. Never both: Secrets Manager refuses two that do not match.

        Returns:
            The version.

        Raises:
            SecretNotFound: there is no such version, it has no value yet, or there is no such secret.
            SecretDeleted: the secret is scheduled for deletion.
            InvalidSecret: its value is binary.
            CredentialError: it cannot be read.
        """
        which = {"VersionId": version} if version else {"VersionStage": stage or CURRENT}
        with _errors("read"):
            answer: Mapping[str, Any] = self._client().get_secret_value(SecretId=self._secret_id, **which)
        return StoredVersion(
            version=str(answer.get("VersionId", "")),
            text=_text_of(answer),
            stages=frozenset(answer.get("VersionStages", ())),
            created_at=_moment(answer.get("CreatedDate")),
        )

    def read(self, *, stage: str = "", version: str = "") -> StoredVersion | None:
        """Read one version as ``fetch`` does, but return None where that raises SecretNotFound."""
        try:
            return self.fetch(stage=stage, version=version)
        except SecretDeleted:
            raise
        except SecretNotFound:
            return None

    def stage(self, value: str, token: str) -> None:
        """Write a new version that is not current yet.

        Repeated with the same value and token, it changes nothing.

        Args:
            value: the whole value of the new version.
            token: the new version's id, a UUID: Secrets Manager's ClientRequestToken.

        Raises:
            CredentialsUnavailable: a version of this id is there with another value, which cannot be
                changed; or the store is away.
            CredentialError: it cannot be written.
        """
        with _errors("write"):
            try:
                self._client().put_secret_value(
                    SecretId=self._secret_id,
                    ClientRequestToken=token,
                    SecretString=value,
                    VersionStages=[PENDING],
                )
            except ClientError as refused:
                if AwsFailure.of(refused).code != "ResourceExistsException":
                    raise
                # Not chained: nothing that was sent belongs into a traceback.
                raise CredentialsUnavailable(
                    f"version {token} of the secret exists with another value"
                ) from None

    def promote(self, version: str) -> str | None:
        """Make a version the current one, and end its being pending.

        Secrets Manager itself labels the version that was current before ``AWSPREVIOUS``. Promote soon after
        staging: how long the previous version may serve is counted from when the new one was written.

        Args:
            version: the id of the version.

        Returns:
            The version that was current until now, None where there was none; the version itself where it
            was current already.

        Raises:
            SecretNotFound: there is no such secret or version.
            CredentialsUnavailable: the labels were moved by somebody else meanwhile; or the store is away.
            CredentialError: the labels cannot be moved.
        """
        described = self.describe()
        if version not in described.stages:
            raise SecretNotFound(f"the secret has no version {version} with a staging label")
        if described.current != version:
            self._move(CURRENT, to=version, away_from=described.current)
        if PENDING in described.stages[version]:
            self._move(PENDING, away_from=version)
        return described.current

    def roll_back(self) -> tuple[str, str]:
        """Make the previous version the current one again.

        What was current becomes the previous one, so doing it twice is doing nothing.

        Returns:
            The version that was current, and the one that is now.

        Raises:
            SecretNotFound: there is no such secret, or no previous version of it.
            CredentialError: as for ``promote``.
        """
        described = self.describe()
        if described.current is None or described.previous is None:
            raise SecretNotFound("the secret has no previous version to go back to")
        self._move(CURRENT, to=described.previous, away_from=described.current)
        return described.current, described.previous

    def discard_pending(self) -> str | None:
        """End a rotation that has not ended: its version loses its label, and Secrets Manager may delete it.

        Returns:
            The version that was pending; None where none was, or where it is the current one as well.

        Raises:
            SecretNotFound: there is no such secret.
            CredentialError: as for ``promote``.
        """
        pending = self.describe().unfinished
        if pending is not None:
            self._move(PENDING, away_from=pending)
        return pending

    def _client(self) -> "SecretsManagerClient":
        if self._made is None:
            self._made = make_client("secretsmanager")
        return self._made

    def _move(self, stage: str, *, to: str | None = None, away_from: str | None = None) -> None:
        ends = {"MoveToVersionId": to, "RemoveFromVersionId": away_from}
        with _errors("relabel the versions of"):
            try:
                self._client().update_secret_version_stage(
                    SecretId=self._secret_id,
                    VersionStage=stage,
                    **{name: version for name, version in ends.items() if version is not None},
                )
            except ClientError as refused:
                if AwsFailure.of(refused).code != "InvalidParameterException":
                    raise
                # A first try may have done it although its answer was lost.
                if self.describe().version_at(stage) != to:
                    raise CredentialsUnavailable(
                        f"somebody else moved {stage} of the secret meanwhile: look, then try again"
                    ) from refused


def _errors(action: str) -> AbstractContextManager[None]:
    return as_credential_errors("Secrets Manager", f"{action} this secret", _meaning)


def _meaning(failure: AwsFailure) -> CredentialError | None:
    if failure.kind is Kind.NOT_FOUND:
        return SecretNotFound(f"the secret, or its current version, does not exist: {failure.message}")
    if failure.code == "InvalidRequestException":
        return SecretDeleted(
            f"the secret is scheduled for deletion: restore it or deploy again: {failure.message}"
        )
    if failure.by_kms:
        return AccessDenied(
            "the role may not use the KMS key of this secret, or that key is disabled: " + failure.message
        )
    if failure.kind is Kind.INVALID:
        wrong = "OPENAI_SECRET_NAME is not a secret's name or ARN"
        return Misconfigured(f"{wrong}: {failure.message}", message=f"{wrong}.")
    return None


def _text_of(answer: Mapping[str, Any]) -> str:
    if "SecretBinary" in answer:
        raise InvalidSecret("the secret is binary: store the key as text")
    value = answer.get("SecretString")
    if not isinstance(value, str):
        # A proxy's 200 or a network's sign-in page says nothing of the secret: a good key must outlive it.
        raise CredentialsUnavailable("what answered is not Secrets Manager")
    return value


def _moment(value: object) -> float | None:
    return value.timestamp() if isinstance(value, datetime) else None
