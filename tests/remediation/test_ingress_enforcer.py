from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from gatewatch.alerts.own_actions import DeedBook, DeedError
from gatewatch.config.ingress import Fight
from gatewatch.config.suppression_rules import Effect, ExceptionMatch, PolicyException
from gatewatch.errors import GatewatchError
from gatewatch.model.account import Account
from gatewatch.remediation.ingress.conflict_guard import GroupRef, Guard, Stop
from gatewatch.remediation.ingress.enforcer import Enforcer
from gatewatch.remediation.ingress.executor import Done, apply
from gatewatch.remediation.ingress.plan import plan_ingress
from gatewatch.remediation.ingress.suppression import Excepting
from gatewatch.remediation.ingress.undo import leave_alone, plan_undo
from gatewatch.remediation.preimages import PreImageError, PreImages
from support import ingress as kit
from support import members

WEB, SSH = "tcp 443 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0"
OWN_ROLE = "arn:aws:iam::123456789012:role/gatewatch-compliance"
HOUR = 3600.0


class Clock:
    def __init__(self):
        self.at = 1_700_000_000.0

    def __call__(self):
        return self.at


def account(account_id):
    return Account(id=account_id, alias="shop", timezone="UTC", language="en", environment="prod")


class House:
    """An enforcer over one member, with a clock to turn."""

    def __init__(self, fight=Fight(), exceptions=()):  # noqa: B008  a frozen value
        self.member, self.clock = members.Member(), Clock()
        self.dynamodb = members.table(self.member)
        self.images = PreImages(self.dynamodb, members.TABLE)
        self.guard = Guard(self.dynamodb, members.TABLE, fight, self.clock)
        self.deeds = DeedBook(self.dynamodb, members.TABLE)
        self.enforcer = self.excepting(*exceptions)

    def excepting(self, *exceptions):
        return Enforcer(self.images, self.guard, self.deeds, Excepting(exceptions, account), OWN_ROLE)

    def ref(self, group_id):
        return GroupRef(members.ACCOUNT, members.REGION, group_id)

    def enforce(self, group_id, policy):
        standing = self.member.standing(group_id)
        plan = plan_ingress(group_id, standing, policy)
        return self.enforcer.enforce(self.ref(group_id), plan, standing, self.member, self.clock())

    def undo(self, change_id):
        image = self.images.load(change_id)
        leave_alone(image, self.guard)
        plan = plan_undo(image, self.member.standing(image.resource_id))
        return apply(image.resource_id, plan.actions, self.member.ec2)


@pytest.fixture
def house():
    with mock_aws():
        yield House()


def added_by(name, group_id, arn=None, **peer):
    """The CloudTrail record of an authorisation of SSH to the world."""
    return {
        "eventVersion": "1.11",
        "eventID": "e-1",
        "eventTime": "2026-06-01T11:00:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "AuthorizeSecurityGroupIngress",
        "awsRegion": members.REGION,
        "recipientAccountId": members.ACCOUNT,
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{members.ACCOUNT}:assumed-role/ci/{name}",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": arn or "arn:aws:iam::123456789012:role/ci"}},
        },
        "requestParameters": {
            "groupId": group_id,
            "ipPermissions": {
                "items": [
                    {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22}
                    | {"ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}
                    | peer
                ]
            },
        },
        "responseElements": {"_return": True},
    }


def test_what_is_not_allowed_goes_and_its_neighbours_stay(house):
    group_id = house.member.group(kit.rule(WEB, description="shop"), kit.rule(SSH))
    shop = {each for each in house.member.rules(group_id) if each[2] == "shop"}
    done = house.enforce(group_id, kit.ingress([WEB]))
    assert house.member.rules(group_id) == shop
    assert (len(done.before), len(done.after), done.failed) == (2, 1, ())


def test_a_second_run_does_nothing(house):
    group_id = house.member.group(kit.rule(SSH))
    house.enforce(group_id, kit.ingress([WEB]))
    second = house.enforce(group_id, kit.ingress([WEB]))
    assert (second.steps, second.change_id) == ((), "")


def test_a_plan_applied_twice_is_no_error(house):
    group_id = house.member.group(kit.rule("tcp 0-65535 from 0.0.0.0/0"))
    plan = plan_ingress(group_id, house.member.standing(group_id), kit.ingress([WEB]))
    assert {each.done for each in apply(group_id, plan.actions, house.member.ec2)} == {Done.DONE}
    assert {each.done for each in apply(group_id, plan.actions, house.member.ec2)} == {Done.ALREADY}


