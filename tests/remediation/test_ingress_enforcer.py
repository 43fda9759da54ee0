from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from gatewatch.alerts.own_actions import ActionLog
from gatewatch.aws.hub_table import HubTable, HubTableError
from gatewatch.config.ingress import ConflictLimit
from gatewatch.config.suppression_rules import ExceptionEffect, ExceptionMatch, PolicyException
from gatewatch.errors import GatewatchError
from gatewatch.model.account import Account
from gatewatch.remediation.ingress.conflict_guard import ConflictGuard, GroupRef, StopReason
from gatewatch.remediation.ingress.enforcer import Enforcer
from gatewatch.remediation.ingress.executor import StepStatus, apply_ingress_actions
from gatewatch.remediation.ingress.plan import plan_ingress
from gatewatch.remediation.ingress.suppression import RuleSuppression
from gatewatch.remediation.ingress.undo import plan_undo, stop_enforcing
from gatewatch.remediation.ingress.unfinished import UnfinishedChanges
from gatewatch.remediation.snapshots import SnapshotError, SnapshotStore
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


class Environment:
    """An enforcer over one member, with a clock that tests advance."""

    def __init__(self, limit=ConflictLimit(), exceptions=()):  # noqa: B008  a frozen value
        self.member, self.clock = members.Member(), Clock()
        self.dynamodb = members.table(self.member)
        self.snapshots = SnapshotStore(HubTable(self.dynamodb, members.TABLE))
        self.unfinished = UnfinishedChanges(HubTable(self.dynamodb, members.TABLE))
        self.guard = ConflictGuard(HubTable(self.dynamodb, members.TABLE), limit, self.clock)
        self.action_log = ActionLog(HubTable(self.dynamodb, members.TABLE))
        self.enforcer = self.with_exceptions(*exceptions)

    def with_exceptions(self, *exceptions):
        return Enforcer(
            self.snapshots, self.unfinished, self.guard, self.action_log, RuleSuppression(exceptions, account), OWN_ROLE
        )

    def ref(self, group_id):
        return GroupRef(members.ACCOUNT, members.REGION, group_id)

    def enforce(self, group_id, policy):
        current = self.member.current_rules(group_id)
        plan = plan_ingress(group_id, current, policy)
        return self.enforcer.enforce(self.ref(group_id), plan, current, self.member, self.clock())

    def undo(self, change_id):
        snapshot = self.snapshots.load(change_id)
        stop_enforcing(snapshot, self.guard)
        plan = plan_undo(snapshot, self.member.current_rules(snapshot.resource_id))
        return apply_ingress_actions(snapshot.resource_id, plan.actions, self.member.ec2)


@pytest.fixture
def env():
    with mock_aws():
        yield Environment()


def authorize_record(name, group_id, arn=None, **peer):
    """The CloudTrail record of an authorisation of SSH to the internet."""
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


def test_a_rule_that_is_not_allowed_is_revoked_and_the_others_stay(env):
    group_id = env.member.group(kit.rule(WEB, description="shop"), kit.rule(SSH))
    shop = {each for each in env.member.rules(group_id) if each[2] == "shop"}
    done = env.enforce(group_id, kit.ingress([WEB]))
    assert env.member.rules(group_id) == shop
    assert (len(done.before), len(done.after), done.failed) == (2, 1, ())


def test_a_second_run_does_nothing(env):
    group_id = env.member.group(kit.rule(SSH))
    env.enforce(group_id, kit.ingress([WEB]))
    second = env.enforce(group_id, kit.ingress([WEB]))
    assert (second.steps, second.change_id) == ((), "")


def test_a_plan_applied_twice_is_no_error(env):
    group_id = env.member.group(kit.rule(SSH))
    plan = plan_ingress(group_id, env.member.current_rules(group_id), kit.ingress([WEB]))
    assert {each.status for each in apply_ingress_actions(group_id, plan.actions, env.member.ec2)} == {StepStatus.DONE}
    assert {each.status for each in apply_ingress_actions(group_id, plan.actions, env.member.ec2)} == {
        StepStatus.ALREADY
    }


