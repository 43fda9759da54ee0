"""The headline names the change, or what was attempted, in one line."""

from datetime import UTC, datetime

import pytest

from gatewatch.model.account import Account
from gatewatch.model.alert import Alert, AssessedChange, Links
from gatewatch.model.api_call import AccessMethod, Actor, ApiCall
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.security_group import (
    CidrPeer,
    Direction,
    GroupPeer,
    IcmpType,
    PortRange,
    PrefixListPeer,
    SecurityGroupRule,
    Traffic,
)
from gatewatch.model.severity import Assessment, Exposure, Severity
from gatewatch.rendering.text.headline import alert_headline
from gatewatch.rendering.text.labels import load_labels
from gatewatch.rendering.text.rules import peer_text, target_text, traffic_text
from support.paths import TEMPLATES

EN, KO, JA = (load_labels(TEMPLATES, language) for language in ("en", "ko", "ja"))
SSH = Traffic("tcp", PortRange(22, 22))
WORLD = CidrPeer("0.0.0.0/0")


def change(
    action=Action.AUTHORIZE, outcome=Outcome.APPLIED, family=Family.SECURITY_GROUP, severity=Severity.INFO, **more
):
    rule = more.pop("rule", None) or SecurityGroupRule(
        direction=more.pop("direction", Direction.INGRESS),
        traffic=more.pop("traffic", SSH),
        peer=more.pop("peer", WORLD),
        rule_id=more.pop("rule_id", None),
    )
    exposure, services = more.pop("exposure", Exposure.WORLD), more.pop("services", ("SSH",))
    made = Change(family=family, action=action, outcome=outcome, rule=rule, **more)
    return AssessedChange(made, Assessment(severity, (), exposure, services))


def alert(*changes, event_name="AuthorizeSecurityGroupIngress"):
    call = ApiCall(
        event_id="1beb5d85",
        event_name=event_name,
        event_source="ec2.amazonaws.com",
        time=datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC),
        account_id="111122223333",
        region="eu-west-1",
        actor=Actor("alice", "IAMUser"),
        via=AccessMethod.CLI,
        source_ip="198.51.100.7",
        error_code=None,
        request=None,
        response=None,
        record={},
    )
    account = Account(id="111122223333", alias="payments-prod", timezone="UTC", language="en")
    return Alert(call=call, account=account, changes=changes, links=Links())


def headline(*changes, labels=EN, **more):
    return alert_headline(alert(*changes, **more), labels)


@pytest.mark.parametrize(
    ("assessed", "expected"),
    [
        (change(), "SSH open to the internet"),
        (change(Action.REVOKE), "Rule removed: SSH from the internet"),
        (change(Action.MODIFY), "Rule modified: SSH now open to the internet"),
        (change(direction=Direction.EGRESS), "Outbound SSH allowed to the internet"),
        (change(Action.REVOKE, direction=Direction.EGRESS), "Rule removed: outbound SSH to the internet"),
        (change(direction=None), "SSH open to the internet"),
        (change(outcome=Outcome.DENIED), "Denied attempt to open SSH to the internet"),
        (change(outcome=Outcome.FAILED), "Failed attempt to open SSH to the internet"),
        (change(outcome=Outcome.DRY_RUN), "Dry run of a request to open SSH to the internet"),
        (
            change(Action.REVOKE, Outcome.NO_OP),
            "Attempt to remove the rule that allows SSH from the internet changed nothing",
        ),
        (change(understood=False), "Unrecognized event format: AuthorizeSecurityGroupIngress"),
        (change(Action.DESCRIBE), "Rule description changed"),
        (change(Action.CREATE), "Security group created"),
    ],
)  # fmt: skip
def test_a_headline_names_the_change_and_its_outcome(assessed, expected):
    assert headline(assessed) == expected


@pytest.mark.parametrize(
    ("labels", "applied", "denied"),
    [
        (KO, "인터넷에 SSH 개방", "인터넷에 SSH 개방 시도, 거부됨"),
        (JA, "インターネットに SSH を開放", "インターネットへの SSH の開放を試行、拒否"),
    ],
)
def test_a_headline_is_in_the_language_of_the_account(labels, applied, denied):
    assert headline(change(), labels=labels) == applied
    assert headline(change(outcome=Outcome.DENIED), labels=labels) == denied


def test_a_default_vpc_has_its_own_headline():
    assert headline(change(Action.CREATE), event_name="CreateDefaultVpc").startswith("Default VPC created")


def test_a_revoke_by_id_says_rule_removed_and_an_empty_call_that_no_parameters_are_recorded():
    nothing = {"traffic": Traffic(), "peer": None}
    assert headline(change(Action.REVOKE, rule_id="sgr-1", **nothing)) == "Rule removed"
    assert "request parameters not recorded" in headline(change(outcome=Outcome.DENIED, **nothing))


@pytest.mark.parametrize(
    ("event_name", "expected"),
    [
        ("ModifyNetworkInterfaceAttribute", "Security groups set on a network interface"),
        ("ModifyInstanceAttribute", "Security groups set on an instance"),
    ],
)
def test_groups_that_are_set_together_are_not_counted_as_more_changes(event_name, expected):
    attached = change(Action.ATTACH, family=Family.ATTACHMENT)
    assert headline(attached, attached, event_name=event_name) == expected


@pytest.mark.parametrize(
    ("action", "peer", "expected"),
    [
        (Action.MODIFY, WORLD, "Prefix list now includes 0.0.0.0/0"),
        (Action.REVOKE, WORLD, "Prefix list no longer includes 0.0.0.0/0"),
        (Action.CREATE, WORLD, "Prefix list created, including 0.0.0.0/0"),
        (Action.CREATE, None, "Prefix list created"),
        (Action.DELETE, None, "Prefix list deleted"),
        (Action.MODIFY, None, "Prefix list modified, entries unchanged"),
        (Action.MODIFY, PrefixListPeer("pl-1"), "Prefix list restored to an earlier version"),
    ],
)
def test_a_prefix_list_headline_names_the_entry(action, peer, expected):
    assessed = change(action, family=Family.PREFIX_LIST, peer=peer, traffic=Traffic(), resource_id="pl-1")
    assert headline(assessed) == expected


