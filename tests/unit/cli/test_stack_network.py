"""The check of the way from the function's subnets to DynamoDB, on the VPCs of moto."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.unit.cli.conftest import Person
from travel_gpt.cli.doctor.report import run
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.doctor.stack.network import check_network
from travel_gpt.cli.stack import Stack

SERVICE = "com.amazonaws.us-east-1.dynamodb"


class Network:
    """A VPC with two subnets: the first has a route table of its own, the second the main one."""

    def __init__(self) -> None:
        self.ec2: Any = boto3.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"]
            for number in (1, 2)
        ]
        self.own = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=self.own, SubnetId=self.subnets[0])
        (main,) = self.ec2.describe_route_tables(
            Filters=[
                {"Name": "vpc-id", "Values": [self.vpc]},
                {"Name": "association.main", "Values": ["true"]},
            ]
        )["RouteTables"]
        self.main = main["RouteTableId"]

    def endpoint(self, *tables: str, service: str = SERVICE) -> str:
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.vpc, ServiceName=service, VpcEndpointType="Gateway", RouteTableIds=list(tables)
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def interface_endpoint(self, *, private_dns: bool) -> str:
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.vpc, ServiceName=SERVICE, VpcEndpointType="Interface", PrivateDnsEnabled=private_dns
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def nat_gateway(self, *tables: str, to: str = "0.0.0.0/0") -> str:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.create_nat_gateway(SubnetId=self.subnets[0], AllocationId=address)
        name = str(made["NatGateway"]["NatGatewayId"])
        for table in tables:
            self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=to, NatGatewayId=name)
        return name

    def function(self, *subnets: str) -> Deployed:
        """The function in these subnets, or in both."""
        inside = {"SubnetIds": list(subnets or self.subnets), "SecurityGroupIds": ["sg-1"], "VpcId": self.vpc}
        return Deployed(Stack("s", "CREATE_COMPLETE"), {}, {"VpcConfig": inside})

    def found(self, *subnets: str) -> list[tuple[str, str]]:
        results = list(check_network(self.function(*subnets)))
        assert all(bool(each.fix) == (each.state.value != "ok") for each in results)
        assert {each.check for each in results} == {"vpc"}
        return [(each.state.value, each.says) for each in results]

    def fixes(self) -> list[str]:
        return [each.fix.partition("aws ec2 ")[2] for each in check_network(self.function())]


@pytest.fixture
def network(person: Person) -> Network:  # noqa: ARG001 - its account
    return Network()


@pytest.mark.parametrize(
    "function", [{}, {"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""}}]
)
def test_a_function_in_no_vpc_has_nothing_to_check(function: dict[str, Any]) -> None:
    # Without an account: AWS is not asked.
    assert not list(check_network(Deployed(Stack("s"), {}, function)))


def test_a_gateway_endpoint_in_every_route_table(network: Network) -> None:
    endpoint = network.endpoint(network.own, network.main)

    assert network.found() == [("ok", f"every subnet reaches DynamoDB by the gateway endpoint {endpoint}")]


def test_a_subnet_without_the_endpoint_and_without_a_way_out(network: Network) -> None:
    first, second = network.subnets

    # Nothing at all; an endpoint of another service; one of another VPC.
    other = Network()
    other.endpoint(other.own, other.main)
    network.endpoint(network.own, network.main, service="com.amazonaws.us-east-1.s3")
    found = network.found()
    assert {state for state, _ in found} == {"problem"}
    said = " ".join(says for _, says in found)
    assert f"{first} ({network.own}) has no gateway endpoint for DynamoDB, and no route" in said
    assert f"{second} ({network.main}) has no gateway endpoint" in said
    assert "limits_unavailable" in said
    tables = " ".join(sorted([network.own, network.main]))
    wanted = f"create-vpc-endpoint --vpc-id {network.vpc} --service-name {SERVICE} --route-table-ids {tables}"
    assert network.fixes() == [wanted, wanted]

    # One of two: the main route table counts for the subnet without one of its own, and for no other.
    endpoint = network.endpoint(network.main)
    (only,) = network.found()
    assert only[0] == "problem"
    assert only[1].startswith(f"{first} ({network.own}) has no")
    assert network.fixes() == [
        f"modify-vpc-endpoint --vpc-endpoint-id {endpoint} --add-route-table-ids {network.own}"
    ]
    assert network.found(second)[0][0] == "ok"

    # A deleted endpoint is none. moto still describes it, as AWS does for a while.
    network.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert network.found(second)[0][0] == "problem"


def test_an_internet_gateway_is_no_way_for_a_function(network: Network) -> None:
    gateway = network.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    network.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    for table in (network.own, network.main):
        network.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    assert [state for state, _ in network.found()] == ["problem", "problem"]


def test_of_a_nat_gateway_it_is_said_what_is_known(network: Network) -> None:
    network.endpoint(network.main)
    nat = network.nat_gateway(network.own)

    (found,) = network.found()

    state, says = found
    assert state == "warning"
    assert says.startswith(f"{network.subnets[0]} ({network.own}) has no gateway endpoint for DynamoDB: ")
    assert says.endswith(f"leave by {nat}. Whether that leads to DynamoDB is not checked")


def test_a_route_that_cannot_lead_to_dynamodb_is_none(network: Network) -> None:
    network.endpoint(network.main)
    network.nat_gateway(network.own, to="10.9.0.0/16")
    assert network.found()[0][0] == "problem"

    network.nat_gateway(network.own, to="52.94.0.0/16")
    assert network.found()[0][0] == "warning"


def test_a_route_whose_target_is_gone_is_none(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    network.endpoint(network.main)
    network.nat_gateway(network.own)
    assert network.found()[0][0] == "warning"

    # moto's routes are always active. State "blackhole": EC2 API Reference, Route.
    monkeypatch.setattr("moto.ec2.models.route_tables.Route.state", "blackhole", raising=False)
    assert network.found()[0][0] == "problem"


def test_an_interface_endpoint_counts_with_private_dns(network: Network) -> None:
    network.interface_endpoint(private_dns=False)
    assert network.found()[0][0] == "problem"
    # It has no route tables, so another endpoint is what is missing.
    assert network.fixes()[0].startswith("create-vpc-endpoint")

    endpoint = network.interface_endpoint(private_dns=True)
    assert network.found() == [
        ("ok", f"DynamoDB has the interface endpoint {endpoint} with private DNS in {network.vpc}")
    ]


def test_a_route_table_that_is_hidden_is_no_problem(network: Network) -> None:
    network.endpoint(network.own)
    # The subnet of another account: its main route table is that account's.
    network.ec2 = boto3.client("ec2")
    function = network.function()

    class Hidden:
        """EC2 without the main route table."""

        meta = network.ec2.meta

        def get_paginator(self, operation: str) -> Any:
            real = network.ec2.get_paginator(operation)
            if operation != "describe_route_tables":
                return real

            class Pages:
                def paginate(self, **options: Any) -> Any:
                    for page in real.paginate(**options):
                        yield {
                            "RouteTables": [
                                t for t in page["RouteTables"] if t["RouteTableId"] == network.own
                            ]
                        }

            return Pages()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "client", lambda _: Hidden())
        (found,) = check_network(function)

    assert found.state.value == "warning"
    assert found.says.startswith(f"whether {network.subnets[1]} can reach DynamoDB is not known")


def test_without_the_permission_it_is_not_checked(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        denied = {"Error": {"Code": "UnauthorizedOperation", "Message": "not authorized"}}
        raise ClientError(denied, "DescribeVpcEndpoints")  # type: ignore[arg-type]

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refuse)

    (found,) = run("vpc", lambda: check_network(network.function()))

    assert (found.check, found.state.value) == ("vpc", "warning")
    assert "not checked: you may not look" in found.says
