"""What is worth asking an account, and what becomes of the answers: said for certain, or not at all."""

from datetime import timedelta

import msgspec
import pytest

from gatewatch.alerts.enrichment import enrich
from gatewatch.alerts.lookup.context import (
    NOTHING_SEEN,
    Part,
    StandingRules,
    Surroundings,
    completed,
    question_of,
    surrounded,
)
from gatewatch.alerts.rule_history import RecentRules
from gatewatch.alerts.severity.assess import assess
from gatewatch.model.change import Action
from gatewatch.model.network_interfaces import Attached
from gatewatch.model.security_group import CidrPeer, Direction, Group, PortRange, SecurityGroupRule, Traffic
from support.lookup import CALLED, GROUP, READ_ROLE, SETTINGS, alert

RULE = "sgr-0123456789abcdef0"
SSH = SecurityGroupRule(
    rule_id=RULE, direction=Direction.INGRESS, traffic=Traffic("tcp", PortRange(22, 22)), peer=CidrPeer("10.0.0.0/8")
)
LATER = CALLED + timedelta(seconds=15)
EVERYTHING = frozenset(Part)
NAME = frozenset({Part.GROUP})


def parts(made):
    question = question_of(made)
    return question.parts if question else None


def standing(rule):
    return Surroundings(rules=StandingRules(LATER, {RULE: rule}))


def described(build, **fields):
    entry = {"SecurityGroupRuleId": RULE, "Description": "office", "tag": 1}
    request = {"GroupId": GROUP, "SecurityGroupRuleDescription": entry}
    name = "UpdateSecurityGroupRuleDescriptionsIngress"
    return build.wrapped(name, request, {f"{name}Response": {"return": True}}, **fields)


def changes(made):
    return tuple(each.change for each in made.changes)


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "16.0.0.0/8"])
def test_of_what_is_opened_to_many_everything_is_asked(build, cidr):
    assert parts(alert(build.authorize(build.item(v4=[cidr])))) == EVERYTHING


def test_of_what_is_serious_for_another_reason_everything_is_asked_too(build):
    assert parts(alert(build.authorize(build.item(lists=[build.PREFIX_LIST])))) == EVERYTHING


def test_of_a_narrow_rule_only_the_name_of_its_group_is_asked(build):
    assert parts(alert(build.authorize(build.item(v4=["10.1.0.0/16"])))) == NAME
    assert parts(alert(build.revoke(build.item(v4=["0.0.0.0/0"])))) == NAME


@pytest.mark.parametrize(
    "code", ["Client.UnauthorizedOperation", "Client.InvalidGroup.NotFound", "Client.DryRunOperation"]
)
def test_of_what_did_not_happen_nothing_is_asked(build, code):
    assert parts(alert(build.authorize(build.item(v4=["0.0.0.0/0"]), **build.refused(code)))) is None


def test_of_what_an_answer_would_not_help_nothing_is_asked(build):
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
        assert parts(alert(record)) is None, record["eventName"]


def test_of_a_modify_whose_rule_nobody_remembers_the_rules_are_asked(build):
    narrow = build.modify((RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "10.0.0.0/8"}))
    memory = RecentRules()
    assert parts(alert(narrow, memory=memory)) == {Part.RULES, Part.GROUP}
    call = alert(narrow).call
    memory.remember(call, {RULE: SSH})
    assert parts(alert(narrow, memory=memory)) == NAME


def test_of_a_description_by_id_the_rules_are_asked_unless_the_rule_is_remembered(build):
    memory = RecentRules()
    assert parts(alert(described(build), memory=memory)) == {Part.RULES, Part.GROUP}
    memory.remember(alert(described(build)).call, {RULE: SSH})
    assert parts(alert(described(build), memory=memory)) == NAME


def test_a_thousand_rules_are_one_question(build):
    rules = [build.item(start=port, end=port, v4=["0.0.0.0/0"]) for port in range(1, 1001)]
    assert len(alert(build.authorize(*rules)).changes) == 1000
    assert question_of(alert(build.authorize(*rules))).parts == EVERYTHING