def test_when_the_allowed_part_cannot_be_authorised_the_rule_stays(house):
    group_id = house.member.group(kit.rule("tcp 0-65535 from 0.0.0.0/0"), kit.rule("udp 161 from 0.0.0.0/0"))
    house.member.refused["AuthorizeSecurityGroupIngress"] = lambda _: "RulesPerSecurityGroupLimitExceeded"
    done = house.enforce(group_id, kit.ingress([WEB]))
    assert [each.done for each in done.steps] == [Done.FAILED, Done.SKIPPED, Done.DONE]
    assert [kit.said(each.rule) for each in done.after] == ["tcp 0-65535 from 0.0.0.0/0"]
    assert done.failed[0].why == "RulesPerSecurityGroupLimitExceeded"


def test_one_refused_revocation_does_not_hide_behind_the_others(house):
    group_id = house.member.group(kit.rule(SSH), kit.rule("udp 161 from 0.0.0.0/0"))
    first = house.member.standing(group_id)[0].rule.rule_id
    house.member.refused["RevokeSecurityGroupIngress"] = lambda body: (
        "UnauthorizedOperation" if first in body.values() else None
    )
    done = house.enforce(group_id, kit.ingress([WEB]))
    assert [each.done for each in done.steps] == [Done.FAILED, Done.DONE]


def test_nothing_is_touched_when_the_picture_of_before_cannot_be_kept(house):
    group_id = house.member.group(kit.rule(SSH))
    house.enforcer = msgspec.structs.replace(house.enforcer, images=PreImages(house.dynamodb, "no-such-table"))
    with pytest.raises(PreImageError, match="cannot be written"):
        house.enforce(group_id, kit.ingress([WEB]))
    assert len(house.member.rules(group_id)) == 1


def test_nothing_is_touched_when_it_cannot_be_written_down_first(house):
    group_id = house.member.group(kit.rule(SSH))
    house.enforcer = msgspec.structs.replace(house.enforcer, deeds=DeedBook(house.dynamodb, "no-such-table"))
    with pytest.raises(DeedError, match="cannot be written down"):
        house.enforce(group_id, kit.ingress([WEB]))
    assert len(house.member.rules(group_id)) == 1


def test_nothing_is_touched_when_what_happened_before_cannot_be_read(house):
    group_id = house.member.group(kit.rule(SSH))
    guard = Guard(house.dynamodb, "no-such-table", Fight(), house.clock)
    house.enforcer = msgspec.structs.replace(house.enforcer, guard=guard)
    with pytest.raises(GatewatchError, match="cannot be read"):
        house.enforce(group_id, kit.ingress([WEB]))
    assert len(house.member.rules(group_id)) == 1


def test_the_picture_of_before_names_who_had_added_the_rule(house):
    group_id = house.member.group(kit.rule(SSH))
    house.member.history = [added_by("alice", group_id)]
    image = house.images.load(house.enforce(group_id, kit.ingress([WEB])).change_id)
    assert (image.actor, image.event_id, image.resource_id) == ("alice (ci)", "e-1", group_id)


def test_a_loop_that_puts_the_rule_back_ends_after_three_returns_with_one_alert(house):
    group_id = house.member.group(kit.rule(SSH))
    removals, told = 0, []
    for _ in range(10):
        house.member.history = [added_by("terraform", group_id)]
        done = house.enforce(group_id, kit.ingress([WEB]))
        removals += len(done.steps)
        told += [each for each in done.left if each.is_news]
        if done.steps:
            house.member.authorize(group_id, kit.rule(SSH))
        house.clock.at += 60
    assert removals == 3
    (alert,) = told
    assert (alert.why, alert.culprit.name) == (Stop.FIGHT, "terraform (ci)")
    assert len(house.member.rules(group_id)) == 1


def removed_by(name, group_id, rule, **fields):
    """The CloudTrail record of a revocation by the rule's id."""
    gone = {
        "securityGroupRuleId": rule.rule_id,
        "isEgress": False,
        "ipProtocol": rule.traffic.protocol,
        "fromPort": rule.traffic.ports.first,
        "toPort": rule.traffic.ports.last,
        "cidrIpv4": rule.peer.text,
    }
    return added_by(name, group_id) | {
        "eventName": "RevokeSecurityGroupIngress",
        "requestParameters": {"groupId": group_id},
        "responseElements": {"_return": True, "revokedSecurityGroupRuleSet": {"items": [gone]}},
        **fields,
    }


