"""DynamoDB tables."""

# ruff: noqa: ARG002 - every handler has the same methods, whatever it needs of what they are given

from typing import Any

from testbed.stacks.document import InvalidTemplate
from testbed.stacks.resources.base import Account, Created, Handler, Properties, only

# CloudFormation's names of SSESpecification's members, and the API's (CloudFormation template reference,
# "AWS::DynamoDB::Table SSESpecification"; DynamoDB API reference, "SSESpecification").
ENCRYPTION = {"SSEEnabled": "Enabled", "SSEType": "SSEType", "KMSMasterKeyId": "KMSMasterKeyId"}
CHANGEABLE = frozenset(
    {
        "DeletionProtectionEnabled",
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "TimeToLiveSpecification",
    }
)


class Table(Handler):
    """A table on demand, without indexes and streams.

    ``Ref`` is its name and ``Arn`` its ARN (template reference, "AWS::DynamoDB::Table", return values).
    """

    type = "AWS::DynamoDB::Table"
    properties = CHANGEABLE | {"AttributeDefinitions", "BillingMode", "KeySchema", "TableName"}
    required = frozenset({"KeySchema"})
    # The reference says "Update requires: Replacement" of these; of the definitions when one is edited.
    replacing = frozenset({"AttributeDefinitions", "KeySchema", "TableName"})
    named_by = "TableName"

    def check(self, properties: Properties) -> None:
        super().check(properties)
        if properties.get("BillingMode") != "PAY_PER_REQUEST":
            raise InvalidTemplate("The fake AWS knows tables with the BillingMode PAY_PER_REQUEST only")

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        made = account.client("dynamodb").create_table(
            TableName=name,
            **only(properties, "AttributeDefinitions", "BillingMode", "KeySchema"),
            DeletionProtectionEnabled=properties.get("DeletionProtectionEnabled", False),
            **_encryption(properties),
        )
        created = Created(name, {"Arn": made["TableDescription"]["TableArn"]})
        self._set_rest(account, name, properties, {})
        return created

    def update(
        self, account: Account, created: Created, properties: Properties, previous: Properties
    ) -> Created:
        name = created.physical_id
        changes: dict[str, Any] = {}
        if _differ("DeletionProtectionEnabled", properties, previous):
            changes["DeletionProtectionEnabled"] = properties.get("DeletionProtectionEnabled", False)
        if _differ("SSESpecification", properties, previous):
            changes |= _encryption(properties) or {"SSESpecification": {"Enabled": False}}
        if changes:
            account.client("dynamodb").update_table(TableName=name, **changes)
        self._set_rest(account, name, properties, previous)
        return created

    def _set_rest(self, account: Account, name: str, properties: Properties, previous: Properties) -> None:
        tables = account.client("dynamodb")
        if _differ("TimeToLiveSpecification", properties, previous):
            lives = properties.get("TimeToLiveSpecification") or {
                **previous["TimeToLiveSpecification"],
                "Enabled": False,
            }
            tables.update_time_to_live(TableName=name, TimeToLiveSpecification=lives)
        if _differ("PointInTimeRecoverySpecification", properties, previous):
            recovery = properties.get("PointInTimeRecoverySpecification") or {
                "PointInTimeRecoveryEnabled": False
            }
            tables.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        # CloudFormation does not turn deletion protection off: DynamoDB refuses (DynamoDB developer guide,
        # "Using deletion protection to protect your table").
        account.client("dynamodb").delete_table(TableName=created.physical_id)


def _encryption(properties: Properties) -> dict[str, Any]:
    if "SSESpecification" not in properties:
        return {}
    given = properties["SSESpecification"]
    return {"SSESpecification": {ENCRYPTION[name]: value for name, value in given.items()}}


def _differ(name: str, properties: Properties, previous: Properties) -> bool:
    return bool(properties.get(name) != previous.get(name))


HANDLERS: tuple[Handler, ...] = (Table(),)
