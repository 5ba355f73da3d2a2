"""What every resource handler is, and the account it works in."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any, ClassVar

import boto3
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from testbed.stacks.document import InvalidTemplate

Properties = dict[str, Any]
# The access key that marks a call as CloudFormation's own, in the record of calls.
CLOUDFORMATION_KEY = "AKIACLOUDFORMATION00"

NUMBERS: dict[str, Any] = {"integer": int, "long": int, "float": float, "double": float}


@dataclass(frozen=True)
class Created:
    """A resource that exists.

    Attributes:
        physical_id: what ``Ref`` gives.
        attributes: what ``Fn::GetAtt`` gives.
    """

    physical_id: str
    attributes: dict[str, Any] = field(default_factory=dict)


class Account:
    """The account a stack lives in, seen by a handler: AWS's public API and nothing else.

    Args:
        endpoint: the fake AWS's own address.
        region: the stack's region.
        account_id: twelve digits.
    """

    _clients: ClassVar[dict[tuple[str, str, str], Any]] = {}
    _making = threading.Lock()

    def __init__(self, endpoint: str, region: str, account_id: str) -> None:
        self.endpoint, self.region, self.account_id = endpoint, region, account_id

    def client(self, service: str) -> Any:
        """A boto3 client; one for a service, endpoint and region, since making one takes long."""
        key = (self.endpoint, self.region, service)
        with self._making:
            if key not in self._clients:
                client = boto3.client(
                    service,  # type: ignore[call-overload]
                    endpoint_url=self.endpoint,
                    region_name=self.region,
                    aws_access_key_id=CLOUDFORMATION_KEY,
                    aws_secret_access_key="accepted",
                )
                client.meta.events.register("provide-client-params.*.*", _coerce_parameters)
                self._clients[key] = client
        return self._clients[key]

    def arn(self, service: str, resource: str) -> str:
        """An ARN in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


def _coerce_parameters(params: Properties, model: OperationModel, **_: Any) -> Properties:
    """CloudFormation takes numbers and booleans as text, and the other way round; the API does not."""
    coerced: Properties = coerce(params, model.input_shape)
    return coerced


def coerce(value: Any, shape: Shape | None) -> Any:
    """A value in the type an API's shape asks for, where it can be read as one."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {key: coerce(each, shape.members.get(key)) for key, each in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [coerce(each, shape.member) for each in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: coerce(each, shape.value) for key, each in value.items()}
    kind = shape.type_name if shape else None
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind == "string" and isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, str) and kind in NUMBERS:
        try:
            return NUMBERS[kind](value)
        except ValueError:
            raise InvalidTemplate(f"Value of property must be a number, not {value!r}") from None
    return value


class Handler:
    """Makes, changes and removes resources of one type.

    Attributes:
        type: the CloudFormation type.
        properties: the properties it honours; any other one is refused.
        required: those of them that must be there.
        replacing: those of them whose change needs a new resource.
        named_by: the property that gives the resource a name of the owner's choice, if any.
    """

    type: ClassVar[str]
    properties: ClassVar[frozenset[str]]
    required: ClassVar[frozenset[str]] = frozenset()
    replacing: ClassVar[frozenset[str]] = frozenset()
    named_by: ClassVar[str | None] = None

    def check(self, properties: Properties) -> None:
        """Refuse properties that AWS would refuse, and those this handler would leave out.

        Raises:
            InvalidTemplate: one is unknown here, or missing.
        """
        if unknown := sorted(set(properties) - self.properties):
            raise InvalidTemplate(f"Encountered unsupported property {', '.join(unknown)}")
        if missing := sorted(self.required - set(properties)):
            raise InvalidTemplate(f"Model validation failed: required key [{', '.join(missing)}] not found")

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        """Create the resource; ``name`` is for one that the template leaves nameless."""
        raise NotImplementedError

    def update(
        self, account: Account, created: Created, properties: Properties, previous: Properties
    ) -> Created:
        """Change the resource in place, from its previous properties to these."""
        raise NotImplementedError(f"{self.type} cannot be updated in the fake AWS")

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        """Remove the resource."""
        raise NotImplementedError


class PutHandler(Handler):
    """Makes resources of a type whose creation also changes what is there: a put."""

    def update(
        self,
        account: Account,
        created: Created,
        properties: Properties,
        previous: Properties,  # noqa: ARG002 - the base class's
    ) -> Created:
        return self.create(account, properties, created.physical_id)


def camel(properties: Properties) -> Properties:
    """The same properties with API Gateway's spelling: ``ApiStages`` is ``apiStages``, at every depth."""

    def spell(node: Any) -> Any:
        if isinstance(node, dict):
            return {key[0].lower() + key[1:]: spell(value) for key, value in node.items()}
        return [spell(each) for each in node] if isinstance(node, list) else node

    spelt: Properties = spell(properties)
    return spelt


def tags(properties: Properties) -> dict[str, str]:
    """The resource's tags as a mapping."""
    given = properties.get("Tags", [])
    return dict(given) if isinstance(given, dict) else {tag["Key"]: tag["Value"] for tag in given}


def only(properties: Properties, *names: str) -> Properties:
    """Those of the properties that are there."""
    return {name: properties[name] for name in names if name in properties}


def as_json(document: Any) -> str:
    """A policy document as the API takes it."""
    return document if isinstance(document, str) else json.dumps(document)
