"""DynamoDB: what its calls are allowed by, and one call after the other."""

import re
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from moto.dynamodb import models
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.responses import DynamoHandler
from moto.kms.models import kms_backends

from testbed import access

ITEM_OPERATIONS = frozenset({"GetItem", "PutItem", "UpdateItem", "DeleteItem"})
# The permissions of a transaction are those of its single operations, but for the check (DynamoDB developer
# guide, "Using IAM with DynamoDB transactions").
TRANSACTED = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "ConditionCheck": "ConditionCheckItem",
}
# AWS's own words: the condition on them in aws-nuke, resources/dynamodb-tables.go.
PROTECTED = (
    "Resource cannot be deleted as it is currently protected against deletion. "
    "Disable deletion protection first."
)
_lock = threading.RLock()


class Access(NamedTuple):
    """What a request does to one table."""

    operation: str
    table: str
    keys: list[dict[str, Any]] | None
    """The key attributes, or whole items; None where the operation names no item."""


def install() -> None:
    """Patch moto's classes: permissions by table and item, and no two calls at the same time."""
    access.RESOURCES["dynamodb"] = resources
    call, update_table = DynamoHandler.call_action, DynamoHandler.update_table

    def call_action(self: Any) -> Any:
        # The operations on an item are atomic and applied in the order in which they arrive (developer guide,
        # "Working with items and attributes"); moto reads and writes in two steps.
        with _lock:
            return call(self)

    def change_table(self: Any) -> Any:
        if given := self.body.get("SSESpecification"):
            # moto leaves it out.
            self.dynamodb_backend.get_table(self.body["TableName"]).sse_specification = given
        return update_table(self)

    vars(models)["DeletionProtectedException"] = lambda _: MockValidationException(PROTECTED)
    DynamoHandler.call_action = call_action  # type: ignore[method-assign]
    DynamoHandler.update_table = change_table  # type: ignore[method-assign]


def resources(request: Any, operation: str, parameters: dict[str, Any]) -> Iterator[access.Needed]:
    """What the caller of a request to DynamoDB has to be allowed.

    An action on the ARN of each table, where ``dynamodb:LeadingKeys`` has the partition keys of its items
    (DynamoDB developer guide, "Using IAM policy conditions for fine-grained access control"). A scan has no
    such keys ("Scan returns all items regardless of the leading keys"). That those of a query are the values
    that it compares its partition key with, and that a table that does not exist has none, is assumed.

    A table with a key of the account's own needs ``kms:Decrypt`` too, which DynamoDB calls as the principal
    that uses the table; it makes data keys as itself, and grants as the principal that made the table
    (DynamoDB developer guide, "DynamoDB encryption at rest usage notes", "Monitoring DynamoDB interaction
    with AWS KMS"). What DynamoDB caches of it for five minutes ("Using KMS keys and data keys", there) is
    left out.
    """
    for used in _accesses(operation, parameters):
        name = used.table.rpartition("/")[2]
        arn = f"arn:aws:dynamodb:{request.region}:{request.current_account}:table/{name or '*'}"
        table: Any = request.dynamodb_backend.tables.get(name)
        if table is None or used.keys is None:
            yield access.Needed(f"dynamodb:{used.operation}", arn, {})
        else:
            values = [str(next(iter(key[table.hash_key_attr].values()))) for key in used.keys]
            yield access.Needed(f"dynamodb:{used.operation}", arn, {"dynamodb:LeadingKeys": values})
        key = ((table and table.sse_specification) or {}).get("KMSMasterKeyId")
        if key and not operation.startswith(("Describe", "List", "UpdateT", "UpdateC", "DeleteT")):
            yield access.Needed(
                "kms:Decrypt",
                kms_backends[request.current_account][request.region].describe_key(key).arn,
                {
                    "kms:ViaService": f"dynamodb.{request.region}.amazonaws.com",
                    "kms:EncryptionContext:aws:dynamodb:tableName": name,
                    "kms:EncryptionContext:aws:dynamodb:subscriberId": request.current_account,
                },
            )


def _accesses(operation: str, parameters: dict[str, Any]) -> Iterator[Access]:
    if operation in ITEM_OPERATIONS:
        key = parameters.get("Key") or parameters["Item"]
        yield Access(operation, parameters["TableName"], [key])
    elif operation == "BatchGetItem":
        for table, wanted in parameters["RequestItems"].items():
            yield Access(operation, table, wanted["Keys"])
    elif operation == "BatchWriteItem":
        for table, requests in parameters["RequestItems"].items():
            writes = [write for each in requests for write in each.values()]
            yield Access(operation, table, [write.get("Key") or write["Item"] for write in writes])
    elif operation in ("TransactWriteItems", "TransactGetItems"):
        for each in parameters["TransactItems"]:
            ((kind, one),) = each.items()
            yield Access(TRANSACTED[kind], one["TableName"], [one.get("Key") or one["Item"]])
    elif operation == "Query":
        yield Access(operation, parameters["TableName"], [_queried(parameters)])
    else:
        yield Access(operation, parameters.get("TableName", ""), None)


def _queried(parameters: dict[str, Any]) -> dict[str, Any]:
    """The attributes that a query compares with one value, its partition key among them."""
    names = parameters.get("ExpressionAttributeNames", {})
    compared = re.findall(r"([#\w]+)\s*=\s*(:\w+)", parameters["KeyConditionExpression"])
    return {names.get(name, name): parameters["ExpressionAttributeValues"][value] for name, value in compared}
