"""The path check against a brute force that sends single packets through invented networks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewatch.alerts.reachability.check import check_reachability
from gatewatch.alerts.reachability.network import (
    AclEntry,
    Interface,
    Network,
    NetworkAcl,
    RouteTable,
    Subnet,
    VpcRoute,
)
from gatewatch.model.reachability import Layer, Verdict
from gatewatch.model.security_group import CidrPeer, GroupPeer, IcmpType, PortRange, PrefixListPeer, Traffic
from support.invented_networks import CIDRS, PARTS, PUBLIC_CIDRS, RANGES, expected_verdict, hidden, is_wrong, matrix

WORLD, WORLD_V6 = CidrPeer("0.0.0.0/0"), CidrPeer("::/0")
SSH = Traffic("tcp", ports=PortRange(22, 22))
ALLOW_ALL = tuple(
    AclEntry(100, allows=True, is_egress=egress, cidr=cidr, traffic=Traffic("all"))
    for egress in (False, True)
    for cidr in ("0.0.0.0/0", "::/0")
)
OUT = (VpcRoute("0.0.0.0/0", "igw-1", leads_out=True), VpcRoute("::/0", "igw-1", leads_out=True))
HALVES = (VpcRoute("0.0.0.0/1", "", leads_out=False), VpcRoute("128.0.0.0/1", "", leads_out=False))
CLOSED = VpcRoute("0.0.0.0/0", "nat-1", leads_out=False)
TABLE, ACL = RouteTable("rtb-1", OUT), NetworkAcl("acl-1", ALLOW_ALL)
ENI = Interface(id="eni-1", subnet_id="subnet-1", vpc_id="vpc-1", addresses=("198.51.100.9",), instance_id="i-1")


def subnet(**fields):
    return Subnet(**{"id": "subnet-1", "route_table": TABLE, "acl": ACL, **fields})


def network(*interfaces, **fields):
    found = {"interfaces": interfaces or (ENI,), "subnets": {"subnet-1": subnet()}, "is_running": {"i-1": True}}
    return Network(**{**found, **fields})


def interface(**fields):
    return Interface(**{**{name: getattr(ENI, name) for name in ENI.__struct_fields__}, **fields})


def entry(number, cidr="0.0.0.0/0", traffic=Traffic("all"), *, allows=True, egress=False):  # noqa: B008
    return AclEntry(number, allows=allows, is_egress=egress, cidr=cidr, traffic=traffic)


def with_subnet(**fields):
    return network(subnets={"subnet-1": subnet(**fields)})


def with_acl(*entries):
    return with_subnet(acl=NetworkAcl("acl-1", entries))


def with_routes(*routes, **fields):
    return with_subnet(route_table=RouteTable("rtb-1", routes, **fields))


def test_a_reachable_rule_names_the_path():
    result = check_reachability(WORLD, SSH, network())
    assert result.verdict is Verdict.REACHABLE
    assert result.path == ("igw-1", "rtb-1", "acl-1", "subnet-1", "eni-1", "198.51.100.9")


@pytest.mark.parametrize("peer", [GroupPeer("sg-1"), CidrPeer("10.0.0.0/8"), CidrPeer("fd00::/8")])
def test_a_peer_without_an_address_on_the_internet_is_not_checked(peer):
    assert check_reachability(peer, SSH, network()) is None


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (Layer.INTERFACE, Network(interfaces=())),
        (Layer.INTERFACE, network(interface(is_attached=False))),
        (Layer.ADDRESS, network(interface(addresses=()))),
        (Layer.ADDRESS, network(interface(addresses=("2600:1f18::1",)))),
        (Layer.INSTANCE_STATE, network(is_running={"i-1": False})),
        (Layer.BLOCK_PUBLIC_ACCESS, with_subnet(is_blocked=True)),
        (Layer.ROUTE, with_routes()),
        (Layer.ROUTE, with_routes(CLOSED)),
        (
            Layer.ROUTE,
            with_routes(OUT[0], *HALVES),
        ),
        (Layer.NETWORK_ACL, with_acl()),
        (Layer.NETWORK_ACL, with_acl(entry(1), entry(2, allows=False, egress=True))),
        (Layer.NETWORK_ACL, with_acl(entry(1, allows=False), entry(2), entry(3, egress=True))),
        (Layer.NETWORK_ACL, with_acl(entry(1, traffic=Traffic("udp")), entry(3, egress=True))),
        (Layer.NETWORK_ACL, with_acl(entry(1, "8.8.8.0/24"), entry(2, "9.9.9.0/24", egress=True))),
    ],
)
def test_the_layer_that_stops_a_connection_is_named(layer, found):
    result = check_reachability(WORLD, SSH, found)
    assert (result.verdict, result.layer, result.path) == (Verdict.NOT_REACHABLE, layer, ())


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (Layer.INTERFACE, network(interface(addresses=()), is_partial=True)),
        (Layer.INSTANCE_STATE, network(is_running={})),
        (Layer.BLOCK_PUBLIC_ACCESS, network(subnets={})),
        (Layer.BLOCK_PUBLIC_ACCESS, with_subnet(is_blocked=None)),
        (Layer.ROUTE, with_subnet(route_table=None)),
        (Layer.ROUTE, with_routes(*OUT, is_inspected=True)),
        (Layer.ROUTE, with_routes(VpcRoute("0.0.0.0/0", "vpce-1", leads_out=None))),
        (Layer.ROUTE, with_routes(*OUT, VpcRoute(None, "tgw-1", leads_out=None))),
        (Layer.ROUTE, with_routes(CLOSED, VpcRoute(None, "igw-1", leads_out=True))),
        (Layer.NETWORK_ACL, with_subnet(acl=None)),
        (Layer.NETWORK_ACL, with_acl(entry(1, None), entry(2, egress=True))),
        (Layer.NETWORK_ACL, with_acl(entry(1, traffic=Traffic()), entry(2, egress=True))),
    ],
)
def test_what_could_not_be_read_is_named(layer, found):
    result = check_reachability(WORLD, SSH, found)
    assert (result.verdict, result.layer) == (Verdict.UNKNOWN, layer)


def test_a_prefix_list_is_unknown_where_the_way_is_open_and_not_reachable_where_it_is_closed():
    assert check_reachability(PrefixListPeer("pl-1"), SSH, network()).verdict is Verdict.UNKNOWN
    closed = check_reachability(PrefixListPeer("pl-1"), SSH, with_routes(CLOSED))
    assert (closed.verdict, closed.layer) == (Verdict.NOT_REACHABLE, Layer.ROUTE)


def test_the_most_open_interface_decides():
    closed = interface(id="eni-0", addresses=())
    assert check_reachability(WORLD, SSH, network(closed, ENI)).path[4] == "eni-1"
    unknown = check_reachability(WORLD, SSH, network(closed, interface(subnet_id="subnet-2")))
    assert unknown.verdict is Verdict.UNKNOWN


def test_ipv6_has_its_own_addresses_routes_and_entries():
    v6 = network(interface(addresses=("2600:1f18::1",)))
    assert check_reachability(WORLD_V6, SSH, v6).verdict is Verdict.REACHABLE
    assert check_reachability(WORLD, SSH, v6).layer is Layer.ADDRESS


def test_the_client_may_choose_a_port_below_1024_for_the_answer():
    answer = Traffic("tcp", ports=PortRange(443, 443))
    found = with_acl(entry(1), entry(2, traffic=answer, egress=True))
    assert check_reachability(WORLD, SSH, found).verdict is Verdict.REACHABLE


traffics = st.one_of(
    st.builds(Traffic, st.sampled_from(("tcp", "udp")), st.sampled_from(RANGES)),
    st.builds(Traffic, st.sampled_from(("all", "253", "50"))),
)
entries = st.builds(AclEntry, st.integers(1, 20), st.booleans(), st.booleans(), st.sampled_from(CIDRS), traffics)
routes = st.lists(
    st.builds(VpcRoute, st.sampled_from(CIDRS), st.sampled_from(("igw-1", "igw-2")), st.sampled_from((True, False))),
    max_size=4,
    unique_by=lambda each: each.cidr,
)
subnets = st.builds(
    lambda blocked, routes, entries: subnet(
        is_blocked=blocked, route_table=RouteTable("rtb-1", tuple(routes)), acl=NetworkAcl("acl-1", tuple(entries))
    ),
    st.sampled_from((False, False, False, True)),
    routes,
    st.lists(entries, max_size=6, unique_by=lambda each: (each.number, each.is_egress)),
)
networks = st.builds(
    lambda subnets, addresses, attached, running: Network(
        interfaces=tuple(
            interface(id=f"eni-{i}", subnet_id=f"subnet-{i}", addresses=addresses, is_attached=attached)
            for i in range(len(subnets))
        ),
        subnets={f"subnet-{i}": each for i, each in enumerate(subnets)},
        is_running={"i-1": running},
    ),
    st.lists(subnets, min_size=1, max_size=2),
    st.sampled_from((("198.51.100.9",), ("198.51.100.9",), ())),
    st.sampled_from((True, True, True, False)),
    st.sampled_from((True, True, True, False)),
)


public_peers = st.sampled_from([CidrPeer(each) for each in PUBLIC_CIDRS])


@settings(deadline=None)
@given(public_peers, traffics, networks)
def test_the_check_agrees_with_packets_sent_one_by_one(peer, traffic, found):
    assert check_reachability(peer, traffic, found).verdict is expected_verdict(peer, traffic, found)


@settings(deadline=None)
@given(public_peers, traffics, networks, st.sampled_from(PARTS))
def test_what_cannot_be_read_never_turns_the_answer_round(peer, traffic, found, part):
    verdict = check_reachability(peer, traffic, hidden(part, found)).verdict
    assert verdict in {Verdict.UNKNOWN, expected_verdict(peer, traffic, found)}


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_answer_is_the_opposite_of_the_truth(count):
    counts = matrix(count, 1)
    assert not is_wrong(counts)
    assert min(counts[verdict, verdict] for verdict in (Verdict.REACHABLE, Verdict.NOT_REACHABLE)) > count / 20
    assert counts.total() == count


def test_icmp_types_that_an_entry_names_are_kept_apart():
    ping, other = Traffic("icmp", icmp=IcmpType(8, 0)), Traffic("icmp", icmp=IcmpType(13, -1))
    answers_ = entry(1, traffic=Traffic("icmp"), egress=True)
    assert check_reachability(WORLD, ping, with_acl(entry(1, traffic=ping), answers_)).verdict is Verdict.REACHABLE
    closed = check_reachability(WORLD, ping, with_acl(entry(1, traffic=other), answers_))
    assert closed.layer is Layer.NETWORK_ACL
    every = Traffic("icmp", icmp=IcmpType(-1, -1))
    assert check_reachability(WORLD, every, with_acl(entry(1, traffic=ping), answers_)).verdict is Verdict.UNKNOWN