def test_a_part_that_cannot_be_authorised_fails_and_every_rule_is_closed(env):
    group_id = env.member.group(kit.rule("tcp 0-65535 from 0.0.0.0/0"), kit.rule("udp 161 from 0.0.0.0/0"))
    env.member.refused["AuthorizeSecurityGroupIngress"] = lambda _: "RulesPerSecurityGroupLimitExceeded"
    done = env.enforce(group_id, kit.ingress([WEB, "tcp 80 from 0.0.0.0/0"]))
    assert [each.status for each in done.steps] == [StepStatus.DONE, StepStatus.DONE, StepStatus.FAILED]
    assert [kit.rule_text(each.rule) for each in done.after] == [WEB]
    assert done.failed[0].reason == "RulesPerSecurityGroupLimitExceeded"


def test_one_refused_revocation_does_not_hide_behind_the_others(env):
    group_id = env.member.group(kit.rule(SSH), kit.rule("udp 161 from 0.0.0.0/0"))
    first = env.member.current_rules(group_id)[0].rule.rule_id
    env.member.refused["RevokeSecurityGroupIngress"] = lambda body: (
        "UnauthorizedOperation" if first in body.values() else None
    )
    done = env.enforce(group_id, kit.ingress([WEB]))
    assert [each.status for each in done.steps] == [StepStatus.FAILED, StepStatus.DONE]


def test_nothing_is_changed_when_the_snapshot_cannot_be_saved(env):
    group_id = env.member.group(kit.rule(SSH))
    env.enforcer = msgspec.structs.replace(
        env.enforcer, snapshots=SnapshotStore(HubTable(env.dynamodb, "no-such-table"))
    )
    with pytest.raises(HubTableError, match="cannot be written"):
        env.enforce(group_id, kit.ingress([WEB]))
    assert len(env.member.rules(group_id)) == 1


def test_nothing_is_changed_when_the_action_log_cannot_be_written(env):
    group_id = env.member.group(kit.rule(SSH))
    env.enforcer = msgspec.structs.replace(env.enforcer, action_log=ActionLog(HubTable(env.dynamodb, "no-such-table")))
    with pytest.raises(HubTableError, match="the action log cannot be written"):
        env.enforce(group_id, kit.ingress([WEB]))
    assert len(env.member.rules(group_id)) == 1


def test_nothing_is_changed_when_the_conflicts_cannot_be_read(env):
    group_id = env.member.group(kit.rule(SSH))
    guard = ConflictGuard(HubTable(env.dynamodb, "no-such-table"), ConflictLimit(), env.clock)
    env.enforcer = msgspec.structs.replace(env.enforcer, guard=guard)
    with pytest.raises(GatewatchError, match="cannot be read"):
        env.enforce(group_id, kit.ingress([WEB]))
    assert len(env.member.rules(group_id)) == 1


def test_the_snapshot_names_who_had_added_the_rule(env):
    group_id = env.member.group(kit.rule(SSH))
    env.member.history = [authorize_record("alice", group_id)]
    snapshot = env.snapshots.load(env.enforce(group_id, kit.ingress([WEB])).change_id)
    assert (snapshot.actor, snapshot.event_id, snapshot.resource_id) == ("alice (ci)", "e-1", group_id)


def test_a_rule_that_is_re_created_three_times_is_no_longer_remediated_and_alerted_once(env):
    group_id = env.member.group(kit.rule(SSH))
    removals, reported = 0, []
    for _ in range(10):
        env.member.history = [authorize_record("terraform", group_id)]
        done = env.enforce(group_id, kit.ingress([WEB]))
        removals += len(done.steps)
        reported += [each for each in done.unenforced if each.is_new]
        if done.steps:
            env.member.authorize(group_id, kit.rule(SSH))
        env.clock.at += 60
    assert removals == 3
    (alert,) = reported
    assert (alert.reason, alert.author.name) == (StopReason.CONFLICT, "terraform (ci)")
    assert len(env.member.rules(group_id)) == 1


def revoke_record(name, group_id, rule, **fields):
    """The CloudTrail record of a revocation by the rule's id."""
    gone = {
        "securityGroupRuleId": rule.rule_id,
        "isEgress": False,
        "ipProtocol": rule.traffic.protocol,
        "fromPort": rule.traffic.ports.first,
        "toPort": rule.traffic.ports.last,
        "cidrIpv4": rule.peer.text,
    }
    return authorize_record(name, group_id) | {
        "eventName": "RevokeSecurityGroupIngress",
        "requestParameters": {"groupId": group_id},
        "responseElements": {"_return": True, "revokedSecurityGroupRuleSet": {"items": [gone]}},
        **fields,
    }


