"""The difference between a modified rule and its previous version."""

from fractions import Fraction
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.network import address_growth, is_within
from gatewatch.model.security_group import CidrPeer, GroupPeer, IcmpType, PortRange, SecurityGroupRule, Traffic
from gatewatch.rendering.text.labels import load_labels
from gatewatch.rendering.text.rule_diff import diff_of_change, is_narrowed
from support.paths import TEMPLATES

EN = load_labels(TEMPLATES, "en")


def tcp(first, last=None):
    return Traffic("tcp", PortRange(first, first if last is None else last))


def rule(peer="10.0.0.0/8", traffic=None):
    known = CidrPeer(peer) if isinstance(peer, str) else peer
    return SecurityGroupRule(traffic=tcp(22) if traffic is None else traffic, peer=known)


def modified(old, new, outcome=Outcome.APPLIED, understood=True):  # noqa: FBT002
    return Change(
        family=Family.SECURITY_GROUP,
        action=Action.MODIFY,
        outcome=outcome,
        rule=new,
        previous=old,
        understood=understood,
    )


def diff_text(old, new):
    diff = diff_of_change(modified(old, new), EN)
    return f"{diff.before} → {diff.after} ({diff.comment})" if diff.before else diff.comment


ANY = Traffic("all")
PING = Traffic("icmp", icmp=IcmpType(8, -1))
ALL_ICMP = Traffic("icmp", icmp=IcmpType(-1, -1))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (rule(), rule("0.0.0.0/0"), "10.0.0.0/8 → 0.0.0.0/0 (256 times wider)"),
        (rule("0.0.0.0/0"), rule(), "0.0.0.0/0 → 10.0.0.0/8 (256 times narrower)"),
        (rule("2001:db8::/64"), rule("::/0"), "2001:db8::/64 → ::/0 (2^64 times wider)"),
        (rule("2001:db8::/64"), rule("2001:db8::/48"), "2001:db8::/64 → 2001:db8::/48 (65,536 times wider)"),
        (rule(), rule(traffic=tcp(0, 65535)), "tcp 22 → tcp all ports (65,536 times wider)"),
        (rule(traffic=tcp(20, 22)), rule(traffic=tcp(21, 22)), "tcp 20-22 → tcp 21-22 (1.5 times narrower)"),
        (rule(), rule("10.1.0.0/16", tcp(22, 23)), "tcp 22 10.0.0.0/8 → tcp 22-23 10.1.0.0/16 (128 times narrower)"),
        (rule(), rule("11.0.0.0/8"), "10.0.0.0/8 → 11.0.0.0/8 ()"),
        (rule(), rule("::/0"), "10.0.0.0/8 → ::/0 ()"),
        (rule(), rule(traffic=ANY), "tcp 22 → all traffic (wider)"),
        (rule(traffic=ANY), rule(), "all traffic → tcp 22 (narrower)"),
        (rule(traffic=ALL_ICMP), rule(traffic=PING), "icmp all types → icmp type 8 (narrower)"),
        (rule(), rule(GroupPeer("sg-1")), "10.0.0.0/8 → sg-1 ()"),
        (rule(), rule("0.0.0.0/0", Traffic()), "10.0.0.0/8 → 0.0.0.0/0 (256 times wider)"),
        (None, rule("0.0.0.0/0"), "previous values unknown"),
        (rule(), rule(), ""),
    ],
)
def test_a_diff_shows_both_values_and_how_much_wider_or_narrower_the_rule_is(old, new, expected):
    assert diff_text(old, new) == expected


def test_a_change_that_was_not_applied_has_no_diff():
    assert diff_of_change(modified(None, rule(), Outcome.DENIED), EN).comment == ""
    assert diff_of_change(modified(None, rule(), understood=False), EN).comment == ""


@pytest.mark.parametrize(
    ("old", "new", "narrowed"),
    [
        (rule("0.0.0.0/0"), rule(), True),
        (rule(), rule("0.0.0.0/0"), False),
        (rule(), rule(), False),
        (rule(traffic=tcp(20, 30)), rule(traffic=tcp(22)), True),
        (rule("0.0.0.0/0", tcp(22)), rule("10.0.0.0/8", tcp(23)), False),
        (rule("0.0.0.0/0", tcp(22)), rule("10.0.0.0/8", tcp(22, 80)), False),
        (rule("0.0.0.0/0"), rule("::/0"), False),
        (rule(GroupPeer("sg-1"), tcp(20, 30)), rule(GroupPeer("sg-1"), tcp(22)), True),
        (None, rule(), False),
    ],
)
def test_a_rule_is_narrowed_when_it_allows_less_and_nothing_new(old, new, narrowed):
    assert is_narrowed(modified(old, new)) is narrowed


@pytest.mark.parametrize("language", ["en", "ko", "ja"])
def test_the_factor_is_shown_in_every_language(language):
    labels = load_labels(TEMPLATES, language)
    assert "256" in diff_of_change(modified(rule(), rule("0.0.0.0/0")), labels).comment
    assert "256" in diff_of_change(modified(rule("0.0.0.0/0"), rule()), labels).comment


NETWORKS = st.one_of(
    st.builds(lambda n, p: ip_network((n, p), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32)),
    st.builds(lambda n, p: ip_network((n, p), strict=False), st.integers(2**32, 2**128 - 1), st.integers(0, 128)),
)


@given(NETWORKS, NETWORKS)
def test_the_growth_of_a_change_and_of_its_reverse_cancel_out(one, other):
    there, back = address_growth(one, other), address_growth(other, one)
    assert (there is None) == (back is None) == (one.version != other.version)
    if there is not None and back is not None:
        assert there * back == Fraction(1)
    if is_within(one, other):
        assert there is not None
        assert there >= 1