def test_the_direction_of_a_rule_is_learnt_because_nobody_can_change_it(build):
    made = alert(build.modify((RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"})))
    outbound = msgspec.structs.replace(SSH, direction=Direction.EGRESS)
    (whole,) = completed(changes(made), standing(outbound))
    assert whole.rule.direction is Direction.EGRESS
    (judged,) = assess([whole], SETTINGS.judgement)
    assert (made.severity, judged.assessment.severity) == ("critical", "info")


def test_how_a_rule_stands_after_a_modify_is_never_told_as_how_it_was_before(build):
    made = alert(build.modify((RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"})))
    stands = msgspec.structs.replace(SSH, peer=CidrPeer("192.168.0.0/16"))
    (whole,) = completed(changes(made), standing(stands))
    assert whole.previous is None
    assert whole.rule.peer == CidrPeer("0.0.0.0/0")


def test_a_rule_whose_text_was_changed_by_its_id_is_told_as_it_stands_with_the_time_of_that(build):
    (whole,) = completed(changes(alert(described(build))), standing(SSH))
    assert (whole.rule.traffic, whole.rule.peer, whole.rule.description) == (SSH.traffic, SSH.peer, "office")
    assert (whole.action, whole.seen_at, whole.previous) == (Action.DESCRIBE, LATER, None)


def test_a_rule_that_is_not_there_any_more_stays_unknown(build):
    made = changes(alert(described(build)))
    assert completed(made, Surroundings(rules=StandingRules(LATER, {}))) == made
    assert completed(made, NOTHING_SEEN) == made


def test_a_refused_change_of_a_text_says_nothing_of_how_the_rule_stands(build):
    made = changes(alert(described(build, **build.refused())))
    assert completed(made, standing(SSH)) == made


def test_a_rule_that_was_removed_by_its_id_is_told_as_it_is_remembered_and_never_as_it_was_seen(build):
    removed = build.record("RevokeSecurityGroupIngress", {"groupId": GROUP, "securityGroupRuleIds": build.items(RULE)})
    memory = RecentRules()
    unknown = changes(alert(removed, memory=memory))
    assert completed(unknown, standing(SSH)) == unknown
    office = msgspec.structs.replace(SSH, description="office")
    memory.remember(alert(removed).call, {RULE: office})
    (whole,) = completed(changes(alert(removed, memory=memory)), NOTHING_SEEN)
    assert (whole.rule, whole.seen_at) == (office, None)


def test_the_name_and_the_vpc_are_told_where_the_event_does_not_say_them(build):
    seen = Surroundings(group=Group(id=GROUP, name="web", vpc_id="vpc-1"))
    made = alert(build.authorize(build.item(v4=["10.1.0.0/16"])))
    assert surrounded(made, seen).changes[0].change.group == seen.group
    said = build.record(
        "RevokeSecurityGroupIngress", build.request(build.item(v4=["10.1.0.0/16"]), groupName="as the event says")
    )
    assert surrounded(alert(said), seen).changes[0].change.group.name == "as the event says"
    another = Surroundings(group=Group(id="sg-0bbbbbbbbbbbbbbb2", name="other", vpc_id="vpc-1"))
    assert surrounded(made, another).changes == made.changes


def test_what_a_group_is_attached_to_is_told_of_what_opens_something_only(build):
    seen = Surroundings(attached=Attached(at=LATER, interfaces=0))
    assert surrounded(alert(build.authorize(build.item(v4=["0.0.0.0/0"]))), seen).attached == seen.attached
    assert surrounded(alert(build.authorize(build.item(v4=["10.0.0.0/16"]))), seen).attached is None
    modified = alert(build.modify((RULE, {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 9, "CidrIpv4": "0.0.0.0/0"})))
    outbound = completed(changes(modified), standing(msgspec.structs.replace(SSH, direction=Direction.EGRESS)))
    assert surrounded(modified, seen).attached == seen.attached
    judged = enrich(modified.call, assess(outbound, SETTINGS.judgement), SETTINGS)
    assert surrounded(judged, seen).attached is None


def test_who_is_not_asked_is_told_as_before(build):
    made = alert(build.authorize(build.item(v4=["0.0.0.0/0"])), role=READ_ROLE)
    assert surrounded(made, NOTHING_SEEN) is made
