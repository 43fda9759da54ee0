"""Which lookup an alert needs, and how its result completes the alert."""

from datetime import timedelta

import msgspec
import pytest

from gatewatch.alerts.enrichment import enrich
from gatewatch.alerts.lookup.context import (
    NO_CONTEXT,
    CurrentRules,
    GroupContext,
    LookupPart,
    lookup_request_for,
    with_context,
    with_current_rules,
)
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.alerts.severity.assessment import assess
from gatewatch.model.change import Action
from gatewatch.model.network_interfaces import NetworkInterfaceSummary
from gatewatch.model.security_group import CidrPeer, Direction, Group, PortRange, SecurityGroupRule, Traffic
from support.lookup import CALL_TIME, GROUP, LOOKUP_ROLE, SETTINGS, alert_with_lookup_role

RULE = "sgr-0123456789abcdef0"
SSH = SecurityGroupRule(
    rule_id=RULE, direction=Direction.INGRESS, traffic=Traffic("tcp", PortRange(22, 22)), peer=CidrPeer("10.0.0.0/8")
)
LATER = CALL_TIME + timedelta(seconds=15)
EVERYTHING = frozenset(LookupPart)
NAME = frozenset({LookupPart.GROUP})


def parts(made):
    question = lookup_request_for(made)
    return question.parts if question else None


def current_rules(rule):
    return GroupContext(rules=CurrentRules(LATER, {RULE: rule}))


def described(build, **fields):
    entry = {"SecurityGroupRuleId": RULE, "Description": "office", "tag": 1}
    request = {"GroupId": GROUP, "SecurityGroupRuleDescription": entry}
    name = "UpdateSecurityGroupRuleDescriptionsIngress"
    return build.wrapped(name, request, {f"{name}Response": {"return": True}}, **fields)


def changes(made):
    return tuple(each.change for each in made.changes)


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "16.0.0.0/8"])
def test_a_broad_exposure_requests_all_parts(build, cidr):
    assert parts(alert_with_lookup_role(build.authorize(build.item(v4=[cidr])))) == EVERYTHING


def test_another_serious_change_requests_all_parts(build):
    assert parts(alert_with_lookup_role(build.authorize(build.item(lists=[build.PREFIX_LIST])))) == EVERYTHING


def test_a_narrow_rule_requests_only_the_group(build):
    assert parts(alert_with_lookup_role(build.authorize(build.item(v4=["10.1.0.0/16"])))) == NAME
    assert parts(alert_with_lookup_role(build.revoke(build.item(v4=["0.0.0.0/0"])))) == NAME


@pytest.mark.parametrize(
    "code", ["Client.UnauthorizedOperation", "Client.InvalidGroup.NotFound", "Client.DryRunOperation"]
)
def test_an_unapplied_change_requests_nothing(build, code):
    assert parts(alert_with_lookup_role(build.authorize(build.item(v4=["0.0.0.0/0"]), **build.denied(code)))) is None


def test_changes_that_a_lookup_cannot_complete_request_nothing(build):
    world = build.item(v4=["0.0.0.0/0"])
    attached = {"instanceId": "i-1", "groupSet": build.items({"groupId": GROUP})}
    for record in (
        build.authorize(world, direction="Egress"),
        build.record("DeleteSecurityGroup", {"groupId": GROUP}, {"_return": True}),
        build.record("CreateSecurityGroup", {"groupName": "web"}, {"groupId": GROUP}),
        build.record("ModifyInstanceAttribute", attached),
        build.record("AuthorizeSecurityGroupIngress", build.request(world) | {"groupId": "sg-1/../?"}),
        build.authorize(world, awsRegion=""),
        build.authorize(world, recipientAccountId="amazon"),
    ):
        assert parts(alert_with_lookup_role(record)) is None, record["eventName"]


def test_a_modify_of_an_unknown_rule_requests_the_rules(build):
    narrow = build.modify((RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "10.0.0.0/8"}))
    memory = InMemoryRuleHistory()
    assert parts(alert_with_lookup_role(narrow, rule_history=memory)) == {LookupPart.RULES, LookupPart.GROUP}
    call = alert_with_lookup_role(narrow).call
    memory.save_after(call, {RULE: SSH})
    assert parts(alert_with_lookup_role(narrow, rule_history=memory)) == NAME


def test_a_description_by_id_requests_the_rules_unless_the_rule_is_known(build):
    memory = InMemoryRuleHistory()
    assert parts(alert_with_lookup_role(described(build), rule_history=memory)) == {LookupPart.RULES, LookupPart.GROUP}
    memory.save_after(alert_with_lookup_role(described(build)).call, {RULE: SSH})
    assert parts(alert_with_lookup_role(described(build), rule_history=memory)) == NAME


def test_a_thousand_rules_are_one_request(build):
    rules = [build.item(start=port, end=port, v4=["0.0.0.0/0"]) for port in range(1, 1001)]
    assert len(alert_with_lookup_role(build.authorize(*rules)).changes) == 1000
    assert lookup_request_for(alert_with_lookup_role(build.authorize(*rules))).parts == EVERYTHING


