"""Invented networks, and a brute force that sends single packets through them.

`PYTHONPATH=tests python -m support.invented_networks COUNT SEED` compares it with the path check.
"""

# ruff: noqa: T201  a command prints
import itertools
import random
import sys
from collections import Counter
from ipaddress import ip_address, ip_network

from msgspec.structs import replace

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
from gatewatch.model.reachability import Verdict
from gatewatch.model.security_group import CidrPeer, PortRange, Traffic

# One address and one port of every part in which the CIDRs and port ranges below agree, so they stand for all.
CLIENTS = ("1.1.1.1", "8.8.8.8", "8.8.9.9", "9.9.9.9", "200.0.0.1")
CIDRS = ("0.0.0.0/0", "8.8.8.0/24", "8.8.0.0/16", "9.9.9.9/32", "128.0.0.0/1", "10.0.0.0/8")
PUBLIC_CIDRS = tuple(each for each in CIDRS if not each.startswith("10."))
PORTS = (5, 22, 50, 300, 443, 500, 30_000)
RANGES = (PortRange(0, 65_535), PortRange(22, 22), PortRange(0, 100), PortRange(1024, 65_535), PortRange(443, 443))


def arrives(peer, traffic, found):
    """Send a packet from every client, by every protocol and port."""
    protocols = [traffic.protocol] if traffic.protocol != "all" else ["tcp", "udp", "50", "253"]
    ports = [port for port in PORTS if traffic.ports is None or traffic.ports.covers(port)]
    clients = [client for client in CLIENTS if ip_address(client) in ip_network(peer.cidr)]
    return any(
        is_up(each, found.is_running) and answers(found.subnets[each.subnet_id], client, protocol, ports)
        for each, client, protocol in itertools.product(found.interfaces, clients, protocols)
    )


def is_up(each, is_running):
    return each.is_attached and each.addresses and is_running["i-1"]


def answers(subnet, client, protocol, ports):
    return (
        not subnet.is_blocked
        and routed(subnet.route_table, client)
        and any(passes(subnet.acl, client, protocol, port, egress=False) for port in ports)
        and any(passes(subnet.acl, client, protocol, port, egress=True) for port in PORTS)
    )


def routed(table, client):
    matching = [each for each in table.routes if ip_address(client) in ip_network(each.cidr)]
    return bool(matching) and max(matching, key=lambda each: ip_network(each.cidr).prefixlen).leads_out


def passes(acl, client, protocol, port, *, egress):
    for each in sorted(acl.entries, key=lambda each: each.number):
        traffic = each.traffic
        same = traffic.protocol in {"all", protocol}
        in_range = traffic.ports is None or traffic.ports.covers(port)
        if each.is_egress is egress and same and in_range and ip_address(client) in ip_network(each.cidr):
            return each.allows
    return False


def expected_verdict(peer, traffic, found):
    return Verdict.REACHABLE if arrives(peer, traffic, found) else Verdict.NOT_REACHABLE


def hidden(part, found):
    """Return the network as it is seen when a part of it cannot be read."""
    if part in {"route_table", "acl", "is_blocked"}:
        return replace(found, subnets={name: replace(each, **{part: None}) for name, each in found.subnets.items()})
    if part == "interfaces":
        return replace(found, interfaces=found.interfaces[1:], is_partial=True)
    if part in {"subnets", "is_running"}:
        return replace(found, **{part: {}})
    return replace(
        found, subnets={name: replace(each, **with_doubt(part, each)) for name, each in found.subnets.items()}
    )


def with_doubt(part, each):
    """Return a field of the subnet in which the first route, or the first entry, could not be read."""
    table, acl = each.route_table, each.acl
    if part == "route" and table and table.routes:
        route = replace(table.routes[0], leads_out=None)
        return {"route_table": replace(table, routes=(route, *table.routes[1:]))}
    if part == "inspection" and table:
        return {"route_table": replace(table, is_inspected=True)}
    if part in {"cidr", "traffic"} and acl and acl.entries:
        entry_ = replace(acl.entries[0], **{part: None if part == "cidr" else Traffic()})
        return {"acl": replace(acl, entries=(entry_, *acl.entries[1:]))}
    return {}


