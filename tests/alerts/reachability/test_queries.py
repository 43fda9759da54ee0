"""Networks read from an embedded EC2, and from responses that it does not have."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from gatewatch.alerts.reachability.check import check_reachability
from gatewatch.alerts.reachability.queries import read_interface_address, read_network
from gatewatch.model.reachability import Layer, Verdict
from gatewatch.model.security_group import CidrPeer, PortRange, Traffic

WORLD, SSH = CidrPeer("0.0.0.0/0"), Traffic("tcp", ports=PortRange(22, 22))
REGION = "ap-northeast-2"


@pytest.fixture
def ec2():
    with mock_aws():
        yield boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")


@pytest.fixture
def instance(ec2):
    """An instance with a public address in a new VPC, and the ids of its network."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    image = ec2.register_image(Name="image")["ImageId"]
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": True}
    run = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[interface])["Instances"][0]
    return {"vpc": vpc, "subnet": subnet, "gateway": gateway, "table": table["RouteTableId"], "id": run["InstanceId"]}


def verdict(ec2):
    found = ec2.describe_network_interfaces()["NetworkInterfaces"]
    return check_reachability(WORLD, SSH, read_network(ec2, [read_interface_address(each) for each in found]))


def test_an_instance_with_a_public_address_and_a_route_is_reachable(ec2, instance):
    result = verdict(ec2)
    assert result.verdict is Verdict.REACHABLE
    assert result.path[0] == instance["gateway"]
    assert result.path[3] == instance["subnet"]


def test_a_table_of_the_subnet_replaces_the_main_one(ec2, instance):
    private = ec2.create_route_table(VpcId=instance["vpc"])["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=private, SubnetId=instance["subnet"])
    assert (verdict(ec2).verdict, verdict(ec2).layer) == (Verdict.NOT_REACHABLE, Layer.ROUTE)


def test_an_entry_of_the_network_acl_that_refuses_is_found(ec2, instance):
    filters = [{"Name": "association.subnet-id", "Values": [instance["subnet"]]}]
    (acl,) = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    ec2.create_network_acl_entry(
        NetworkAclId=acl["NetworkAclId"],
        RuleNumber=1,
        Protocol="6",
        RuleAction="deny",
        Egress=False,
        CidrBlock="0.0.0.0/0",
        PortRange={"From": 22, "To": 22},
    )
    assert verdict(ec2).layer is Layer.NETWORK_ACL


def test_a_stopped_instance_is_not_reachable(ec2, instance):
    ec2.stop_instances(InstanceIds=[instance["id"]])
    result = verdict(ec2)
    assert result.verdict is Verdict.NOT_REACHABLE
    assert result.layer in {Layer.INSTANCE_STATE, Layer.ADDRESS}


PUBLIC = {
    "NetworkInterfaceId": "eni-1",
    "SubnetId": "subnet-1",
    "VpcId": "vpc-1",
    "Association": {"PublicIp": "198.51.100.9"},
}
ANY = {"CidrBlock": "0.0.0.0/0", "Protocol": "-1", "RuleAction": "allow", "RuleNumber": 100}
OPEN_ROUTE = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}
LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}


def main_table(*routes):
    return {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": True}], "Routes": list(routes)}


OWNER, PARTICIPANT = "111122223333", "444455556666"


def stubbed(tables=(), subnet=None, exclusions=None):
    """Return a client that answers in the order of the requests; `exclusions` None: that request is refused."""
    ec2 = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    stub = Stubber(ec2)
    stub.add_response("describe_route_tables", {"RouteTables": list(tables or [main_table(LOCAL, OPEN_ROUTE)])})
    entries = [{**ANY, "Egress": False}, {**ANY, "Egress": True}]
    acl = {"NetworkAclId": "acl-1", "Entries": entries, "Associations": [{"SubnetId": "subnet-1"}]}
    stub.add_response("describe_network_acls", {"NetworkAcls": [acl]})
    stub.add_response("describe_subnets", {"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", **(subnet or {})}]})
    if subnet and "BlockPublicAccessStates" not in subnet:
        pass
    elif subnet and exclusions is not None:
        stub.add_response("describe_vpc_block_public_access_exclusions", {"VpcBlockPublicAccessExclusions": exclusions})
    elif subnet:
        stub.add_client_error("describe_vpc_block_public_access_exclusions", "UnauthorizedOperation")
    stub.activate()
    return ec2


