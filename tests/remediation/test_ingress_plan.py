from __future__ import annotations

import itertools
from functools import cache
from ipaddress import ip_address, ip_network

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.model.security_group import SecurityGroupRule, Traffic
from gatewatch.remediation.ingress.access import Access, is_covered, minimal_cover
from gatewatch.remediation.ingress.plan import Authorize, CurrentRule, Modify, Revoke, plan_ingress
from support import ingress as kit


def plan(rules, allowed=(), required=()):
    return plan_ingress(kit.GROUP, kit.current_rules(*rules), kit.ingress(allowed, required))


def signed_rules(made):
    """Return `+ rule`, `- rule` or `~ rule to rule` for each action, in the order of the plan."""
    return list(map(signed_rule, made.actions))


def signed_rule(action):
    if isinstance(action, Authorize):
        return "+ " + kit.rule_text(action.rule)
    old = kit.rule_text(action.current.rule)
    return f"~ {old} to {kit.rule_text(action.rule)}" if isinstance(action, Modify) else "- " + old


WEB = "tcp 443 from 0.0.0.0/0"


@pytest.mark.parametrize(
    ("rules", "allowed", "required", "expected"),
    [
        pytest.param([WEB], [WEB], [], [], id="an allowed rule stays"),
        pytest.param(
            ["tcp 22 from 0.0.0.0/0"],
            [WEB],
            [],
            ["- tcp 22 from 0.0.0.0/0"],
            id="a rule that is not allowed is revoked",
        ),
        pytest.param([], [], [WEB], ["+ " + WEB], id="a missing required rule is authorised"),
        pytest.param([WEB], [], [WEB], [], id="a required rule is allowed"),
        pytest.param(
            ["tcp 0-65535 from 0.0.0.0/0"],
            [WEB],
            [],
            ["~ tcp 0-65535 from 0.0.0.0/0 to " + WEB],
            id="a range keeps its allowed port",
        ),
        pytest.param(
            ["all from 10.0.0.0/8"],
            ["tcp 443 from 10.1.0.0/16", "icmp 8 from 0.0.0.0/0"],
            [],
            ["~ all from 10.0.0.0/8 to tcp 443 from 10.1.0.0/16", "+ icmp 8 from 10.0.0.0/8"],
            id="all traffic keeps what is allowed of every protocol",
        ),
        pytest.param(
            ["tcp 443 from 0.0.0.0/0", "tcp 0-65535 from 0.0.0.0/0"],
            [WEB],
            [],
            ["- tcp 0-65535 from 0.0.0.0/0"],
            id="nothing is added that exists already",
        ),
        pytest.param(
            ["tcp 22-443 from ::/0"], ["tcp 443 from 0.0.0.0/0"], [], ["- tcp 22-443 from ::/0"], id="v6 is not v4"
        ),
        pytest.param(
            ["tcp 80-81 from 10.0.0.0/8"],
            ["tcp 80 from 10.0.0.0/8", "tcp 81 from 10.0.0.0/9", "tcp 81 from 10.128.0.0/9"],
            [],
            [],
            id="allowed by several permits together",
        ),
        pytest.param(
            ["tcp 22 from 0.0.0.0/1", "tcp 22 from 128.0.0.0/1"],
            ["tcp 22 from 203.0.113.0/24"],
            [],
            ["- tcp 22 from 0.0.0.0/1", "~ tcp 22 from 128.0.0.0/1 to tcp 22 from 203.0.113.0/24"],
            id="two halves of the internet keep the office",
        ),
        pytest.param(
            ["tcp 22 from sg-0fedcba9876543210"],
            ["tcp 22 from self"],
            [],
            ["- tcp 22 from sg-0fedcba9876543210"],
            id="self is not another group",
        ),
        pytest.param([f"tcp 22 from {kit.GROUP}"], ["all from self"], [], [], id="self is the group itself"),
        pytest.param(
            ["tcp 22 from sg-0fedcba9876543210", "tcp 22 from 444455556666/sg-0fedcba9876543210"],
            ["tcp 22 from any_group"],
            [],
            ["- tcp 22 from 444455556666/sg-0fedcba9876543210"],
            id="any group is one of the same account",
        ),
        pytest.param(["50 from 10.0.0.0/8"], ["all from 10.0.0.0/8"], [], [], id="all covers a protocol number"),
        pytest.param(
            ["icmp from 0.0.0.0/0"],
            ["icmp 8 from 0.0.0.0/0"],
            [],
            ["~ icmp from 0.0.0.0/0 to icmp 8 from 0.0.0.0/0"],
            id="icmp keeps its echo",
        ),
        pytest.param(
            ["tcp 443 from 10.0.0.0/9", "tcp 443 from 10.128.0.0/9"],
            [],
            ["tcp 443 from 10.0.0.0/8"],
            [],
            id="required and existing in two halves",
        ),
        pytest.param(
            ["tcp 22 from pl-0123456789abcdef0"],
            ["tcp 22 from 0.0.0.0/0"],
            [],
            ["- tcp 22 from pl-0123456789abcdef0"],
            id="a prefix list is no network",
        ),
    ],
)
def test_the_plan_is_the_smallest_difference(rules, allowed, required, expected):
    assert signed_rules(plan(rules, allowed, required)) == expected


