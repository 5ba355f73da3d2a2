"""The admin key, as its owner stored it; and the schedule that deletes a replaced key."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from mypy_boto3_secretsmanager import SecretsManagerClient

from tests.unit.rotation.harness import CONFIG, Harness
from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    SecretNotFound,
)
from travel_gpt.redaction import redact
from travel_gpt.rotation.cleanup import DeletionSchedule
from travel_gpt.rotation.openai_keys import fetch_admin_key

NAME = "travel-gpt/openai-admin-key"
KEY = "sk-admin-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:travel-gpt/openai-api-key-AbCdEf"
VERSION = "01234567-89ab-cdef-0123-456789abcdef"


def deletions(scheduler: Any) -> DeletionSchedule:
    return DeletionSchedule(CONFIG, scheduler.client)


@pytest.mark.usefixtures("harness")
class TestTheAdminKey:
    @pytest.mark.parametrize("stored", [KEY, f" {KEY}\n", json.dumps({"admin_api_key": KEY})])
    def test_is_bare_or_json(self, secrets: SecretsManagerClient, stored: str) -> None:
        secrets.create_secret(Name=NAME, SecretString=stored)

        assert fetch_admin_key(SecretVersions(NAME, secrets)).reveal() == KEY
        assert KEY not in redact(f"it was {KEY}")

    @pytest.mark.parametrize(
        "stored",
        [
            "{",
            "[]",
            '"text"',
            json.dumps({"api_key": KEY}),
            json.dumps({"admin_api_key": 7}),
            "two words",
            " ",
        ],
    )
    def test_that_cannot_be_read_is_not_quoted(self, secrets: SecretsManagerClient, stored: str) -> None:
        secrets.create_secret(Name=NAME, SecretString=stored)

        with pytest.raises(InvalidSecret, match="admin") as invalid:
            fetch_admin_key(SecretVersions(NAME, secrets))

        assert KEY not in str(invalid.value)
        assert invalid.value.__suppress_context__ or invalid.value.__context__ is None

    @pytest.mark.parametrize("kind", ["sk-proj-", "sk-svcacct-"])
    def test_of_a_project_is_refused_by_its_kind_and_masked(
        self, secrets: SecretsManagerClient, kind: str
    ) -> None:
        key = KEY.replace("sk-admin-", kind)
        secrets.create_secret(Name=NAME, SecretString=json.dumps({"admin_api_key": key}))

        with pytest.raises(InvalidSecret, match="holds a key of a project") as invalid:
            fetch_admin_key(SecretVersions(NAME, secrets))

        assert key[12:] not in str(invalid.value)
        assert key not in redact(f"it was {key}")

    def test_that_is_not_there_is_not_found(self, secrets: SecretsManagerClient) -> None:
        with pytest.raises(SecretNotFound, match="admin key"):
            fetch_admin_key(SecretVersions(NAME, secrets))


class TestTheSchedule:
    @pytest.fixture
    def scheduler(self) -> Stubber:
        """EventBridge Scheduler, scripted behind botocore's own parser."""
        client = boto3.client(
            "scheduler", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        stubber = Stubber(client)
        stubber.activate()
        return stubber

    def test_asks_the_function_once_and_is_gone_then(self, harness: Harness, scheduler: Stubber) -> None:
        name = harness.names.of(VERSION)
        target = {
            "Arn": CONFIG.function_arn,
            "RoleArn": CONFIG.schedule_role,
            "Input": json.dumps(
                {
                    "Step": "deleteKey",
                    "SecretId": harness.versions.describe().arn,
                    "ClientRequestToken": VERSION,
                }
            ),
        }
        scheduler.add_response(
            "create_schedule",
            {"ScheduleArn": f"arn:aws:scheduler:us-east-1:123456789012:schedule/group/{name}"},
            {
                "Name": name,
                "GroupName": CONFIG.schedule_group,
                "Description": "Deletes a replaced OpenAI key when no cache can hold it any more",
                "ScheduleExpression": "at(2026-11-20T12:00:00)",
                "ScheduleExpressionTimezone": "UTC",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "ActionAfterCompletion": "DELETE",
                "Target": target,
            },
        )

        deletions(scheduler).delete_later(harness.versions.describe().arn, VERSION, 1_795_176_000.0)

        scheduler.assert_no_pending_responses()

    def test_that_is_there_already_stays(self, scheduler: Stubber) -> None:
        scheduler.add_client_error("create_schedule", "ConflictException", "It exists.", 409)

        deletions(scheduler).delete_later(ARN, VERSION, 0.0)

        scheduler.assert_no_pending_responses()

    @pytest.mark.parametrize(
        ("code", "status", "kind"),
        [
            ("AccessDeniedException", 403, AccessDenied),
            ("ThrottlingException", 429, CredentialsUnavailable),
            ("InternalServerException", 500, CredentialsUnavailable),
        ],
    )
    def test_that_is_refused_says_which(
        self, scheduler: Stubber, code: str, status: int, kind: type[CredentialError]
    ) -> None:
        scheduler.add_client_error("create_schedule", code, "Scripted.", status)

        with pytest.raises(kind, match="Scripted"):
            deletions(scheduler).delete_later(ARN, VERSION, 0.0)

    def test_without_a_way_to_it_says_so(self) -> None:
        class Away:
            def create_schedule(self, **_: Any) -> None:
                raise EndpointConnectionError(endpoint_url="https://scheduler.us-east-1.amazonaws.com")

        away: Any = Away()
        with pytest.raises(CredentialsUnavailable, match="cannot be reached"):
            DeletionSchedule(CONFIG, away).delete_later(ARN, VERSION, 0.0)
