"""The versions of a secret, as moto keeps them: staged, promoted, rolled back, and each step twice."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.secretsmanager.models import secretsmanager_backends
from mypy_boto3_secretsmanager import SecretsManagerClient

from testbed import secret_versions
from tests.support.rotation_function import rotation_function
from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.errors import (
    AccessDenied,
    CredentialsUnavailable,
    InvalidSecret,
    SecretDeleted,
    SecretNotFound,
)

NAME = "travel-gpt/openai-api-key"
FIRST = "first-value-000001"
SECOND = "second-value-00002"
THIRD = "third-value-000003"
V2 = "22222222-2222-4222-8222-222222222222"
V3 = "33333333-3333-4333-8333-333333333333"


@pytest.fixture
def owner() -> Iterator[SecretsManagerClient]:
    """The owner's own client, on an account with one secret."""
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name=NAME, SecretString=FIRST)
        yield client


@pytest.fixture
def versions(owner: SecretsManagerClient) -> SecretVersions:
    return SecretVersions(NAME, owner)


def text_at(versions: SecretVersions, stage: str) -> str | None:
    found = versions.read(stage=stage)
    return None if found is None else found.text


class TestDescribing:
    def test_given_a_new_secret_then_its_one_version_is_current_and_nothing_rotates(
        self, owner: SecretsManagerClient, versions: SecretVersions
    ) -> None:
        described = versions.describe()

        assert (described.name, described.arn) == (NAME, owner.describe_secret(SecretId=NAME)["ARN"])
        assert described.current is not None
        assert described.stages == {described.current: {"AWSCURRENT"}}
        assert (described.pending, described.previous) == (None, None)
        assert described.created_at == pytest.approx(time.time(), abs=60)
        assert (described.rotates, described.rotation_days, described.rotated_at) == (False, None, None)
        assert (described.deleted_at, described.kms_key) == (None, "")

    def test_given_rotation_and_a_key_of_its_own_then_both_are_reported(
        self, owner: SecretsManagerClient, versions: SecretVersions
    ) -> None:
        owner.update_secret(SecretId=NAME, KmsKeyId="alias/travel")
        owner.rotate_secret(
            SecretId=NAME,
            ClientRequestToken=V2,
            RotationLambdaARN=rotation_function(),
            RotationRules={"AutomaticallyAfterDays": 30},
        )
        versions.stage(SECOND, V2)
        versions.promote(V2)

        described = versions.describe()

        assert (described.rotates, described.rotation_days) == (True, 30)
        assert described.rotated_at == pytest.approx(time.time(), abs=60)
        assert described.next_rotation_at == pytest.approx(time.time() + 30 * 86_400, abs=60)
        assert described.kms_key == "alias/travel"

    def test_given_a_secret_scheduled_for_deletion_then_it_is_described_all_the_same(
        self, owner: SecretsManagerClient, versions: SecretVersions
    ) -> None:
        owner.delete_secret(SecretId=NAME)

        assert versions.describe().deleted_at is not None

    @pytest.mark.usefixtures("owner")
    def test_given_no_secret_then_it_is_not_found(self) -> None:
        with pytest.raises(SecretNotFound):
            SecretVersions("travel-gpt/other").describe()


class TestReading:
    def test_the_current_version_is_read_by_default(self, versions: SecretVersions) -> None:
        found = versions.read()

        assert found is not None
        assert (found.text, found.version) == (FIRST, versions.describe().current)
        assert found.stages == {"AWSCURRENT"}
        assert found.created_at == pytest.approx(time.time(), abs=60)

    def test_a_version_is_read_by_its_id(self, versions: SecretVersions) -> None:
        versions.stage(SECOND, V2)

        found = versions.read(version=V2)

        assert found is not None
        assert found.text == SECOND

    @pytest.mark.parametrize("which", [{"stage": "AWSPENDING"}, {"version": V2}], ids=["stage", "version"])
    def test_given_no_such_version_then_there_is_none(
        self, versions: SecretVersions, which: dict[str, str]
    ) -> None:
        assert versions.read(**which) is None

    def test_given_a_version_without_a_value_as_a_rotation_begins_then_there_is_none(
        self, versions: SecretVersions
    ) -> None:
        begin_rotation(V2)

        assert (versions.read(version=V2), text_at(versions, "AWSPENDING")) == (None, None)

    def test_given_a_secret_scheduled_for_deletion_then_that_is_said(
        self, owner: SecretsManagerClient, versions: SecretVersions
    ) -> None:
        owner.delete_secret(SecretId=NAME)

        with pytest.raises(SecretDeleted):
            versions.read()

    def test_given_a_binary_value_then_it_is_invalid(self, owner: SecretsManagerClient) -> None:
        owner.create_secret(Name="binary", SecretBinary=b"value")

        with pytest.raises(InvalidSecret, match="binary: store the key as text"):
            SecretVersions("binary", owner).read()

    def test_a_version_does_not_print_its_value(self, versions: SecretVersions) -> None:
        assert FIRST not in repr(versions.read())