def test_the_parts_of_a_narrowed_rule_have_its_description_and_tags():
    (old,) = kit.current_rules("tcp 0-65535 from 0.0.0.0/0")
    tagged = CurrentRule(old.rule, (("Owner", "web"),))
    made = plan_ingress(kit.GROUP, [tagged], kit.ingress([WEB, "tcp 80 from 0.0.0.0/0"]))
    (narrowed,), (added,) = made.closings, made.authorizes
    assert (narrowed.current, narrowed.rule.description) == (tagged, "description")
    assert (added.rule.description, added.tags, added.replaces) == ("description", tagged.tags, old.rule.rule_id)


def test_a_rule_is_narrowed_to_a_required_part_first():
    made = plan(["tcp 20-100 from 0.0.0.0/0"], ["tcp 22 from 0.0.0.0/0"], ["tcp 80 from 0.0.0.0/0"])
    assert signed_rules(made) == [
        "~ tcp 20-100 from 0.0.0.0/0 to tcp 80 from 0.0.0.0/0",
        "+ tcp 22 from 0.0.0.0/0",
    ]


def test_an_interrupted_part_is_planned_only_while_it_is_allowed_and_missing():
    part = Authorize(kit.rule("tcp 80 from 0.0.0.0/0"), replaces="sgr-1")
    rules = kit.current_rules(WEB)
    for allowed, expected in (([WEB], ()), ([WEB, "tcp 80 from 10.0.0.0/8"], ()), ([WEB, "tcp 1-80 from ::/0"], ())):
        assert plan_ingress(kit.GROUP, rules, kit.ingress(allowed), [part]).actions == expected
    policy = kit.ingress([WEB, "tcp 80 from 0.0.0.0/0"])
    assert plan_ingress(kit.GROUP, rules, policy, [part, part]).actions == (part,)
    assert plan_ingress(kit.GROUP, [*rules, CurrentRule(part.rule)], policy, [part]).actions == ()


def test_an_unreadable_rule_is_not_changed_and_is_reported():
    odd = CurrentRule(SecurityGroupRule(rule_id="sgr-odd", traffic=Traffic("tcp")))
    made = plan_ingress(kit.GROUP, [odd], kit.ingress([WEB]))
    assert (made.actions, made.unreadable, made.is_compliant) == ((), ("sgr-odd",), False)


# A small address space in which every access can be enumerated: 4 addresses of IPv4, 4 of IPv6, 4 ports, 3 protocols.
PORTS = range(4)
CIDRS = [f"192.0.2.{start}/{prefix}" for prefix in (30, 31, 32) for start in range(0, 4, 2 ** (32 - prefix))]
CIDRS += [f"2001:db8::{start:x}/{prefix}" for prefix in (126, 127, 128) for start in range(0, 4, 2 ** (128 - prefix))]
GROUPS = [kit.GROUP, "sg-0fedcba9876543210", "pl-0123456789abcdef0"]
POINTS = [
    (protocol, port, address)
    for protocol, port in [*itertools.product(("tcp", "udp"), PORTS), ("icmp", 8), ("icmp", 0), ("50", None)]
    for address in ["192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::", "2001:db8::3", *GROUPS]
]


