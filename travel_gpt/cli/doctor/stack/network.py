"""The VPC of the function: whether its subnets have a way to DynamoDB.

Sources: EC2 API Reference, DescribeRouteTables (a subnet without an association of its own has the main route
table of the VPC; a route is a ``blackhole`` where its target is gone) and DescribeVpcEndpoints; AWS
PrivateLink guide, "Gateway endpoints" (an endpoint works for the route tables that it is associated with);
Lambda developer guide, "Enable internet access for VPC-connected Lambda functions" (in a public subnet a
function has none).
"""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import boto3

from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.errors import AWS_CLI

_TARGETS: Final = (
    "NatGatewayId",
    "TransitGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "VpcPeeringConnectionId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "GatewayId",
)
_NO_WAY_OUT: Final = ("local", "vpce-", "igw-")
"""Targets by which a function does not reach the public addresses of AWS: the VPC itself, endpoints of other
services, and an internet gateway, for which it lacks a public address."""


@dataclass(frozen=True, slots=True)
class _RouteTable:
    """The route table of one of the function's subnets."""

    id: str
    subnets: tuple[str, ...]
    """The subnets of the function that have it."""
    ways_out: tuple[str, ...] = ()
    """The targets of its routes that may lead to the internet."""


def check_network(deployed: Deployed) -> Iterator[CheckResult]:
    """Check the way from the function's subnets to DynamoDB; nothing for a function in no VPC."""
    inside: Mapping[str, Any] = deployed.function.get("VpcConfig") or {}
    subnets = sorted(inside.get("SubnetIds") or ())
    if not subnets:
        return
    vpc = str(inside["VpcId"])
    ec2 = boto3.client("ec2")
    service = f"com.amazonaws.{ec2.meta.region_name}.dynamodb"
    of_vpc = {"Name": "vpc-id", "Values": [vpc]}
    pages = ec2.get_paginator("describe_vpc_endpoints").paginate(
        Filters=[of_vpc, {"Name": "service-name", "Values": [service]}]
    )
    # Of a deleted endpoint the description stays for a while.
    endpoints = [
        each
        for page in pages
        for each in page["VpcEndpoints"]
        if str(each.get("State", "")).lower() == "available"
    ]
    private = next((each["VpcEndpointId"] for each in endpoints if _answers_by_name(each)), None)
    if private is not None:
        yield ok("vpc", f"DynamoDB has the interface endpoint {private} with private DNS in {vpc}")
        return
    connected = {
        table: each["VpcEndpointId"] for each in endpoints for table in each.get("RouteTableIds", ())
    }
    found = ec2.get_paginator("describe_route_tables").paginate(Filters=[of_vpc])
    tables, hidden = _tables_of(subnets, [each for page in found for each in page["RouteTables"]])
    apart = [table for table in tables if table.id not in connected]
    for table in apart:
        yield _without_endpoint(table, _fix(vpc, service, endpoints, [each.id for each in apart]))
    if hidden:
        yield warning(
            "vpc",
            f"whether {', '.join(hidden)} can reach DynamoDB is not known: you may not see the route table",
            "Ask the owner of the VPC for a gateway endpoint for DynamoDB in it.",
        )
    if not apart and not hidden:
        used = ", ".join(sorted({connected[table.id] for table in tables}))
        yield ok("vpc", f"every subnet reaches DynamoDB by the gateway endpoint {used}")


def _answers_by_name(endpoint: Mapping[str, Any]) -> bool:
    # Without private DNS the function would have to call the endpoint by a name of its own.
    return endpoint.get("VpcEndpointType") == "Interface" and bool(endpoint.get("PrivateDnsEnabled"))


def _tables_of(
    subnets: Sequence[str], described: Sequence[Mapping[str, Any]]
) -> tuple[list[_RouteTable], list[str]]:
    """Return the route tables of subnets, and the subnets whose table is not among those described."""
    by_subnet: dict[str, Mapping[str, Any]] = {}
    main: Mapping[str, Any] | None = None
    for table in described:
        for association in table.get("Associations", ()):
            if association.get("Main"):
                main = table
            elif "SubnetId" in association:
                by_subnet[association["SubnetId"]] = table
    own = {subnet: by_subnet.get(subnet, main) for subnet in subnets}
    tables = {str(table["RouteTableId"]): table for table in own.values() if table is not None}
    return [
        _RouteTable(
            name,
            tuple(subnet for subnet, of_it in own.items() if of_it is table),
            tuple(sorted({_target(route) for route in table.get("Routes", ()) if _may_lead_out(route)})),
        )
        for name, table in sorted(tables.items())
    ], [subnet for subnet, table in own.items() if table is None]


def _target(route: Mapping[str, Any]) -> str:
    return next((str(route[name]) for name in _TARGETS if route.get(name)), "")


def _may_lead_out(route: Mapping[str, Any]) -> bool:
    target = _target(route)
    if not target or target.startswith(_NO_WAY_OUT) or route.get("State") == "blackhole":
        return False
    network = route.get("DestinationCidrBlock")
    if not network:
        # DynamoDB's own name has IPv4 addresses only; what is in a prefix list is not looked up.
        return bool(route.get("DestinationPrefixListId"))
    # Python 3.11 takes the whole of IPv4 for private.
    return network == "0.0.0.0/0" or not ipaddress.ip_network(network, strict=False).is_private


def _without_endpoint(table: _RouteTable, fix: str) -> CheckResult:
    where = f"{', '.join(table.subnets)} ({table.id})"
    if table.ways_out:
        return warning(
            "vpc",
            f"{where} has no gateway endpoint for DynamoDB: the function's calls leave by "
            f"{', '.join(table.ways_out)}. Whether that leads to DynamoDB is not checked",
            f"A gateway endpoint costs nothing and is the shorter way. {fix}",
        )
    return problem(
        "vpc",
        f"{where} has no gateway endpoint for DynamoDB, and no route to the internet: queries that a "
        "budget bounds get 503 limits_unavailable",
        fix,
    )


def _fix(vpc: str, service: str, endpoints: Sequence[Mapping[str, Any]], tables: Sequence[str]) -> str:
    gateway = next((each for each in endpoints if each.get("VpcEndpointType") == "Gateway"), None)
    if gateway is not None:
        command = f"modify-vpc-endpoint --vpc-endpoint-id {gateway['VpcEndpointId']} --add-route-table-ids"
    else:
        command = f"create-vpc-endpoint --vpc-id {vpc} --service-name {service} --route-table-ids"
    return f"Add it {AWS_CLI}: aws ec2 {command} {' '.join(tables)}"