def test_the_direction_of_a_rule_is_taken_from_the_lookup(build):
    made = alert_with_lookup_role(
        build.modify((RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}))
    )
    outbound = msgspec.structs.replace(SSH, direction=Direction.EGRESS)
    (whole,) = with_current_rules(changes(made), current_rules(outbound))
    assert whole.rule.direction is Direction.EGRESS
    (judged,) = assess(made.call, [whole], SETTINGS.severity_rules)
    assert (made.severity, judged.assessment.severity) == ("critical", "info")


def test_a_lookup_after_a_modify_never_becomes_the_previous_rule(build):
    made = alert_with_lookup_role(
        build.modify((RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}))
    )
    stands = msgspec.structs.replace(SSH, peer=CidrPeer("192.168.0.0/16"))
    (whole,) = with_current_rules(changes(made), current_rules(stands))
    assert whole.previous is None
    assert whole.rule.peer == CidrPeer("0.0.0.0/0")


def test_a_rule_with_a_changed_description_is_shown_as_looked_up_with_the_time(build):
    (whole,) = with_current_rules(changes(alert_with_lookup_role(described(build))), current_rules(SSH))
    assert (whole.rule.traffic, whole.rule.peer, whole.rule.description) == (SSH.traffic, SSH.peer, "office")
    assert (whole.action, whole.observed_at, whole.previous) == (Action.DESCRIBE, LATER, None)


def test_a_deleted_rule_stays_unknown(build):
    made = changes(alert_with_lookup_role(described(build)))
    assert with_current_rules(made, GroupContext(rules=CurrentRules(LATER, {}))) == made
    assert with_current_rules(made, NO_CONTEXT) == made


def test_a_denied_change_of_a_description_is_not_completed(build):
    made = changes(alert_with_lookup_role(described(build, **build.denied())))
    assert with_current_rules(made, current_rules(SSH)) == made


def test_a_rule_removed_by_id_is_shown_from_the_history_and_never_from_the_lookup(build):
    removed = build.record("RevokeSecurityGroupIngress", {"groupId": GROUP, "securityGroupRuleIds": build.items(RULE)})
    memory = InMemoryRuleHistory()
    unknown = changes(alert_with_lookup_role(removed, rule_history=memory))
    assert with_current_rules(unknown, current_rules(SSH)) == unknown
    office = msgspec.structs.replace(SSH, description="office")
    memory.save_after(alert_with_lookup_role(removed).call, {RULE: office})
    (whole,) = with_current_rules(changes(alert_with_lookup_role(removed, rule_history=memory)), NO_CONTEXT)
    assert (whole.rule, whole.observed_at) == (office, None)


def test_name_and_vpc_of_the_group_complete_the_event(build):
    seen = GroupContext(group=Group(id=GROUP, name="web", vpc_id="vpc-1"))
    made = alert_with_lookup_role(build.authorize(build.item(v4=["10.1.0.0/16"])))
    assert with_context(made, seen).changes[0].change.group == seen.group
    said = build.record(
        "RevokeSecurityGroupIngress", build.request(build.item(v4=["10.1.0.0/16"]), groupName="as the event says")
    )
    assert with_context(alert_with_lookup_role(said), seen).changes[0].change.group.name == "as the event says"
    another = GroupContext(group=Group(id="sg-0bbbbbbbbbbbbbbb2", name="other", vpc_id="vpc-1"))
    assert with_context(made, another).changes == made.changes


def test_network_interfaces_are_shown_only_for_changes_that_open_something(build):
    seen = GroupContext(network_interfaces=NetworkInterfaceSummary(at=LATER, interfaces=0))
    assert (
        with_context(alert_with_lookup_role(build.authorize(build.item(v4=["0.0.0.0/0"]))), seen).network_interfaces
        == seen.network_interfaces
    )
    assert (
        with_context(alert_with_lookup_role(build.authorize(build.item(v4=["10.0.0.0/16"]))), seen).network_interfaces
        is None
    )
    modified = alert_with_lookup_role(
        build.modify((RULE, {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 9, "CidrIpv4": "0.0.0.0/0"}))
    )
    outbound = with_current_rules(
        changes(modified), current_rules(msgspec.structs.replace(SSH, direction=Direction.EGRESS))
    )
    assert with_context(modified, seen).network_interfaces == seen.network_interfaces
    judged = enrich(modified.call, assess(modified.call, outbound, SETTINGS.severity_rules), SETTINGS)
    assert with_context(judged, seen).network_interfaces is None


def test_without_a_lookup_the_alert_is_unchanged(build):
    made = alert_with_lookup_role(build.authorize(build.item(v4=["0.0.0.0/0"])), role=LOOKUP_ROLE)
    assert with_context(made, NO_CONTEXT) is made
