"""The summary of DescribeNetworkInterfaces."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.alerts.lookup.network_interfaces import instances_to_name, read_interface, summarize_interfaces
from gatewatch.model.network_interfaces import AttachedResource
from support.lookup import instance, interface

AT = datetime(2026, 1, 24, 3, 46, tzinfo=UTC)


def seen(*interfaces, names=None, is_partial=False):
    return summarize_interfaces([read_interface(each) for each in interfaces], names or {}, AT, is_partial=is_partial)


def typed(kind, description=""):
    return interface(1, InterfaceType=kind, Description=description)


def managed(description, requester="", **fields):
    return interface(1, RequesterManaged=True, RequesterId=requester, Description=description, **fields)


ELB = "amazon-elb"
UUID = "1a2b3c4d-1111-2222-3333-aaaabbbbcccc"
THINGS = [
    (managed("ELB app/shop/50dc6c495c0c9188", ELB), AttachedResource("load_balancer", "shop")),
    (managed("ELB shop-classic", ELB), AttachedResource("load_balancer", "shop-classic")),
    (typed("network_load_balancer", "ELB net/shop/5"), AttachedResource("load_balancer", "shop")),
    (managed("RDSNetworkInterface", "amazon-rds"), AttachedResource("database")),
    (managed("something new", "amazon-rds"), AttachedResource("database")),
    (managed("RedshiftNetworkInterface"), AttachedResource("database")),
    (managed("ElastiCache sessions-0001-001", "amazon-elasticache"), AttachedResource("cache", "sessions-0001-001")),
    (typed("lambda", f"AWS Lambda VPC ENI-orders-{UUID}"), AttachedResource("function", "orders")),
    (typed("lambda", "another text"), AttachedResource("function")),
    (managed("arn:aws:ecs:eu-west-1:111122223333:attachment/1a2b3c4d"), AttachedResource("container")),
    (managed("Amazon EKS payments"), AttachedResource("cluster", "payments")),
    (
        managed("EFS mount target for fs-0123456789abcdef0 (fsmt-0123)"),
        AttachedResource("file_system", "fs-0123456789abcdef0"),
    ),
    (typed("vpc_endpoint", "VPC Endpoint Interface vpce-0a1"), AttachedResource("endpoint", "vpce-0a1")),
    (typed("nat_gateway", "Interface for NAT Gateway nat-0a1"), AttachedResource("nat_gateway", "nat-0a1")),
    (typed("quicksight"), AttachedResource("service", "quicksight")),
    (managed("ES search", "amazon-elasticsearch"), AttachedResource("service", "ES search")),
    (managed("", "amazon-aws"), AttachedResource("service", "amazon-aws")),
    (interface(1, TagSet=[{"Key": "Name", "Value": "spare"}]), AttachedResource("interface", "spare")),
    (interface(1), AttachedResource("interface", "eni-00000000000000001")),
    (instance(1, InterfaceType="trunk"), AttachedResource("instance", "i-00000000000000001")),
]


@pytest.mark.parametrize(("fields", "thing"), THINGS)
def test_the_resource_of_an_interface_is_recognised(fields, thing):
    assert seen(fields).resources == (thing,)


@pytest.mark.parametrize("description", ["RDSNetworkInterface", "ELB app/shop/5", "Amazon EKS payments"])
def test_a_user_written_description_is_not_taken_for_a_service(description):
    assert seen(interface(1, Description=description)).resources[0].kind == "interface"
    assert seen(instance(1, Description=description)).resources[0].kind == "instance"


@pytest.mark.parametrize(
    ("fields", "is_public"),
    [
        ({"Association": {"PublicIp": "203.0.113.9"}}, True),
        ({"PrivateIpAddresses": [{}, {"Association": {"PublicIp": "203.0.113.9"}}]}, True),
        ({"Ipv6Addresses": [{"Ipv6Address": "2600:1f14::9"}]}, True),
        ({"Ipv6Prefixes": [{"Ipv6Prefix": "2600:1f14:0:1::/80"}]}, True),
        ({"Ipv6Addresses": [{"Ipv6Address": "2600:1f14::9"}], "DenyAllIgwTraffic": True}, False),
        ({"Ipv6Addresses": [{"Ipv6Address": "fd00:ec2::9"}]}, False),
        ({"Ipv6Addresses": [{"Ipv6Address": "no address"}]}, False),
        ({"Association": {"CarrierIp": "155.146.10.111"}}, False),
        ({"PrivateIpAddress": "10.0.0.9", "Association": None, "PrivateIpAddresses": None}, False),
    ],
)
def test_public_addresses_are_recognised(fields, is_public):
    assert seen(interface(1, **fields)).public == is_public


def test_interfaces_are_counted_and_resources_listed_once_public_ones_first():
    found = seen(
        instance(1),
        instance(2),
        instance(2, public=True, NetworkInterfaceId="eni-another"),
        *(managed("ELB app/shop/5", "amazon-elb", NetworkInterfaceId=f"eni-{az}") for az in "abc"),
        *(managed("RDSNetworkInterface", "amazon-rds", NetworkInterfaceId=f"eni-db-{az}") for az in "ab"),
        names={"i-00000000000000001": "app", "i-00000000000000002": "web-1"},
    )
    assert (found.interfaces, found.public) == (8, 1)
    assert found.resources == (
        AttachedResource("instance", "web-1", is_public=True),
        AttachedResource("instance", "app"),
        AttachedResource("load_balancer", "shop"),
        AttachedResource("database", count=2),
    )


def test_instances_with_one_name_are_one_resource_with_a_count():
    fleet = {f"i-{number:017x}": "web" for number in range(1, 21)}
    assert seen(*map(instance, range(1, 21)), names=fleet).resources == (AttachedResource("instance", "web", count=20),)


def test_names_are_requested_for_fifty_instances_public_ones_first():
    found = [read_interface(instance(number, public=number == 99)) for number in range(1, 100)]
    wanted = instances_to_name(found)
    assert len(wanted) == 50
    assert wanted[0] == f"i-{99:017x}"
    assert instances_to_name([read_interface(managed("RDSNetworkInterface"))]) == ()


TEXT = st.text("ELB apcht-/\n", max_size=12)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "InterfaceType": TEXT | st.sampled_from(["interface", "lambda", "efs"]),
        "Description": TEXT | st.sampled_from(["ELB ", "ELB app/", "ElastiCache ", "AWS Lambda VPC ENI-"]),
        "RequesterManaged": st.booleans(),
        "RequesterId": TEXT,
        "Ipv6Addresses": st.lists(st.fixed_dictionaries({"Ipv6Address": TEXT}), max_size=2),
        "TagSet": st.lists(st.fixed_dictionaries({"Key": st.just("Name"), "Value": TEXT}), max_size=2),
        "NetworkInterfaceId": TEXT,
    },
)


@given(st.lists(FIELDS, max_size=6))
def test_hostile_texts_change_no_count(interfaces):
    found = seen(*interfaces)
    assert found.interfaces == len(interfaces)
    assert sum(each.count for each in found.resources) <= len(interfaces)
    assert bool(found.resources) == bool(interfaces)