def test_a_loop_that_takes_a_required_rule_away_ends_after_three_returns_with_one_alert(house):
    group_id = house.member.group()
    returns, told = 0, []
    for _ in range(10):
        done = house.enforce(group_id, kit.ingress(required=[WEB]))
        returns += len(done.steps)
        told += [each for each in done.left if each.is_news]
        for each in house.member.standing(group_id):
            house.member.history = [removed_by("cleaner", group_id, each.rule)]
            house.member.ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[each.rule.rule_id])
        house.clock.at += 60
    assert (returns, house.member.standing(group_id)) == (3, ())
    (alert,) = told
    assert (alert.why, alert.is_missing, alert.culprit.name) == (Stop.FIGHT, True, "cleaner (ci)")


def test_a_fight_over_a_missing_rule_ends_after_thirty_days(house):
    group_id = house.member.group()
    for _ in range(4):
        house.enforce(group_id, kit.ingress(required=[WEB]))
        for each in house.member.standing(group_id):
            house.member.ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[each.rule.rule_id])
    house.clock.at += 29 * 24 * HOUR
    assert house.enforce(group_id, kit.ingress(required=[WEB])).steps == ()
    house.clock.at += 2 * 24 * HOUR
    assert len(house.enforce(group_id, kit.ingress(required=[WEB])).steps) == 1


def test_a_rule_fought_over_both_ways_is_counted_each_way(house):
    group_id = house.member.group()
    policies = [kit.ingress(required=[WEB]), kit.ingress([SSH])] * 2
    for policy in policies:
        house.enforce(group_id, policy)
        house.clock.at += 25 * HOUR
    assert len(house.enforce(group_id, kit.ingress(required=[WEB])).steps) == 1


def test_a_rule_that_comes_back_once_a_day_is_no_fight(house):
    group_id = house.member.group(kit.rule(SSH))
    for _ in range(6):
        assert len(house.enforce(group_id, kit.ingress([WEB])).steps) == 1
        house.member.authorize(group_id, kit.rule(SSH))
        house.clock.at += 25 * HOUR


def test_a_fight_over_one_rule_leaves_the_others_enforced(house):
    group_id = house.member.group(kit.rule(SSH))
    for _ in range(4):
        house.enforce(group_id, kit.ingress([WEB]))
        if not house.member.rules(group_id):
            house.member.authorize(group_id, kit.rule(SSH))
    house.member.authorize(group_id, kit.rule("udp 161 from 0.0.0.0/0"))
    house.enforce(group_id, kit.ingress([WEB]))
    assert [kit.said(each.rule) for each in house.member.standing(group_id)] == [SSH]


def test_what_its_own_role_added_is_not_undone(house):
    group_id = house.member.group(kit.rule(SSH))
    house.member.history = [added_by("gatewatch", group_id, arn=OWN_ROLE)]
    done = house.enforce(group_id, kit.ingress([WEB]))
    assert (done.steps, [each.why for each in done.left]) == ((), [Stop.OWN])


def test_what_it_authorised_itself_is_left_alone_when_the_policy_turns(house):
    group_id = house.member.group()
    house.enforce(group_id, kit.ingress(required=[WEB]))
    assert [each.why for each in house.enforce(group_id, kit.ingress([SSH])).left] == [Stop.OWN]
    house.clock.at += 25 * HOUR
    assert len(house.enforce(group_id, kit.ingress([SSH])).steps) == 1


def test_what_a_person_undid_is_not_taken_away_again(house):
    group_id = house.member.group(kit.rule(SSH))
    house.undo(house.enforce(group_id, kit.ingress([WEB])).change_id)
    done = house.enforce(group_id, kit.ingress([WEB]))
    assert (done.steps, [(each.why, each.is_news) for each in done.left]) == ((), [(Stop.UNDONE, False)])


def test_what_a_person_took_away_again_is_not_authorised_again(house):
    group_id = house.member.group()
    house.undo(house.enforce(group_id, kit.ingress(required=[WEB])).change_id)
    done = house.enforce(group_id, kit.ingress(required=[WEB]))
    assert (done.steps, [(each.why, each.is_news) for each in done.left]) == ((), [(Stop.UNDONE, False)])
    assert house.member.standing(group_id) == ()