FIELDS = ["route_table", "acl", "is_blocked", "interfaces", "subnets", "is_running"]
PARTS = [*FIELDS, "route", "inspection", "cidr", "traffic"]


def invented(dice):
    """Return a peer, its traffic and a network: up to two interfaces in a subnet each, with routes and entries."""
    subnets = [_subnet(dice, f"subnet-{number}") for number in range(dice.randint(1, 2))]
    addresses = ("198.51.100.9",) if dice.random() < 0.8 else ()
    is_attached = dice.random() < 0.9
    interfaces = [
        Interface(
            id=f"eni-{each.id}",
            subnet_id=each.id,
            vpc_id="vpc-1",
            addresses=addresses,
            is_attached=is_attached,
            instance_id="i-1",
        )
        for each in subnets
    ]
    found = Network(
        interfaces=tuple(interfaces),
        subnets={each.id: each for each in subnets},
        is_running={"i-1": dice.random() < 0.9},
    )
    return CidrPeer(dice.choice(PUBLIC_CIDRS)), _traffic(dice), found


def _subnet(dice, subnet_id):
    """Most subnets have a default route and entries that allow all, as the networks of AWS have."""
    cidrs = {"0.0.0.0/0", *dice.sample(CIDRS, dice.randint(0, 2))} if dice.random() < 0.9 else dice.sample(CIDRS, 2)
    routes = [VpcRoute(each, "igw-1", leads_out=dice.random() < 0.8) for each in sorted(cidrs)]
    entries = [each for is_egress in (False, True) for each in _entries(dice, is_egress=is_egress)]
    table, acl = RouteTable("rtb-1", tuple(routes)), NetworkAcl("acl-1", tuple(entries))
    return Subnet(id=subnet_id, is_blocked=dice.random() < 0.1, route_table=table, acl=acl)


def _entries(dice, *, is_egress):
    for number in range(dice.randint(0, 3)):
        yield AclEntry(number, dice.random() < 0.6, is_egress, dice.choice(CIDRS), _traffic(dice))
    if dice.random() < 0.8:
        yield AclEntry(100, allows=True, is_egress=is_egress, cidr="0.0.0.0/0", traffic=Traffic("all"))


def _traffic(dice):
    if dice.random() < 0.7:
        return Traffic(dice.choice(("tcp", "udp")), ports=dice.choice(RANGES))
    return Traffic(dice.choice(("all", "253", "50")))


def matrix(count, seed):
    """Count networks by what the check says and what is true; of a half of them, up to three parts are hidden."""
    dice = random.Random(seed)  # noqa: S311  a seed is the point
    counts = Counter()
    for _ in range(count):
        peer, traffic, found = invented(dice)
        seen = found
        for part in dice.sample(PARTS, dice.choice((0, 0, 0, 1, 2, 3))):
            seen = hidden(part, seen)
        counts[check_reachability(peer, traffic, seen).verdict, expected_verdict(peer, traffic, found)] += 1
    return counts


def main(count=10_000, seed=1):
    counts = matrix(count, seed)
    print(f"{'the check says':<16}{'is reachable':>16}{'is not reachable':>20}")
    for verdict in Verdict:
        row = (counts[verdict, truth] for truth in (Verdict.REACHABLE, Verdict.NOT_REACHABLE))
        print("{:<16}{:>16,}{:>20,}".format(verdict, *row))
    return 1 if is_wrong(counts) else 0


def is_wrong(counts):
    """Whether an answer is the opposite of the truth."""
    return bool(counts[Verdict.NOT_REACHABLE, Verdict.REACHABLE] or counts[Verdict.REACHABLE, Verdict.NOT_REACHABLE])


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