class TestStaging:
    def test_a_staged_version_is_pending_and_not_current(self, versions: SecretVersions) -> None:
        versions.stage(SECOND, V2)

        assert (versions.describe().pending, text_at(versions, "AWSPENDING")) == (V2, SECOND)
        assert text_at(versions, "AWSCURRENT") == FIRST

    def test_staged_again_with_the_same_value_nothing_changes(self, versions: SecretVersions) -> None:
        versions.stage(SECOND, V2)
        before = versions.describe().stages

        versions.stage(SECOND, V2)

        assert versions.describe().stages == before

    def test_given_another_value_under_the_same_id_then_it_stays_and_no_value_is_quoted(
        self, versions: SecretVersions
    ) -> None:
        versions.stage(SECOND, V2)
        # moto lets a pending version be written over; Secrets Manager does so with none that has a value.
        versions.promote(V2)

        with pytest.raises(CredentialsUnavailable, match=f"version {V2} of the secret exists") as refused:
            versions.stage(THIRD, V2)

        assert (refused.value.__cause__, text_at(versions, "AWSCURRENT")) == (None, SECOND)

    def test_another_version_staged_takes_the_label(self, versions: SecretVersions) -> None:
        versions.stage(SECOND, V2)

        versions.stage(THIRD, V3)

        assert versions.describe().pending == V3

    def test_the_value_of_a_version_that_a_rotation_began_is_put_into_it(
        self, versions: SecretVersions
    ) -> None:
        begin_rotation(V2)

        versions.stage(SECOND, V2)

        assert text_at(versions, "AWSPENDING") == SECOND