def excepted(effect=Effect.NOTIFY_ONLY, expires=date(2024, 1, 31), **match):
    """The clock of the house stands in November 2023."""
    return PolicyException(
        id="bastion",
        match=ExceptionMatch(**match),
        effect=effect,
        owner="@web",
        reason="the bastion",
        ticket="SEC-1",
        expires=expires,
    )


COVERING = [
    {"account": members.ACCOUNT},
    {"environment": "prod"},
    {"region": "eu-*"},
    {"group": "bastion-*"},
    {"port": 22},
    {"port": 22, "peer": "198.51.100.0/24", "family": "security_group"},
]
OTHERS = [
    {"account": "999988887777"},
    {"environment": "dev"},
    {"group": "web-*"},
    {"port": 443},
    {"port": 22, "peer": "198.51.100.0/26"},
    {"region": "eu-*", "family": "iam"},
]
OFFICE = "tcp 22 from 198.51.100.0/25"


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("match", COVERING)
def test_what_an_exception_covers_is_left_alone_whatever_its_effect(house, match, effect):
    group_id = house.member.group(kit.rule(OFFICE), name="bastion-1")
    house.enforcer = house.excepting(excepted(effect, **match))
    done = house.enforce(group_id, kit.ingress([WEB]))
    (left,) = done.left
    assert (done.steps, left.why, left.excepted.is_certain) == ((), Stop.EXCEPTED, True)
    assert len(house.member.rules(group_id)) == 1


@pytest.mark.parametrize("match", OTHERS)
def test_what_an_exception_does_not_cover_is_put_right_beside_it(house, match):
    group_id = house.member.group(kit.rule(OFFICE), name="bastion-1")
    house.enforcer = house.excepting(excepted(**match))
    assert len(house.enforce(group_id, kit.ingress([WEB])).steps) == 1
    assert house.member.rules(group_id) == set()


def test_a_wider_rule_than_an_exception_names_goes_and_the_one_it_names_stays(house):
    group_id = house.member.group(kit.rule(OFFICE), kit.rule(SSH), kit.rule("tcp 20-30 from 198.51.100.0/25"))
    house.enforcer = house.excepting(excepted(port=22, peer="198.51.100.0/24"))
    house.enforce(group_id, kit.ingress([WEB]))
    assert [kit.said(each.rule) for each in house.member.standing(group_id)] == [OFFICE]


def test_an_exception_that_has_run_out_holds_until_its_last_day_is_over_everywhere(house):
    group_id = house.member.group(kit.rule(SSH))
    house.clock.at = datetime(2026, 1, 25, 11, tzinfo=UTC).timestamp()
    house.enforcer = house.excepting(excepted(port=22, expires=date(2026, 1, 24)))
    (left,) = house.enforce(group_id, kit.ingress([WEB])).left
    assert (left.why, left.excepted.is_certain) == (Stop.EXCEPTED, False)
    house.clock.at += HOUR
    assert len(house.enforce(group_id, kit.ingress([WEB])).steps) == 1


def test_what_was_left_to_an_exception_is_put_right_once_the_exception_is_gone(house):
    group_id = house.member.group(kit.rule(SSH))
    house.enforcer = house.excepting(excepted(port=22))
    news = [house.enforce(group_id, kit.ingress([WEB])).left[0].is_news for _ in range(2)]
    house.enforcer = house.excepting()
    assert (news, len(house.enforce(group_id, kit.ingress([WEB])).steps)) == ([True, False], 1)


def test_what_a_person_undid_stays_undone_under_an_exception_too(house):
    group_id = house.member.group(kit.rule(SSH))
    house.undo(house.enforce(group_id, kit.ingress([WEB])).change_id)
    house.enforcer = house.excepting(excepted(port=22))
    assert [each.why for each in house.enforce(group_id, kit.ingress([WEB])).left] == [Stop.UNDONE]
    house.enforcer = house.excepting()
    assert [each.why for each in house.enforce(group_id, kit.ingress([WEB])).left] == [Stop.UNDONE]