@pytest.mark.parametrize(
    ("event_name", "peer", "expected"),
    [
        ("CreateIpamPrefixListResolver", WORLD, "IPAM prefix list resolver now includes 0.0.0.0/0"),
        ("ModifyIpamPrefixListResolver", PrefixListPeer("ipam-plr-1"), "IPAM prefix list resolver changed"),
        ("CreateIpamPrefixListResolverTarget", PrefixListPeer("pl-1"), "Prefix list synchronization with IPAM changed"),
    ],
)
def test_the_headline_of_a_resolver_names_what_it_includes(event_name, peer, expected):
    assessed = change(Action.MODIFY, family=Family.PREFIX_LIST, peer=peer, traffic=Traffic(), resource_id="pl-1")
    assert headline(assessed, event_name=event_name) == expected


def test_a_denied_call_without_a_prefix_list_names_the_event():
    assessed = change(Action.DELETE, Outcome.DENIED, Family.PREFIX_LIST, peer=None, traffic=Traffic())
    assert headline(assessed, event_name="DeleteManagedPrefixList").startswith(
        "Denied attempt to call DeleteManagedPrefix"
    )


def test_a_headline_is_about_the_worst_change_and_counts_the_others():
    low, high = (
        change(severity=Severity.LOW, peer=CidrPeer("10.0.0.0/8"), exposure=None),
        change(severity=Severity.HIGH),
    )
    assert headline(low, high, low) == "SSH open to the internet (+2 more)"


def test_of_two_changes_of_one_severity_the_applied_one_comes_first():
    nothing, gone = change(Action.REVOKE, Outcome.NO_OP, peer=CidrPeer("10.0.0.0/8")), change(Action.REVOKE)
    assert headline(nothing, gone) == "Rule removed: SSH from the internet (+1 more)"
    assert alert(nothing, gone).worst_first == [gone, nothing]


@pytest.mark.parametrize(
    ("traffic", "services", "expected"),
    [
        (SSH, ("SSH",), "SSH"),
        (Traffic("tcp", PortRange(3306, 5432)), ("MySQL", "PostgreSQL"), "MySQL, PostgreSQL"),
        (Traffic("tcp", PortRange(1, 99)), ("a", "b", "c"), "TCP 1-99 (3 sensitive services)"),
        (Traffic("tcp", PortRange(8443, 8443)), (), "TCP 8443"),
        (Traffic("udp", PortRange(0, 65535)), ("DNS",), "all UDP ports"),
        (Traffic("icmp", None, IcmpType(8, -1)), (), "ICMP"),
        (Traffic("icmpv6", None, IcmpType(-1, -1)), (), "ICMPv6"),
        (Traffic("50"), (), "protocol 50"),
        (Traffic("all"), (), "all traffic"),
        (Traffic(), (), "unknown ports"),
    ],
)
def test_traffic_in_a_headline_is_named_by_its_services(traffic, services, expected):
    assert target_text(change(traffic=traffic, services=services), EN) == expected


@pytest.mark.parametrize(
    ("peer", "exposure", "expected"),
    [
        (WORLD, Exposure.WORLD, "the internet"),
        (WORLD, None, "the internet"),
        (WORLD, Exposure.NARROW, "0.0.0.0/0"),
        (CidrPeer("::/0"), Exposure.WORLD, "the internet"),
        (CidrPeer("0.0.0.0/1"), Exposure.WORLD, "half of the internet or more (0.0.0.0/1)"),
        (CidrPeer("52.0.0.0/8"), Exposure.WIDE, "a wide network (52.0.0.0/8)"),
        (CidrPeer("10.0.0.0/8"), Exposure.NARROW, "10.0.0.0/8"),
        (GroupPeer("sg-1"), None, "group sg-1"),
        (GroupPeer("sg-1", "444455556666", foreign=True), None, "another account's group 444455556666/sg-1"),
        (PrefixListPeer("pl-1"), None, "prefix list pl-1"),
        (None, None, "unknown addresses"),
    ],
)
def test_a_peer_is_named_by_its_exposure(peer, exposure, expected):
    assert peer_text(peer, exposure, EN) == expected


def test_a_long_name_is_cut_in_a_headline():
    text = headline(change(peer=GroupPeer("g" * 255), exposure=None), change())
    assert text == f"SSH allowed from group {'g' * 59}… (+1 more)"


@pytest.mark.parametrize(
    ("traffic", "expected"),
    [
        (SSH, "tcp 22"),
        (Traffic("tcp", PortRange(1024, 65535)), "tcp 1024-65535"),
        (Traffic("tcp", PortRange(0, 0)), "tcp 0"),
        (Traffic("udp", PortRange(0, 65535)), "udp all ports"),
        (Traffic("icmp", None, IcmpType(-1, -1)), "icmp all types"),
        (Traffic("icmp", None, IcmpType(8, -1)), "icmp type 8"),
        (Traffic("icmp", None, IcmpType(3, 4)), "icmp type 3 code 4"),
        (Traffic("icmp"), "icmp"),
        (Traffic("50"), "protocol 50"),
        (Traffic("all"), "all traffic"),
        (Traffic(), "unknown ports"),
    ],
)
def test_traffic_in_a_rule_is_named_by_protocol_and_ports(traffic, expected):
    assert traffic_text(traffic, EN) == expected