def test_a_required_rule_that_is_removed_three_times_is_no_longer_authorised_and_alerted_once(env):
    group_id = env.member.group()
    returns, reported = 0, []
    for _ in range(10):
        done = env.enforce(group_id, kit.ingress(required=[WEB]))
        returns += len(done.steps)
        reported += [each for each in done.unenforced if each.is_new]
        for each in env.member.current_rules(group_id):
            env.member.history = [revoke_record("cleaner", group_id, each.rule)]
            env.member.ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[each.rule.rule_id])
        env.clock.at += 60
    assert (returns, env.member.current_rules(group_id)) == (3, ())
    (alert,) = reported
    assert (alert.reason, alert.is_missing, alert.author.name) == (StopReason.CONFLICT, True, "cleaner (ci)")


def test_a_conflict_about_a_missing_rule_ends_after_thirty_days(env):
    group_id = env.member.group()
    for _ in range(4):
        env.enforce(group_id, kit.ingress(required=[WEB]))
        for each in env.member.current_rules(group_id):
            env.member.ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[each.rule.rule_id])
    env.clock.at += 29 * 24 * HOUR
    assert env.enforce(group_id, kit.ingress(required=[WEB])).steps == ()
    env.clock.at += 2 * 24 * HOUR
    assert len(env.enforce(group_id, kit.ingress(required=[WEB])).steps) == 1


def test_a_conflict_in_both_directions_is_counted_in_each_direction(env):
    group_id = env.member.group()
    policies = [kit.ingress(required=[WEB]), kit.ingress([SSH])] * 2
    for policy in policies:
        env.enforce(group_id, policy)
        env.clock.at += 25 * HOUR
    assert len(env.enforce(group_id, kit.ingress(required=[WEB])).steps) == 1


def test_a_rule_that_is_re_created_once_a_day_is_no_conflict(env):
    group_id = env.member.group(kit.rule(SSH))
    for _ in range(6):
        assert len(env.enforce(group_id, kit.ingress([WEB])).steps) == 1
        env.member.authorize(group_id, kit.rule(SSH))
        env.clock.at += 25 * HOUR


def test_a_conflict_about_one_rule_leaves_the_others_enforced(env):
    group_id = env.member.group(kit.rule(SSH))
    for _ in range(4):
        env.enforce(group_id, kit.ingress([WEB]))
        if not env.member.rules(group_id):
            env.member.authorize(group_id, kit.rule(SSH))
    env.member.authorize(group_id, kit.rule("udp 161 from 0.0.0.0/0"))
    env.enforce(group_id, kit.ingress([WEB]))
    assert [kit.rule_text(each.rule) for each in env.member.current_rules(group_id)] == [SSH]


def test_a_rule_added_by_its_own_role_is_not_removed(env):
    group_id = env.member.group(kit.rule(SSH))
    env.member.history = [authorize_record("gatewatch", group_id, arn=OWN_ROLE)]
    done = env.enforce(group_id, kit.ingress([WEB]))
    assert (done.steps, [each.reason for each in done.unenforced]) == ((), [StopReason.OWN])


def test_a_rule_it_authorised_is_not_removed_at_once_when_the_policy_changes(env):
    group_id = env.member.group()
    env.enforce(group_id, kit.ingress(required=[WEB]))
    assert [each.reason for each in env.enforce(group_id, kit.ingress([SSH])).unenforced] == [StopReason.OWN]
    env.clock.at += 25 * HOUR
    assert len(env.enforce(group_id, kit.ingress([SSH])).steps) == 1


def test_a_rule_restored_by_undo_is_not_removed_again(env):
    group_id = env.member.group(kit.rule(SSH))
    env.undo(env.enforce(group_id, kit.ingress([WEB])).change_id)
    done = env.enforce(group_id, kit.ingress([WEB]))
    assert (done.steps, [(each.reason, each.is_new) for each in done.unenforced]) == ((), [(StopReason.UNDONE, False)])


def test_a_rule_removed_by_undo_is_not_authorised_again(env):
    group_id = env.member.group()
    env.undo(env.enforce(group_id, kit.ingress(required=[WEB])).change_id)
    done = env.enforce(group_id, kit.ingress(required=[WEB]))
    assert (done.steps, [(each.reason, each.is_new) for each in done.unenforced]) == ((), [(StopReason.UNDONE, False)])
    assert env.member.current_rules(group_id) == ()


