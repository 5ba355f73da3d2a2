"""The fake AWS's DynamoDB tables: what CloudFormation makes, keeps and leaves, and who may use an item."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from testbed.fake_aws import FakeAws
from testbed.tests.small_stacks import STACK, deploy, log_group, reasons, template

# Fails when it is created: see small_stacks.log_group and monitoring.RETENTIONS.
BROKEN = log_group(8, DependsOn="Table")
HASH, RANGE = ({"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"})
PROTECTED = "Resource cannot be deleted as it is currently protected against deletion"


def table(*, policy: str = "Delete", **properties: Any) -> dict[str, Any]:
    """A table with a partition key and a sort key."""
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    defaults = {"BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": attributes}
    return {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": policy,
        "UpdateReplacePolicy": "Retain",
        "Properties": {**defaults, "KeySchema": [HASH, RANGE], **properties},
    }


def names(aws: FakeAws) -> list[str]:
    found: list[str] = aws.client("dynamodb").list_tables()["TableNames"]
    return found


def test_a_table_has_what_the_template_says_and_changes_in_place(aws: FakeAws) -> None:
    outputs = {"Name": {"Value": {"Ref": "Table"}}, "Arn": {"Value": {"Fn::GetAtt": ["Table", "Arn"]}}}
    dynamodb = aws.client("dynamodb")
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]

    body = table(
        TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        DeletionProtectionEnabled="true",
    )
    stack = deploy(aws, template({"Table": body}, Outputs=outputs))

    found = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    (name,) = names(aws)
    assert name.startswith(f"{STACK}-Table-")
    assert found == {"Name": name, "Arn": f"arn:aws:dynamodb:us-east-1:{aws.account_id}:table/{name}"}
    described = dynamodb.describe_table(TableName=name)["Table"]
    assert (described["KeySchema"], described["DeletionProtectionEnabled"]) == ([HASH, RANGE], True)
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert recovery(aws, name) == "ENABLED"
    lives = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert (lives["AttributeName"], lives["TimeToLiveStatus"]) == ("expires", "ENABLED")

    # And then: everything but its keys changes in place.
    encrypted = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    deploy(aws, template({"Table": table(SSESpecification=encrypted)}))
    described = dynamodb.describe_table(TableName=name)["Table"]
    assert described["SSEDescription"]["KMSMasterKeyArn"] == key
    assert (names(aws), described["DeletionProtectionEnabled"]) == ([name], False)
    assert recovery(aws, name) == "DISABLED"


def recovery(aws: FakeAws, name: str) -> str:
    found = aws.client("dynamodb").describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    return str(found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"])


@pytest.mark.parametrize(
    ("policy", "protected", "status", "left"),
    [
        ("Delete", False, "ROLLBACK_COMPLETE", 0),
        ("RetainExceptOnCreate", False, "ROLLBACK_COMPLETE", 0),
        ("RetainExceptOnCreate", True, "ROLLBACK_FAILED", 1),
        ("Retain", True, "ROLLBACK_COMPLETE", 1),
    ],
)
def test_a_failed_creation_keeps_the_table_that_is_retained_or_protected(
    aws: FakeAws, policy: str, protected: bool, status: str, left: int
) -> None:
    made = table(policy=policy, DeletionProtectionEnabled=protected)

    stack = deploy(aws, template({"Table": made, "Logs": BROKEN}))

    assert (stack["StackStatus"], len(names(aws))) == (status, left)
    if status == "ROLLBACK_FAILED":
        events = aws.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
        assert PROTECTED in str(events)


@pytest.mark.parametrize(
    ("policy", "protected", "left"),
    [("Delete", False, 0), ("Delete", True, 1), ("Retain", True, 1), ("RetainExceptOnCreate", False, 1)],
)
def test_a_deleted_stack_leaves_the_table_that_is_retained_or_protected(
    aws: FakeAws, policy: str, protected: bool, left: int
) -> None:
    made = table(policy=policy, DeletionProtectionEnabled=protected)
    stack = deploy(aws, template({"Table": made}))

    aws.client("cloudformation").delete_stack(StackName=STACK)

    assert len(names(aws)) == left
    described = aws.client("cloudformation").describe_stacks(StackName=stack["StackId"])["Stacks"][0]
    failed = policy == "Delete" and protected
    assert described["StackStatus"] == ("DELETE_FAILED" if failed else "DELETE_COMPLETE")
    assert (PROTECTED in reasons(aws)) if failed else True


def test_other_keys_need_another_table_and_the_old_one_is_kept(aws: FakeAws) -> None:
    deploy(aws, template({"Table": table()}))
    (old,) = names(aws)
    attributes = [{"AttributeName": "pk", "AttributeType": "S"}]

    deploy(aws, template({"Table": table(KeySchema=[HASH], AttributeDefinitions=attributes)}))

    assert len(names(aws)) == 2
    assert old in names(aws)


ALLOWED = ["dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:BatchWriteItem"]


@pytest.fixture
def dynamodb(aws: FakeAws) -> Any:
    """A client with a role that may use the items a#... of one table."""
    deploy(aws, template({"Table": table(TableName="mine")}))
    statement = {
        "Effect": "Allow",
        "Action": ALLOWED,
        "Resource": f"arn:aws:dynamodb:us-east-1:{aws.account_id}:table/mine",
        "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["a#*"]}},
    }
    role = aws.make_role("reader", statement)
    return aws.client("dynamodb", **aws.credentials_of(role, "session"))