def allows(access, point):
    """By definition, not by interval arithmetic."""
    protocol, port, address = point
    if access.traffic.protocol not in {"all", protocol}:
        return False
    if access.traffic.ports and not access.traffic.ports.covers(port):
        return False
    if access.traffic.icmp and access.traffic.icmp.type not in {-1, port}:
        return False
    return contains(access.peer.text, address)


@cache
def contains(peer, address):
    if "." not in address and "::" not in address:
        return peer == address
    return "/" in peer and ip_address(address) in ip_network(peer)


def allowed_points(accesses):
    known = list(accesses)
    return {point for point in POINTS if any(allows(each, point) for each in known)}


ranges = st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)).map(sorted)
ported = st.builds(lambda name, ends: f"{name} {ends[0]}-{ends[1]}", st.sampled_from(["tcp", "udp"]), ranges)
traffics = st.one_of(ported, st.sampled_from(["all", "icmp", "icmp 8", "50"]))
texts = st.builds("{} from {}".format, traffics, st.sampled_from([*CIDRS, *GROUPS]))
rule_sets = st.lists(texts, max_size=6, unique=True)


def access(text):
    read = kit.rule(text)
    return Access(read.traffic, read.peer)


def added_rules(made):
    return [each for each in made.actions if not isinstance(each, Revoke)]


def after(rules, made):
    """Return the rules after a plan is applied."""
    gone = {each.current.rule.rule_id for each in made.closings}
    remaining = [each for each in kit.current_rules(*rules) if each.rule.rule_id not in gone]
    added = [msgspec.structs.replace(each.rule, rule_id=f"new-{n}") for n, each in enumerate(added_rules(made))]
    return (*remaining, *(CurrentRule(each) for each in added))


@given(rule_sets, rule_sets, rule_sets)
def test_afterwards_exactly_the_allowed_access_and_the_required_rules_exist(rules, allowed, required):
    made = plan(rules, allowed, required)
    now = allowed_points([Access(each.rule.traffic, each.rule.peer) for each in after(rules, made)])
    permitted = allowed_points(map(access, [*allowed, *required]))
    assert now == (allowed_points(map(access, rules)) & permitted) | allowed_points(map(access, required))


@given(rule_sets, rule_sets, rule_sets)
def test_a_second_run_plans_nothing(rules, allowed, required):
    policy = kit.ingress(allowed, required)
    current = after(rules, plan(rules, allowed, required))
    assert plan_ingress(kit.GROUP, current, policy).actions == ()


@given(rule_sets, rule_sets, rule_sets)
def test_an_allowed_rule_is_never_changed(rules, allowed, required):
    permitted = [*map(access, allowed), *map(access, required)]
    for each in plan(rules, allowed, required).closings:
        rule = each.current.rule
        assert not is_covered(Access(rule.traffic, rule.peer), permitted)


@given(rule_sets, rule_sets, rule_sets)
def test_an_authorised_rule_is_allowed_and_did_not_exist(rules, allowed, required):
    current = {access(each) for each in rules}
    for each in added_rules(plan(rules, allowed, required)):
        added = Access(each.rule.traffic, each.rule.peer)
        assert added not in current
        assert allowed_points([added]) <= allowed_points(map(access, [*allowed, *required]))


@given(rule_sets)
def test_a_minimal_cover_allows_the_same(rules):
    accesses = [access(each) for each in rules]
    assert allowed_points(minimal_cover(accesses)) == allowed_points(accesses)


@given(texts, rule_sets)
def test_covered_means_that_every_point_is_allowed(text, others):
    if is_covered(access(text), map(access, others)):
        assert allowed_points([access(text)]) <= allowed_points(map(access, others))


def test_a_revoke_names_one_rule():
    assert all(isinstance(each, Revoke) for each in plan([WEB, "udp 53 from 0.0.0.0/0"]).actions)