def policy_exception(effect=ExceptionEffect.NOTIFY_ONLY, expires=date(2024, 1, 31), **match):
    """The clock of the environment starts in November 2023."""
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
    {"tags": {"Role": "bastion*"}},
    {"port": 22},
    {"port": 22, "peer": "198.51.100.0/24", "family": "security_group"},
]
OTHERS = [
    {"account": "999988887777"},
    {"environment": "dev"},
    {"group": "web-*"},
    {"tags": {"Role": "web"}},
    {"tags": {"Team": "*"}},
    {"port": 443},
    {"port": 22, "peer": "198.51.100.0/26"},
    {"region": "eu-*", "family": "iam"},
]
OFFICE = "tcp 22 from 198.51.100.0/25"


@pytest.mark.parametrize("effect", ExceptionEffect)
@pytest.mark.parametrize("match", COVERING)
def test_a_rule_that_an_exception_covers_is_not_changed_whatever_its_effect(env, match, effect):
    group_id = env.member.group(kit.rule(OFFICE), name="bastion-1")
    env.member.ec2.create_tags(Resources=[group_id], Tags=[{"Key": "Role", "Value": "bastion-host"}])
    env.enforcer = env.with_exceptions(policy_exception(effect, **match))
    done = env.enforce(group_id, kit.ingress([WEB]))
    (action,) = done.unenforced
    assert (done.steps, action.reason, action.suppressed_by.is_certain) == ((), StopReason.EXCEPTION, True)
    assert len(env.member.rules(group_id)) == 1


@pytest.mark.parametrize("match", OTHERS)
def test_a_rule_that_no_exception_covers_is_remediated(env, match):
    group_id = env.member.group(kit.rule(OFFICE), name="bastion-1")
    env.member.ec2.create_tags(Resources=[group_id], Tags=[{"Key": "Role", "Value": "bastion-host"}])
    env.enforcer = env.with_exceptions(policy_exception(**match))
    assert len(env.enforce(group_id, kit.ingress([WEB])).steps) == 1
    assert env.member.rules(group_id) == set()


def test_a_wider_rule_than_an_exception_names_is_revoked_and_the_named_one_stays(env):
    group_id = env.member.group(kit.rule(OFFICE), kit.rule(SSH), kit.rule("tcp 20-30 from 198.51.100.0/25"))
    env.enforcer = env.with_exceptions(policy_exception(port=22, peer="198.51.100.0/24"))
    env.enforce(group_id, kit.ingress([WEB]))
    assert [kit.rule_text(each.rule) for each in env.member.current_rules(group_id)] == [OFFICE]


def test_an_expired_exception_applies_until_its_last_day_has_ended_in_every_time_zone(env):
    group_id = env.member.group(kit.rule(SSH))
    env.clock.at = datetime(2026, 1, 25, 11, tzinfo=UTC).timestamp()
    env.enforcer = env.with_exceptions(policy_exception(port=22, expires=date(2026, 1, 24)))
    (action,) = env.enforce(group_id, kit.ingress([WEB])).unenforced
    assert (action.reason, action.suppressed_by.is_certain) == (StopReason.EXCEPTION, False)
    env.clock.at += HOUR
    assert len(env.enforce(group_id, kit.ingress([WEB])).steps) == 1


def test_a_rule_is_remediated_once_its_exception_is_removed(env):
    group_id = env.member.group(kit.rule(SSH))
    env.enforcer = env.with_exceptions(policy_exception(port=22))
    news = [env.enforce(group_id, kit.ingress([WEB])).unenforced[0].is_new for _ in range(2)]
    env.enforcer = env.with_exceptions()
    assert (news, len(env.enforce(group_id, kit.ingress([WEB])).steps)) == ([True, False], 1)


def test_an_undo_stays_in_force_under_an_exception_too(env):
    group_id = env.member.group(kit.rule(SSH))
    env.undo(env.enforce(group_id, kit.ingress([WEB])).change_id)
    env.enforcer = env.with_exceptions(policy_exception(port=22))
    assert [each.reason for each in env.enforce(group_id, kit.ingress([WEB])).unenforced] == [StopReason.UNDONE]
    env.enforcer = env.with_exceptions()
    assert [each.reason for each in env.enforce(group_id, kit.ingress([WEB])).unenforced] == [StopReason.UNDONE]


def test_a_required_rule_is_not_authorised_where_an_exception_covers_its_removal(env):
    group_id = env.member.group()
    env.enforcer = env.with_exceptions(
        policy_exception(port=443, peer="0.0.0.0/1"), policy_exception(region="eu-west-1")
    )
    (action,) = env.enforce(group_id, kit.ingress(required=[WEB])).unenforced
    assert (action.is_missing, action.reason, env.member.current_rules(group_id)) == (True, StopReason.EXCEPTION, ())
    env.enforcer = env.with_exceptions(policy_exception(port=443, peer="0.0.0.0/1"))
    assert len(env.enforce(group_id, kit.ingress(required=[WEB])).steps) == 1