def item(key: str) -> dict[str, Any]:
    return {"pk": {"S": key}, "sk": {"S": "record"}}


def query(value: str) -> dict[str, Any]:
    return {
        "TableName": "mine",
        "KeyConditionExpression": "#p = :v AND begins_with(sk, :s)",
        "ExpressionAttributeNames": {"#p": "pk"},
        "ExpressionAttributeValues": {":v": {"S": value}, ":s": {"S": "r"}},
    }


CALLS: list[tuple[str, Callable[[str], dict[str, Any]]]] = [
    ("put_item", lambda key: {"TableName": "mine", "Item": item(key)}),
    ("batch_get_item", lambda key: {"RequestItems": {"mine": {"Keys": [item("a#1"), item(key)]}}}),
    ("batch_write_item", lambda key: {"RequestItems": {"mine": [{"PutRequest": {"Item": item(key)}}]}}),
    ("query", query),
    (
        "transact_write_items",
        lambda key: {"TransactItems": [{"Put": {"TableName": "mine", "Item": item(key)}}]},
    ),
]


@pytest.mark.parametrize(("call", "arguments"), CALLS, ids=[name for name, _ in CALLS])
def test_a_role_reaches_the_items_that_begin_with_its_keys(
    dynamodb: Any, call: str, arguments: Callable[[str], dict[str, Any]]
) -> None:
    getattr(dynamodb, call)(**arguments("a#2"))

    with pytest.raises(ClientError, match=r"AccessDeniedException.* not authorized to perform: dynamodb:"):
        getattr(dynamodb, call)(**arguments("b#2"))


def test_a_role_uses_no_other_table_and_no_other_operation(aws: FakeAws, dynamodb: Any) -> None:
    aws.client("dynamodb").create_table(
        TableName="other",
        KeySchema=[HASH],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    both = {name: {"Keys": [{"pk": {"S": "a#1"}}]} for name in ("mine", "other")}

    for call, arguments in (
        ("put_item", {"TableName": "other", "Item": {"pk": {"S": "a#1"}}}),
        ("batch_get_item", {"RequestItems": both}),
        ("scan", {"TableName": "mine"}),
        ("get_item", {"TableName": "mine", "Key": item("a#1")}),
        ("delete_table", {"TableName": "mine"}),
        ("list_tables", {}),
    ):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            getattr(dynamodb, call)(**arguments)


def test_a_key_of_the_account_has_to_be_allowed_to_who_uses_the_table(aws: FakeAws, dynamodb: Any) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    encrypted = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    deploy(aws, template({"Table": table(TableName="mine", SSESpecification=encrypted)}))

    with pytest.raises(ClientError, match=r"AccessDeniedException.*KMS key access denied error"):
        dynamodb.put_item(TableName="mine", Item=item("a#1"))

    allowed = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}
    context = {"kms:EncryptionContext:aws:dynamodb:tableName": "mine"}
    statement = {**allowed, "Condition": {"StringEquals": context}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_policy(RoleName="reader", PolicyName="key", PolicyDocument=document)
    dynamodb.put_item(TableName="mine", Item=item("a#1"))
