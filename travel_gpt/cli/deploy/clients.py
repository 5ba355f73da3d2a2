"""What clients have outside the stack: their API keys, which go with it, and their table, which stays."""

from dataclasses import dataclass

from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.client.plan import TAG, delete_key
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import AWS_CLI
from travel_gpt.cli.stack import Stack


@dataclass(frozen=True, slots=True)
class Clients:
    """What there is of a stack's clients."""

    keys: tuple[str, ...]
    """The ids of the API keys that are not part of the stack."""
    table: str
    """The table that stays; empty where the stack has none."""

    @property
    def steps(self) -> list[str]:
        """What will happen, one sentence a step."""
        if not self.keys:
            return []
        one = (
            "the API key of 1 client" if len(self.keys) == 1 else f"the API keys of {len(self.keys)} clients"
        )
        return [f"Delete {one}. Their programs get 403 from then on."]


def find(aws: AwsSession, stack: Stack) -> Clients:
    """Look for the API keys and the table of a stack's clients.

    API Gateway has no search by tag; each key of its list has its tags (API Gateway API Reference, GetApiKeys
    and ApiKey).

    Args:
        aws: the AWS session.
        stack: the stack; it may be gone already.

    Returns:
        What there is.

    Raises:
        ClientError: AWS refused.
    """
    pages = aws.client("apigateway").get_paginator("get_api_keys").paginate(includeValues=False)
    # Keys of the template have no such tag: CloudFormation deletes them.
    keys = [
        key["id"]
        for page in pages
        for key in page.get("items", [])
        if (key.get("tags") or {}).get(TAG) == stack.name
    ]
    return Clients(tuple(keys), stack.outputs.get("ClientTableName", ""))


def delete_keys(aws: AwsSession, console: Console, clients: Clients) -> None:
    """Delete the API keys of clients.

    Args:
        aws: the AWS session.
        console: where it is said.
        clients: what there is of them.

    Raises:
        ClientError: AWS refused; the keys that are left are found again.
    """
    if not clients.keys:
        return
    console.step(f"Deleting {len(clients.keys)} API key{'s' if len(clients.keys) > 1 else ''} of clients")
    gateway = aws.client("apigateway")
    for key in clients.keys:
        delete_key(key, gateway)
    console.good("Deleted.")


def show_table(console: Console, clients: Clients, flags: str) -> None:
    """Say that the table stays, and how to delete it.

    Args:
        console: where to say it.
        clients: what there is of them.
        flags: the region's and profile's flags for printed commands.
    """
    if clients.table:
        named = f"--table-name {clients.table}{flags}"
        console.say(
            f"\nThe table {clients.table} stays, with the clients' limits and what they used. A new stack "
            f"has a table of its own. To delete this one, {AWS_CLI}:\n"
            f"  aws dynamodb update-table --no-deletion-protection-enabled {named}\n"
            f"  aws dynamodb delete-table {named}"
        )