def by_id(record, rule):
    """Add the response that contains the id of the new rule."""
    made = {
        "securityGroupRuleId": rule.rule_id,
        "isEgress": False,
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrIpv4": "0.0.0.0/0",
    }
    return record | {"responseElements": {"_return": True, "securityGroupRuleSet": {"items": [made]}}}


@pytest.mark.parametrize(("actor", "certain"), [("ci", True), ("alice* (ci)", True), ("alice*", None), ("ops", None)])
def test_the_author_of_the_rule_id_decides_an_exception_by_actor(env, actor, certain):
    group_id = env.member.group(kit.rule(SSH))
    (current,) = env.member.current_rules(group_id)
    env.member.history = [by_id(authorize_record("alice", group_id), current.rule)]
    env.enforcer = env.with_exceptions(policy_exception(actor=actor))
    done = env.enforce(group_id, kit.ingress([WEB]))
    assert [each.suppressed_by.is_certain for each in done.unenforced] == ([certain] if certain else [])
    assert len(done.steps) == (0 if certain else 1)


def test_an_author_of_an_equal_rule_with_another_id_is_only_a_possible_match(env):
    """The history lags: the current rule may have another author."""
    group_id = env.member.group(kit.rule(SSH))
    env.member.history = [by_id(authorize_record("alice", group_id), kit.rule(SSH, "sgr-0fffffffffffffff0"))]
    for actor in ("alice*", "bob*"):
        env.enforcer = env.with_exceptions(policy_exception(ExceptionEffect.MUTE, actor=actor))
        (action,) = env.enforce(group_id, kit.ingress([WEB])).unenforced
        assert (action.reason, action.suppressed_by.is_certain) == (StopReason.EXCEPTION, False)


def test_nothing_is_changed_when_the_name_of_a_group_cannot_be_read(env):
    group_id = env.member.group(kit.rule(SSH), name="bastion-1")
    env.enforcer = env.with_exceptions(policy_exception(group="web-*"))
    env.member.refused["DescribeSecurityGroups"] = lambda _: "RequestLimitExceeded"
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        env.enforce(group_id, kit.ingress([WEB]))
    assert len(env.member.rules(group_id)) == 1


def test_a_second_undo_changes_nothing(env):
    group_id = env.member.group(kit.rule("tcp 0-65535 from 0.0.0.0/0"))
    change_id = env.enforce(group_id, kit.ingress([WEB])).change_id
    assert {each.status for each in env.undo(change_id)} == {StepStatus.DONE}
    assert env.undo(change_id) == ()


def test_an_unknown_change_is_refused(env):
    with pytest.raises(SnapshotError, match="there is no change chg-0"):
        env.undo("chg-0")


ports = st.tuples(st.sampled_from([0, 22, 80, 443, 65535]), st.sampled_from([22, 80, 443, 65535])).map(sorted)
traffics = st.one_of(
    st.builds(lambda name, ends: f"{name} {ends[0]}-{ends[1]}", st.sampled_from(["tcp", "udp"]), ports),
    st.sampled_from(["all", "icmp", "icmpv6"]),
)
peers = st.sampled_from(["0.0.0.0/0", "::/0", "10.0.0.0/8", "10.1.0.0/16", "pl-0123456789abcdef0"])
texts = st.lists(st.builds("{} from {}".format, traffics, peers), max_size=5, unique=True)
tags = st.sampled_from([(), (("Owner", "web"),), (("Owner", "shop"), ("Ticket", "OPS-1"))])
descriptions = st.sampled_from([None, "health checks", "from the office"])


@settings(
    max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(texts, texts, texts, tags, descriptions)
def test_remediation_and_undo_restore_every_rule_description_and_tag(rules, allowed, required, tagged, note):
    with mock_aws():
        env = Environment()
        group_id = env.member.group(*(kit.rule(each, description=note) for each in rules), tags=tagged)
        before = env.member.rules(group_id)
        done = env.enforce(group_id, kit.ingress(allowed, required))
        assert not done.failed
        assert env.enforce(group_id, kit.ingress(allowed, required)).steps == ()
        if done.change_id:
            env.undo(done.change_id)
        assert env.member.rules(group_id) == before
