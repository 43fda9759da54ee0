"""What DescribeNetworkInterfaces says of a group, in a handful of facts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.alerts.lookup.network_interfaces import attached, instances_to_name, read_interface
from gatewatch.model.network_interfaces import Thing
from support.lookup import instance, interface

AT = datetime(2026, 1, 24, 3, 46, tzinfo=UTC)


def seen(*interfaces, names=None, is_part=False):
    return attached([read_interface(each) for each in interfaces], names or {}, AT, is_part=is_part)


def typed(kind, description=""):
    return interface(1, InterfaceType=kind, Description=description)


def managed(description, requester="", **fields):
    return interface(1, RequesterManaged=True, RequesterId=requester, Description=description, **fields)


ELB = "amazon-elb"
UUID = "1a2b3c4d-1111-2222-3333-aaaabbbbcccc"
THINGS = [
    (managed("ELB app/shop/50dc6c495c0c9188", ELB), Thing("load_balancer", "shop")),
    (managed("ELB shop-classic", ELB), Thing("load_balancer", "shop-classic")),
    (typed("network_load_balancer", "ELB net/shop/5"), Thing("load_balancer", "shop")),
    (managed("RDSNetworkInterface", "amazon-rds"), Thing("database")),
    (managed("something new", "amazon-rds"), Thing("database")),
    (managed("RedshiftNetworkInterface"), Thing("database")),
    (managed("ElastiCache sessions-0001-001", "amazon-elasticache"), Thing("cache", "sessions-0001-001")),
    (typed("lambda", f"AWS Lambda VPC ENI-orders-{UUID}"), Thing("function", "orders")),
    (typed("lambda", "another text"), Thing("function")),
    (managed("arn:aws:ecs:eu-west-1:111122223333:attachment/1a2b3c4d"), Thing("container")),
    (managed("Amazon EKS payments"), Thing("cluster", "payments")),
    (managed("EFS mount target for fs-0123456789abcdef0 (fsmt-0123)"), Thing("file_system", "fs-0123456789abcdef0")),
    (typed("vpc_endpoint", "VPC Endpoint Interface vpce-0a1"), Thing("endpoint", "vpce-0a1")),
    (typed("nat_gateway", "Interface for NAT Gateway nat-0a1"), Thing("nat_gateway", "nat-0a1")),
    (typed("quicksight"), Thing("service", "quicksight")),
    (managed("ES search", "amazon-elasticsearch"), Thing("service", "ES search")),
    (managed("", "amazon-aws"), Thing("service", "amazon-aws")),
    (interface(1, TagSet=[{"Key": "Name", "Value": "spare"}]), Thing("interface", "spare")),
    (interface(1), Thing("interface", "eni-00000000000000001")),
    (instance(1, InterfaceType="trunk"), Thing("instance", "i-00000000000000001")),
]


@pytest.mark.parametrize(("fields", "thing"), THINGS)
def test_a_thing_is_told_by_what_it_is(fields, thing):
    assert seen(fields).things == (thing,)


@pytest.mark.parametrize("description", ["RDSNetworkInterface", "ELB app/shop/5", "Amazon EKS payments"])
def test_a_description_that_anybody_may_have_written_makes_no_service_of_an_interface(description):
    assert seen(interface(1, Description=description)).things[0].kind == "interface"
    assert seen(instance(1, Description=description)).things[0].kind == "instance"


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
def test_a_public_address_is_one_that_the_internet_knows(fields, is_public):
    assert seen(interface(1, **fields)).public == is_public


def test_interfaces_are_counted_and_things_told_once_public_ones_first():
    found = seen(
        instance(1),
        instance(2),
        instance(2, public=True, NetworkInterfaceId="eni-another"),
        *(managed("ELB app/shop/5", "amazon-elb", NetworkInterfaceId=f"eni-{az}") for az in "abc"),
        *(managed("RDSNetworkInterface", "amazon-rds", NetworkInterfaceId=f"eni-db-{az}") for az in "ab"),
        names={"i-00000000000000001": "app", "i-00000000000000002": "web-1"},
    )
    assert (found.interfaces, found.public) == (8, 1)
    assert found.things == (
        Thing("instance", "web-1", is_public=True),
        Thing("instance", "app"),
        Thing("load_balancer", "shop"),
        Thing("database", count=2),
    )


def test_a_fleet_of_one_name_is_one_thing_with_a_number():
    fleet = {f"i-{number:017x}": "web" for number in range(1, 21)}
    assert seen(*map(instance, range(1, 21)), names=fleet).things == (Thing("instance", "web", count=20),)


def test_names_are_asked_for_fifty_instances_the_public_ones_first():
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
def test_whatever_the_texts_hold_every_interface_is_counted_and_no_thing_too_many(interfaces):
    found = seen(*interfaces)
    assert found.interfaces == len(interfaces)
    assert sum(each.count for each in found.things) <= len(interfaces)
    assert bool(found.things) == bool(interfaces)