def test_a_required_rule_is_not_authorised_where_an_exception_covers_its_removal(house):
    group_id = house.member.group()
    house.enforcer = house.excepting(excepted(port=443, peer="0.0.0.0/1"), excepted(region="eu-west-1"))
    (left,) = house.enforce(group_id, kit.ingress(required=[WEB])).left
    assert (left.is_missing, left.why, house.member.standing(group_id)) == (True, Stop.EXCEPTED, ())
    house.enforcer = house.excepting(excepted(port=443, peer="0.0.0.0/1"))
    assert len(house.enforce(group_id, kit.ingress(required=[WEB])).steps) == 1


def by_id(record, rule):
    """With the answer that names the rule it made."""
    made = {
        "securityGroupRuleId": rule.rule_id,
        "isEgress": False,
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrIpv4": "0.0.0.0/0",
    }
    return record | {"responseElements": {"_return": True, "securityGroupRuleSet": {"items": [made]}}}


@pytest.mark.parametrize(("actor", "certain"), [("alice*", True), ("bob*", None)])
def test_who_made_the_very_rule_is_known_and_decides(house, actor, certain):
    group_id = house.member.group(kit.rule(SSH))
    (standing,) = house.member.standing(group_id)
    house.member.history = [by_id(added_by("alice", group_id), standing.rule)]
    house.enforcer = house.excepting(excepted(actor=actor))
    done = house.enforce(group_id, kit.ingress([WEB]))
    assert [each.excepted.is_certain for each in done.left] == ([certain] if certain else [])
    assert len(done.steps) == (0 if certain else 1)


def test_who_added_the_same_some_time_is_a_doubt_both_ways(house):
    """The history lags: the rule of today may be somebody else's."""
    group_id = house.member.group(kit.rule(SSH))
    house.member.history = [by_id(added_by("alice", group_id), kit.rule(SSH, "sgr-0fffffffffffffff0"))]
    for actor in ("alice*", "bob*"):
        house.enforcer = house.excepting(excepted(Effect.MUTE, actor=actor))
        (left,) = house.enforce(group_id, kit.ingress([WEB])).left
        assert (left.why, left.excepted.is_certain) == (Stop.EXCEPTED, False)


def test_a_name_of_a_group_that_cannot_be_asked_for_changes_nothing(house):
    group_id = house.member.group(kit.rule(SSH), name="bastion-1")
    house.enforcer = house.excepting(excepted(group="web-*"))
    house.member.refused["DescribeSecurityGroups"] = lambda _: "RequestLimitExceeded"
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        house.enforce(group_id, kit.ingress([WEB]))
    assert len(house.member.rules(group_id)) == 1


def test_undoing_twice_does_nothing(house):
    group_id = house.member.group(kit.rule("tcp 0-65535 from 0.0.0.0/0"))
    change_id = house.enforce(group_id, kit.ingress([WEB])).change_id
    assert {each.done for each in house.undo(change_id)} == {Done.DONE}
    assert house.undo(change_id) == ()


def test_an_unknown_change_is_said_so(house):
    with pytest.raises(PreImageError, match="there is no change chg-0"):
        house.undo("chg-0")


ports = st.tuples(st.sampled_from([0, 22, 80, 443, 65535]), st.sampled_from([22, 80, 443, 65535])).map(sorted)
what = st.one_of(
    st.builds(lambda name, ends: f"{name} {ends[0]}-{ends[1]}", st.sampled_from(["tcp", "udp"]), ports),
    st.sampled_from(["all", "icmp", "icmpv6"]),
)
whom = st.sampled_from(["0.0.0.0/0", "::/0", "10.0.0.0/8", "10.1.0.0/16", "pl-0123456789abcdef0"])
texts = st.lists(st.builds("{} from {}".format, what, whom), max_size=5, unique=True)
tags = st.sampled_from([(), (("Owner", "web"),), (("Owner", "shop"), ("Ticket", "OPS-1"))])
notes = st.sampled_from([None, "health checks", "from the office"])


@settings(
    max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(texts, texts, texts, tags, notes)
def test_remediate_then_undo_is_as_if_nothing_had_been(rules, allowed, required, tagged, note):
    with mock_aws():
        house = House()
        group_id = house.member.group(*(kit.rule(each, description=note) for each in rules), tags=tagged)
        before = house.member.rules(group_id)
        done = house.enforce(group_id, kit.ingress(allowed, required))
        assert not done.failed
        assert house.enforce(group_id, kit.ingress(allowed, required)).steps == ()
        if done.change_id:
            house.undo(done.change_id)
        assert house.member.rules(group_id) == before
