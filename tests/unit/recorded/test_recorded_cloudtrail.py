"""The events that test the queries of docs/operations/audit.md, compared with events of real trails."""

import pytest

from tests.fakes.cloudtrail import ACCOUNT, call
from tests.support.recorded import recording

USER = f"arn:aws:iam::{ACCOUNT}:user/example"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/example.user"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.mark.parametrize(
    "name",
    [
        "cloudtrail/GetSecretValue/iam-user",
        "cloudtrail/ListSecrets/iam-user",
        "cloudtrail/BatchGetSecretValue/iam-user-filter",
    ],
)
def test_a_users_call_has_the_members_of_a_recorded_one(name: str) -> None:
    recorded = recording(name).body

    event = call(recorded["eventName"], USER, recorded["requestParameters"])

    assert (event.keys(), event["userIdentity"].keys()) == (recorded.keys(), recorded["userIdentity"].keys())
    assert event["tlsDetails"].keys() == recorded["tlsDetails"].keys()
    for member in ("eventSource", "eventType", "eventCategory", "readOnly", "responseElements"):
        assert event[member] == recorded[member]


def test_a_roles_call_names_the_session_and_the_role_that_issued_it() -> None:
    recorded = recording("cloudtrail/GetSecretValue/assumed-role-error-code-doubtful").body["userIdentity"]

    who = call("GetSecretValue", SESSION, {"secretId": "a"})["userIdentity"]

    assert (who.keys(), who["sessionContext"].keys()) == (recorded.keys(), recorded["sessionContext"].keys())
    assert who["sessionContext"]["sessionIssuer"].keys() == recorded["sessionContext"]["sessionIssuer"].keys()
    assert who["principalId"].endswith(":example.user")


def test_a_console_session_of_a_user_adds_members_and_takes_none_away() -> None:
    recorded = recording("cloudtrail/GetSecretValue/iam-user-console-session").body

    event = call("GetSecretValue", USER, recorded["requestParameters"])

    assert recorded.keys() - event.keys() == {"sessionCredentialFromConsole"}
    assert event.keys() <= recorded.keys()
    assert recorded["userIdentity"].keys() - event["userIdentity"].keys() == {"sessionContext"}


def test_a_call_through_an_endpoint_of_a_vpc_names_it_at_the_top() -> None:
    documented = recording("cloudtrail/GetSecretValue/documented-vpc-endpoint").body

    event = call("GetSecretValue", USER, {"secretId": "a"}, vpcEndpointId=documented["vpcEndpointId"])

    assert documented.keys() <= event.keys()


def test_root_is_the_account_itself() -> None:
    recorded = recording("cloudtrail/other event by root/root-identity").body

    who = call("GetSecretValue", ROOT, {"secretId": "a"})["userIdentity"]

    assert (who["type"], who["principalId"], who["arn"]) == (recorded["type"], ACCOUNT, recorded["arn"])
    assert who["sessionContext"]["sessionIssuer"] == recorded["sessionContext"]["sessionIssuer"]
    # The alias of the account, which it need not have, and what a federated session would have.
    assert recorded.keys() - who.keys() == {"userName"}


def test_a_batch_is_documented_to_leave_an_event_for_each_secret() -> None:
    documented = recording("cloudtrail/BatchGetSecretValue/documented-per-secret-events").body
    by_filter = recording("cloudtrail/BatchGetSecretValue/iam-user-filter").body["requestParameters"]

    # docs/operations/audit.md has a look-up for each of the two.
    assert "GetSecretValue log entries for each secret" in documented
    assert "secretIdList" not in by_filter