def stubbed_verdict(*arguments, interface=PUBLIC, **options):
    network = read_network(stubbed(*arguments, **options), [read_interface_address(interface)])
    return check_reachability(WORLD, SSH, network)


BLOCKED = {"BlockPublicAccessStates": {"InternetGatewayBlockMode": "block-ingress"}}
SUBNET_ARN = "arn:aws:ec2:ap-northeast-2:111122223333:subnet/subnet-1"


@pytest.mark.parametrize(
    ("exclusions", "expected"),
    [
        ([], (Verdict.NOT_REACHABLE, Layer.BLOCK_PUBLIC_ACCESS)),
        (
            [{"ResourceArn": SUBNET_ARN, "InternetGatewayExclusionMode": "allow-egress"}],
            (Verdict.NOT_REACHABLE, Layer.BLOCK_PUBLIC_ACCESS),
        ),
        (
            [{"ResourceArn": SUBNET_ARN, "InternetGatewayExclusionMode": "allow-bidirectional"}],
            (Verdict.REACHABLE, None),
        ),
        (
            [
                {
                    "ResourceArn": SUBNET_ARN,
                    "InternetGatewayExclusionMode": "allow-bidirectional",
                    "State": "delete-complete",
                }
            ],
            (Verdict.NOT_REACHABLE, Layer.BLOCK_PUBLIC_ACCESS),
        ),
        (None, (Verdict.UNKNOWN, Layer.BLOCK_PUBLIC_ACCESS)),
    ],
)
def test_block_public_access_stops_all_but_excluded_subnets(exclusions, expected):
    result = stubbed_verdict(subnet=BLOCKED, exclusions=exclusions)
    assert (result.verdict, result.layer) == expected


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([{**OPEN_ROUTE, "State": "blackhole"}], Verdict.NOT_REACHABLE),
        ([{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}], Verdict.NOT_REACHABLE),
        ([{"DestinationCidrBlock": "0.0.0.0/0", "TransitGatewayId": "tgw-1", "State": "active"}], Verdict.UNKNOWN),
        ([OPEN_ROUTE, {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"}], Verdict.REACHABLE),
        ([OPEN_ROUTE, {"DestinationPrefixListId": "pl-1", "NatGatewayId": "nat-1"}], Verdict.UNKNOWN),
        ([{"DestinationPrefixListId": "pl-1", "GatewayId": "igw-1"}], Verdict.UNKNOWN),
    ],
)
def test_targets_of_routes(routes, expected):
    assert stubbed_verdict([main_table(LOCAL, *routes)]).verdict is expected


def test_a_gateway_that_routes_through_a_firewall_leaves_the_answer_open():
    of_gateway = {
        "RouteTableId": "rtb-2",
        "VpcId": "vpc-1",
        "Associations": [{"GatewayId": "igw-1"}],
        "Routes": [LOCAL, {"DestinationCidrBlock": "10.0.0.0/24", "GatewayId": "vpce-1"}],
    }
    result = stubbed_verdict([main_table(LOCAL, OPEN_ROUTE), of_gateway])
    assert (result.verdict, result.layer) == (Verdict.UNKNOWN, Layer.ROUTE)


def test_a_role_that_may_read_nothing_more_leaves_the_answer_open():
    ec2 = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(ec2) as stub:
        for operation in ("describe_route_tables", "describe_network_acls", "describe_subnets"):
            stub.add_client_error(operation, "UnauthorizedOperation")
        network = read_network(ec2, [read_interface_address(PUBLIC)])
    assert check_reachability(WORLD, SSH, network).verdict is Verdict.UNKNOWN


def test_nothing_is_asked_when_no_interface_has_a_public_address():
    ec2 = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(ec2):
        network = read_network(ec2, [read_interface_address({"NetworkInterfaceId": "eni-1"})])
    assert check_reachability(WORLD, SSH, network).layer is Layer.ADDRESS


@pytest.mark.parametrize(
    ("fields", "addresses"),
    [
        ({"Ipv6Addresses": [{"Ipv6Address": "2600:1f18::1"}]}, ("2600:1f18::1",)),
        ({"Ipv6Addresses": [{"Ipv6Address": "fd00::1"}]}, ()),
        ({"Ipv6Addresses": [{"Ipv6Address": "2600:1f18::1"}], "DenyAllIgwTraffic": True}, ()),
        ({"PrivateIpAddresses": [{"Association": {"PublicIp": "198.51.100.7"}}]}, ("198.51.100.7",)),
    ],
)
def test_addresses_that_can_be_reached_from_outside(fields, addresses):
    assert read_interface_address(fields).addresses == addresses


SHARED = {"OwnerId": OWNER}
OF_PARTICIPANT = {**PUBLIC, "OwnerId": PARTICIPANT}
NO_WAY_OUT = main_table(LOCAL)
OF_SUBNET = {**main_table(LOCAL), "Associations": [{"SubnetId": "subnet-1"}]}


def test_in_a_shared_subnet_the_main_table_does_not_stand_for_one_that_may_be_hidden():
    assert stubbed_verdict([NO_WAY_OUT], SHARED).layer is Layer.ROUTE
    shared = stubbed_verdict([NO_WAY_OUT], SHARED, interface=OF_PARTICIPANT)
    assert (shared.verdict, shared.layer) == (Verdict.UNKNOWN, Layer.ROUTE)


def test_in_a_shared_subnet_a_table_that_is_found_counts():
    result = stubbed_verdict([OF_SUBNET], SHARED, interface=OF_PARTICIPANT)
    assert (result.verdict, result.layer) == (Verdict.NOT_REACHABLE, Layer.ROUTE)


def test_in_a_shared_subnet_exclusions_of_the_owner_may_be_hidden():
    result = stubbed_verdict(subnet={**BLOCKED, **SHARED}, exclusions=[], interface=OF_PARTICIPANT)
    assert (result.verdict, result.layer) == (Verdict.UNKNOWN, Layer.BLOCK_PUBLIC_ACCESS)


def test_an_interface_in_several_subnets_is_unknown():
    several = {**PUBLIC, "AssociatedSubnets": ["subnet-1", "subnet-2"]}
    ec2 = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(ec2) as stub:
        stub.add_response("describe_route_tables", {"RouteTables": [NO_WAY_OUT]})
        network = read_network(ec2, [read_interface_address(several)])
    assert check_reachability(WORLD, SSH, network).verdict is Verdict.UNKNOWN


def test_the_instance_of_another_account_does_not_hide_the_state_of_the_own_ones():
    """EC2 refuses a request that names an instance of another account."""
    own = {**PUBLIC, "OwnerId": OWNER, "Attachment": {"InstanceId": "i-1", "InstanceOwnerId": OWNER}}
    other = {**PUBLIC, "OwnerId": PARTICIPANT, "Attachment": {"InstanceId": "i-2", "InstanceOwnerId": PARTICIPANT}}
    ec2 = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    stub = Stubber(ec2)
    options = {"IncludeAllInstances": True, "IncludeManagedResources": True}
    for operation, key in (
        ("describe_route_tables", "RouteTables"),
        ("describe_network_acls", "NetworkAcls"),
        ("describe_subnets", "Subnets"),
    ):
        stub.add_response(operation, {key: []})
    states = {"InstanceStatuses": [{"InstanceId": "i-1", "InstanceState": {"Name": "running"}}]}
    stub.add_response("describe_instance_status", states, {"InstanceIds": ["i-1"], **options})
    stub.add_client_error("describe_instance_status", "InvalidInstanceID.NotFound")
    stub.activate()
    network = read_network(ec2, [read_interface_address(each) for each in (own, other)])
    assert network.is_running == {"i-1": True}


def test_exclusions_that_have_more_pages_are_not_known():
    ec2 = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    stub = Stubber(ec2)
    tables = [main_table(LOCAL, OPEN_ROUTE)]
    stub.add_response("describe_route_tables", {"RouteTables": tables})
    stub.add_response("describe_network_acls", {"NetworkAcls": []})
    stub.add_response("describe_subnets", {"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", **BLOCKED}]})
    more = {"VpcBlockPublicAccessExclusions": [], "NextToken": "more"}
    stub.add_response("describe_vpc_block_public_access_exclusions", more)
    stub.activate()
    network = read_network(ec2, [read_interface_address(PUBLIC)])
    assert check_reachability(WORLD, SSH, network).layer is Layer.BLOCK_PUBLIC_ACCESS