class TestPromoting:
    def test_the_promoted_is_current_the_old_one_previous_and_none_pending(
        self, versions: SecretVersions
    ) -> None:
        first = versions.describe().current
        versions.stage(SECOND, V2)

        assert versions.promote(V2) == first

        assert (text_at(versions, "AWSCURRENT"), text_at(versions, "AWSPREVIOUS")) == (SECOND, FIRST)
        assert versions.describe().pending is None

    def test_promoted_again_nothing_changes(self, versions: SecretVersions) -> None:
        versions.stage(SECOND, V2)
        versions.promote(V2)
        before = versions.describe().stages

        assert versions.promote(V2) == V2

        assert versions.describe().stages == before

    def test_given_a_promotion_that_died_before_its_second_half_then_the_repeat_does_that(
        self, owner: SecretsManagerClient, versions: SecretVersions
    ) -> None:
        first = versions.describe().current
        versions.stage(SECOND, V2)
        owner.update_secret_version_stage(
            SecretId=NAME, VersionStage="AWSCURRENT", MoveToVersionId=V2, RemoveFromVersionId=str(first)
        )

        versions.promote(V2)

        assert (versions.describe().pending, text_at(versions, "AWSPREVIOUS")) == (None, FIRST)

    def test_given_an_answer_that_was_lost_then_the_call_that_is_sent_again_is_no_failure(
        self, owner: SecretsManagerClient, versions: SecretVersions
    ) -> None:
        versions.stage(SECOND, V2)
        repeat_each_relabelling(owner)

        versions.promote(V2)

        assert (text_at(versions, "AWSCURRENT"), versions.describe().pending) == (SECOND, None)

    def test_given_another_who_promoted_meanwhile_then_that_is_said_and_theirs_stays(
        self, owner: SecretsManagerClient, versions: SecretVersions
    ) -> None:
        versions.stage(SECOND, V2)
        owner.meta.events.register_first(
            "before-call.secrets-manager.UpdateSecretVersionStage", PutsAnother(THIRD)
        )

        with pytest.raises(CredentialsUnavailable, match="somebody else moved AWSCURRENT"):
            versions.promote(V2)

        assert text_at(versions, "AWSCURRENT") == THIRD

    def test_given_no_such_version_then_it_is_not_found(self, versions: SecretVersions) -> None:
        with pytest.raises(SecretNotFound, match="no version"):
            versions.promote(V2)

    def test_given_a_role_that_may_not_then_what_it_may_not_do_is_said(
        self, owner: SecretsManagerClient, versions: SecretVersions
    ) -> None:
        versions.stage(SECOND, V2)

        def deny(**_: Any) -> None:
            raise ClientError(
                {"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "UpdateSecretVersionStage"
            )

        owner.meta.events.register("before-call.secrets-manager.UpdateSecretVersionStage", deny)

        with pytest.raises(AccessDenied, match="may not relabel the versions of this secret"):
            versions.promote(V2)


class TestGoingBack:
    def test_the_previous_version_is_current_again(self, versions: SecretVersions) -> None:
        first = versions.describe().current
        versions.stage(SECOND, V2)
        versions.promote(V2)

        assert versions.roll_back() == (V2, first)

        assert (text_at(versions, "AWSCURRENT"), text_at(versions, "AWSPREVIOUS")) == (FIRST, SECOND)

    def test_given_an_answer_that_was_lost_then_it_went_back_once_and_not_twice(
        self, owner: SecretsManagerClient, versions: SecretVersions
    ) -> None:
        versions.stage(SECOND, V2)
        versions.promote(V2)
        repeat_each_relabelling(owner)

        versions.roll_back()

        assert text_at(versions, "AWSCURRENT") == FIRST

    def test_given_no_previous_version_then_that_is_said(self, versions: SecretVersions) -> None:
        with pytest.raises(SecretNotFound, match="no previous version"):
            versions.roll_back()


class TestDiscarding:
    def test_the_pending_version_loses_its_label(self, versions: SecretVersions) -> None:
        versions.stage(SECOND, V2)

        assert versions.discard_pending() == V2

        assert (versions.describe().pending, text_at(versions, "AWSCURRENT")) == (None, FIRST)

    def test_given_none_pending_then_there_is_nothing_to_do(self, versions: SecretVersions) -> None:
        assert versions.discard_pending() is None

    def test_a_version_that_is_pending_and_current_at_once_keeps_its_labels(
        self, owner: SecretsManagerClient, versions: SecretVersions
    ) -> None:
        # Source: recorded secretsmanager/ListSecretVersionIds/AWSCURRENT-and-AWSPENDING-same-version.
        current = versions.describe().current or ""
        owner.update_secret_version_stage(SecretId=NAME, VersionStage="AWSPENDING", MoveToVersionId=current)

        assert versions.describe().pending == current
        assert (versions.describe().unfinished, versions.discard_pending()) == (None, None)
        assert versions.describe().stages[current] == {"AWSCURRENT", "AWSPENDING"}


def test_without_a_client_one_is_made_at_the_first_call(
    owner: SecretsManagerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, made = boto3.client, []

    def counted(*args: object, **kwargs: object) -> object:
        made.append(args)
        return make(*args, **kwargs)  # type: ignore[call-overload] # passed through

    monkeypatch.setattr(boto3, "client", counted)
    versions = SecretVersions(owner.describe_secret(SecretId=NAME)["ARN"])
    assert made == []

    versions.stage(json.dumps({"api_key": SECOND}), V2)
    versions.promote(V2)

    assert made == [("secretsmanager",)]


class PutsAnother:
    """Somebody who puts a value of their own just before the first call."""

    def __init__(self, value: str) -> None:
        self.value: str | None = value

    def __call__(self, **_: Any) -> None:
        if self.value is not None:
            value, self.value = self.value, None
            boto3.client("secretsmanager").put_secret_value(SecretId=NAME, SecretString=value)


def begin_rotation(token: str) -> None:
    """Make the version that Secrets Manager makes: pending, and without a value."""
    secret: Any = secretsmanager_backends["123456789012"]["us-east-1"].secrets[NAME]
    secret.versions[token] = secret_versions.begin(token)


def repeat_each_relabelling(owner: SecretsManagerClient) -> None:
    """Have each call sent twice, as botocore does when the first answer is lost."""

    def send_before(params: dict[str, Any], **_: Any) -> None:
        boto3.client("secretsmanager").update_secret_version_stage(**json.loads(params["body"]))

    owner.meta.events.register("before-call.secrets-manager.UpdateSecretVersionStage", send_before)
