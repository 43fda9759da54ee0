"""Reverts of calls that opened something: plan, re-read, snapshot, change and undo, in moto."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import msgspec
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from moto import mock_aws

from gatewatch.alerts.attached_groups import Attachable, read_attached_groups
from gatewatch.alerts.own_actions import ACTIONS, action_id, rule_action_id
from gatewatch.aws.hub_table import HubTableError
from gatewatch.config.languages import LANGUAGES
from gatewatch.errors import GatewatchError
from gatewatch.events.decoding import decode
from gatewatch.model.change import Action, Family
from gatewatch.model.revert import RevertOutcome, RevertReport
from gatewatch.model.security_group import Direction
from gatewatch.model.severity import Reason, Severity
from gatewatch.remediation.ingress.access import access_of
from gatewatch.remediation.ingress.conflict_guard import GroupRef, RuleConflict, StopReason
from gatewatch.remediation.ingress.executor import StepStatus
from gatewatch.remediation.revert.frozen import freeze, freeze_undo, perform_frozen, undo_frozen
from gatewatch.remediation.revert.openings import opened_changes
from gatewatch.remediation.revert.plan import NotRevertibleError, Obstacle, PlannedChange, RevertPlan, SettingKind
from gatewatch.remediation.revert.planner import SETTINGS
from gatewatch.remediation.revert.rules import rule_of_entries
from gatewatch.remediation.revert.sentences import plan_sentences, undo_sentences
from gatewatch.remediation.revert.settings import Target
from gatewatch.remediation.snapshots import SnapshotError
from gatewatch.rendering.text.labels import load_labels
from support import ingress, members
from support import revert as kit
from support.builders import event
from support.paths import TEMPLATES


@pytest.fixture
def environment():
    with mock_aws():
        yield kit.Environment()


def obstacle(environment, notification):
    """Return why a notification is not reverted."""
    with pytest.raises(NotRevertibleError) as raised:
        environment.reverter.plan(notification)
    return raised.value.obstacle


def with_changes(notification, **fields):
    """Return the notification with other fields of its changes."""
    changes = tuple(
        msgspec.structs.replace(each, change=msgspec.structs.replace(each.change, **fields))
        for each in notification.alert.changes
    )
    return with_alert(notification, changes=changes)


def with_alert(notification, **fields):
    return msgspec.structs.replace(notification, alert=msgspec.structs.replace(notification.alert, **fields))


@pytest.mark.parametrize("case", kit.CASES)
def test_a_revert_closes_what_the_call_opened_and_its_undo_restores_it(environment, case):
    plan = environment.reverter.plan(environment.opened(case))
    assert environment.entries(plan) == [each.before for each in plan.changes]
    assert all(each.before != each.after for each in plan.changes)
    result = environment.reverter.execute(plan)
    assert [each.status for each in result.steps] == [StepStatus.DONE] * len(plan.changes)
    assert environment.entries(plan) == [each.after for each in plan.changes]
    assert environment.reverter.undo(result.change_id).succeeded
    if plan.changes[0].kind is not SettingKind.RULE:  # a rule that is authorised again has a new id
        assert environment.entries(plan) == [each.before for each in plan.changes]


@pytest.mark.parametrize("case", ["inbound_rule", "outbound_rule"])
def test_the_undo_of_a_revoked_rule_authorises_an_equal_one_with_its_description_and_tags(environment, case):
    def rules():
        found = environment.member.ec2.describe_security_group_rules()["SecurityGroupRules"]
        return sorted(json.dumps({**each, "SecurityGroupRuleId": ""}, sort_keys=True) for each in found)

    plan = environment.reverter.plan(environment.opened(case))
    before = rules()
    result = environment.reverter.execute(plan)
    assert len(rules()) == len(before) - 1
    environment.reverter.undo(result.change_id)
    assert rules() == before
    environment.reverter.undo(result.change_id)
    assert rules() == before


SOME = ("inbound_rule", "bucket_policy", "snapshot_share", "function_policy", "access_key")


@pytest.mark.parametrize("case", SOME)
def test_a_plan_is_the_same_each_time_and_its_hash_covers_all_of_it(environment, case):
    notification = environment.opened(case)
    plan = environment.reverter.plan(notification)
    assert environment.reverter.plan(notification) == plan
    stored = msgspec.json.decode(msgspec.json.encode(plan), type=RevertPlan)
    assert (stored, stored.hash) == (plan, plan.hash)
    first = msgspec.structs.replace(plan.changes[0], resource="other")
    assert msgspec.structs.replace(plan, changes=(first, *plan.changes[1:])).hash != plan.hash


def test_only_the_statements_that_the_event_opened_are_removed(environment):
    notification = environment.opened("bucket_policy")
    later = kit.policy(
        kit.own(Sid="own"), kit.everyone(Sid="public"), kit.everyone(Sid="later", Action="s3:ListBucket")
    )
    environment.member.s3.put_bucket_policy(Bucket="shop", Policy=json.dumps(later))
    plan = environment.reverter.plan(notification)
    environment.reverter.execute(plan)
    left = json.loads(environment.member.s3.get_bucket_policy(Bucket="shop")["Policy"])["Statement"]
    assert [each["Sid"] for each in left] == ["own", "later"]


def test_a_statement_that_denies_or_admits_the_own_account_stays(environment):
    document = kit.policy(kit.everyone(Effect="Deny", Sid="deny"), kit.own(Sid="own"), kit.everyone(Sid="public"))
    name = kit.bucket(environment.member)
    environment.member.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    found = kit.call("s3", "PutBucketPolicy", {"bucketName": name, "bucketPolicy": document})
    (change,) = environment.reverter.plan(environment.notification(found)).changes
    assert [json.loads(each)["Sid"] for each in change.removed] == ["public"]


def test_only_the_accounts_that_the_event_added_lose_a_snapshot(environment):
    plan = environment.reverter.plan(environment.opened("snapshot_share"))
    assert plan.changes[0].after == ("777788889999",)


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        (("10.0.0.0/8", 22), ("0.0.0.0/0", 22)),
        (("10.0.0.0/8", 3306), ("0.0.0.0/0", 22)),
        (("0.0.0.0/0", 22), ("0.0.0.0/0", 22)),
    ],
)
def test_a_modified_rule_becomes_what_it_was_and_its_undo_restores_the_modification(environment, earlier, now):
    found = kit.authorized(environment.member, cidr=earlier[0], port=earlier[1])
    environment.notification(found)
    notification = environment.notification(kit.modified(environment.member, found, *now))
    if earlier == now:
        assert obstacle(environment, notification) is Obstacle.OPENS_NOTHING
        return
    plan = environment.reverter.plan(notification)
    result = environment.reverter.execute(plan)
    (entries,) = environment.entries(plan)
    rule = rule_of_entries(entries).rule
    assert (rule.peer.text, rule.traffic.ports.first, rule.description) == (*earlier, "for a test")
    environment.reverter.undo(result.change_id)
    assert environment.entries(plan) == [plan.changes[0].before]


@pytest.mark.parametrize(
    ("earlier", "now", "expected"),
    [
        (("0.0.0.0/0", 22), ("10.0.0.0/8", 22), Obstacle.OPENS_NOTHING),
        (("0.0.0.0/0", 22), ("0.0.0.0/0", 3389), Obstacle.EARLIER_OPEN),
        (None, ("0.0.0.0/0", 22), Obstacle.EARLIER_UNKNOWN),
    ],
)
def test_a_modification_is_not_reverted_to_a_rule_that_is_open_or_unknown(environment, earlier, now, expected):
    found = kit.authorized(environment.member, cidr=(earlier or now)[0], port=(earlier or now)[1])
    if earlier:
        environment.notification(found)
    notification = environment.notification(kit.modified(environment.member, found, *now))
    assert obstacle(environment, notification) is expected


def test_a_rule_that_the_policy_requires_is_not_revoked():
    with mock_aws():
        environment = kit.Environment(ingress=ingress.ingress(required=["tcp 22 from 0.0.0.0/0"]))
        assert obstacle(environment, environment.opened("inbound_rule")) is Obstacle.REQUIRED
        assert environment.reverter.plan(environment.opened("outbound_rule"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda each: with_alert(each, omitted={Severity.LOW: 1}), Obstacle.INCOMPLETE),
        (lambda each: with_changes(each, understood=False), Obstacle.NOT_UNDERSTOOD),
        (lambda each: with_changes(each, outcome="denied"), Obstacle.NOT_APPLIED),
        (lambda each: with_changes(each, action="revoke"), Obstacle.OPENS_NOTHING),
        (lambda each: with_account(each, "1"), Obstacle.UNLISTED_ACCOUNT),
        (lambda each: call_with(each, account_id="444455556666"), Obstacle.CONFLICTING),
        (lambda each: call_with(each, conflicts=("eventName",)), Obstacle.CONFLICTING),
        (lambda each: call_with(each, event_name="CreateVpc"), Obstacle.NO_KIND),
        (lambda each: call_with(each, event_source="s3.amazonaws.com"), Obstacle.NO_KIND),
        (lambda each: call_with(each, region="../eu-west-1"), Obstacle.INVALID_NAME),
    ],
)
def test_in_doubt_there_is_no_plan(environment, change, expected):
    assert obstacle(environment, change(environment.opened("inbound_rule"))) is expected


def with_account(notification, account_id):
    return with_alert(notification, account=msgspec.structs.replace(notification.alert.account, id=account_id))


def call_with(notification, **fields):
    return with_alert(notification, call=msgspec.structs.replace(notification.alert.call, **fields))


def test_a_change_of_gatewatch_itself_is_not_reverted(environment):
    found = environment.opened("inbound_rule")
    (assessed,) = found.alert.changes
    assessment = msgspec.structs.replace(assessed.assessment, reasons=(Reason("own_undo", {"change": "chg-1"}),))
    own = with_alert(found, changes=(msgspec.structs.replace(assessed, assessment=assessment),))
    assert obstacle(environment, own) is Obstacle.OWN_ACTION


HOSTILE = (
    "",
    "..",
    "*",
    "shop/../other",
    "https://evil.example/123456789012/orders",
    "arn:aws:s3:::shop",
    "a" * 4000,
    "shop\n",
    " shop",
    "snap-*",
    "sg-1/sgr-1",
    kit.queue_url(kit.OTHER),
    kit.queue_url(region="us-east-1"),
    f"arn:aws:sns:{kit.REGION}:{kit.OTHER}:orders",
    f"arn:aws:lambda:{kit.REGION}:{kit.OTHER}:function:orders",
)


@pytest.mark.parametrize(
    "case", sorted(kit.CASES.keys() - {"inbound_rule", "outbound_rule", "access_key", "account_block"})
)
def test_a_name_that_is_not_one_of_such_a_resource_of_the_account_is_never_sent_to_aws(environment, case):
    notification, calls = environment.opened(case), []
    environment.member.observers.append(calls.append)
    for name in HOSTILE:
        assert obstacle(environment, with_changes(notification, resource_id=name)) is Obstacle.INVALID_NAME
    assert calls == []


@pytest.mark.parametrize("case", kit.CASES)
def test_nothing_is_changed_when_a_setting_was_changed_since_the_plan(environment, case):
    plan = environment.reverter.plan(environment.opened(case))
    first = plan.changes[0]
    stale = msgspec.structs.replace(plan, changes=(PlannedChange(first.kind, first.resource, ("other",), ("else",)),))
    before, writes = environment.entries(plan), []
    environment.member.observers.append(writes.append)
    with pytest.raises(NotRevertibleError) as raised:
        environment.reverter.execute(stale)
    assert raised.value.obstacle is Obstacle.CHANGED
    assert [each for each in writes if each.startswith(("Put", "Modify", "Revoke", "Set", "Update", "Delete"))] == []
    assert environment.entries(plan) == before


def test_a_revert_is_not_undone_when_the_setting_was_changed_since(environment):
    plan = environment.reverter.plan(environment.opened("bucket_policy"))
    result = environment.reverter.execute(plan)
    environment.member.s3.delete_bucket_policy(Bucket="shop")
    with pytest.raises(NotRevertibleError) as raised:
        environment.reverter.undo(result.change_id)
    assert raised.value.obstacle is Obstacle.CHANGED


@pytest.mark.parametrize("case", kit.CASES)
def test_what_is_closed_already_is_not_planned_again(environment, case):
    notification = environment.opened(case)
    environment.reverter.execute(environment.reverter.plan(notification))
    assert obstacle(environment, notification) is Obstacle.ALREADY_CLOSED


def test_a_plan_that_was_performed_is_done_when_it_is_performed_again(environment):
    plan = environment.reverter.plan(environment.opened("bucket_policy"))
    environment.reverter.execute(plan)
    assert [each.status for each in environment.reverter.execute(plan).steps] == [StepStatus.ALREADY]


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.slow
@pytest.mark.parametrize("case", kit.CASES)
def test_a_process_that_ends_between_any_two_calls_leaves_nothing_more_open_and_can_be_completed(case):
    """Ends it after the first call, after the second, and so on; nothing of the plan is opened or half-open."""
    for number in range(1, 20):
        with mock_aws():
            environment = kit.Environment()
            plan = environment.reverter.plan(environment.opened(case))
            calls = []

            def end(name, number=number, calls=calls):
                calls.append(name)
                if len(calls) == number:
                    raise Crash

            environment.member.observers.append(end)
            try:
                environment.reverter.execute(plan)
            except Crash:
                pass
            else:
                return
            environment.member.observers.clear()
            found = environment.entries(plan)
            assert all(now in {each.before, each.after} for now, each in zip(found, plan.changes, strict=True))
            assert environment.reverter.execute(plan).succeeded
            assert environment.entries(plan) == [each.after for each in plan.changes]
    pytest.fail("the revert makes more calls than expected")


def test_nothing_is_changed_when_the_snapshot_or_the_log_of_own_actions_cannot_be_written(environment):
    plan = environment.reverter.plan(environment.opened("bucket_policy"))
    environment.member.dynamodb.delete_table(TableName=members.TABLE)
    with pytest.raises(HubTableError):
        environment.reverter.execute(plan)
    assert environment.entries(plan) == [plan.changes[0].before]


def test_a_call_that_aws_refuses_is_a_failed_step_with_its_code(environment):
    plan = environment.reverter.plan(environment.opened("inbound_rule"))
    environment.member.refused["RevokeSecurityGroupIngress"] = lambda _: "UnauthorizedOperation"
    (step,) = environment.reverter.execute(plan).steps
    assert (step.status, step.reason) == (StepStatus.FAILED, "UnauthorizedOperation")


def test_a_member_that_cannot_be_read_is_an_obstacle_with_the_code(environment):
    notification = environment.opened("inbound_rule")
    environment.member.refused["DescribeSecurityGroupRules"] = lambda _: "UnauthorizedOperation"
    with pytest.raises(NotRevertibleError) as raised:
        environment.reverter.plan(notification)
    assert (raised.value.obstacle, raised.value.detail) == (Obstacle.NOT_READABLE, "UnauthorizedOperation")


@pytest.mark.parametrize(
    "error", [ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole"), EndpointConnectionError(endpoint_url="x")]
)
def test_a_role_that_cannot_be_assumed_is_an_obstacle(environment, error):
    def refuse(*_):
        raise error

    reverter = msgspec.structs.replace(environment.reverter, member=refuse)
    with pytest.raises(NotRevertibleError) as raised:
        reverter.plan(environment.opened("inbound_rule"))
    assert raised.value.obstacle is Obstacle.NOT_READABLE


def test_a_stored_plan_with_the_name_of_something_else_is_not_performed(environment):
    plan = environment.reverter.plan(environment.opened("bucket_policy"))
    calls = []
    environment.member.observers.append(calls.append)
    for name in HOSTILE:
        other = msgspec.structs.replace(plan.changes[0], resource=name)
        with pytest.raises(NotRevertibleError) as raised:
            environment.reverter.execute(msgspec.structs.replace(plan, changes=(other,)))
        assert raised.value.obstacle is Obstacle.INVALID_NAME
    assert calls == []


def test_no_client_is_made_for_an_account_that_is_not_listed(environment):
    plan = environment.reverter.plan(environment.opened("inbound_rule"))
    environment.clients.clear()
    for each in ("444455556666", ""):
        with pytest.raises(NotRevertibleError):
            environment.reverter.execute(msgspec.structs.replace(plan, account_id=each))
    assert environment.clients == []


OWN_EVENTS = [
    ("bucket_policy", "s3", "PutBucketPolicy", {"bucketPolicy": kit.policy(kit.own())}),
    ("only_statement", "s3", "DeleteBucketPolicy", {}),
    ("bucket_acl", "s3", "PutBucketAcl", {"x-amz-acl": "private"}),
    ("queue_policy", "sqs", "SetQueueAttributes", {"attributes": {"Policy": ""}}),
    ("database_access", "rds", "ModifyDBInstance", {"publiclyAccessible": False}),
    ("function_policy", "lambda", "RemovePermission20150331v2", {"statementId": "public"}),
    (
        "account_block",
        "s3",
        "PutAccountPublicAccessBlock",
        {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}},
    ),
]


@pytest.mark.parametrize(("case", "service", "name", "request_parameters"), OWN_EVENTS)
def test_the_event_of_a_revert_is_recognised_as_own(environment, case, service, name, request_parameters):
    plan = environment.reverter.plan(environment.opened(case))
    result = environment.reverter.execute(plan)
    found = kit.call(service, name, kit.named(plan.changes[0]) | request_parameters)
    (call,) = decode(event(found, region=kit.REGION))
    for each in environment.notification(found).alert.changes:
        action = environment.table.get(ACTIONS, action_id(call, each.change))
        assert (action.change_id, action.is_undo) == (result.change_id, False)


@pytest.mark.parametrize("case", ["inbound_rule", "outbound_rule"])
def test_the_removal_of_a_rule_and_its_return_are_recognised_as_own(environment, case):
    plan = environment.reverter.plan(environment.opened(case))
    environment.reverter.undo(environment.reverter.execute(plan).change_id)
    direction = "Ingress" if case == "inbound_rule" else "Egress"
    rule = rule_of_entries(plan.changes[0].before).rule
    group_id = plan.changes[0].resource.partition("/")[0]
    for action, is_undo in ((Action.REVOKE, False), (Action.AUTHORIZE, True)):
        key = rule_action_id(kit.ACCOUNT, kit.REGION, group_id, action, rule)
        assert environment.table.get(ACTIONS, key).is_undo is is_undo
    other = msgspec.structs.replace(rule, direction=Direction.EGRESS if direction == "Ingress" else Direction.INGRESS)
    assert (
        environment.table.get(ACTIONS, rule_action_id(kit.ACCOUNT, kit.REGION, group_id, Action.AUTHORIZE, other))
        is None
    )


def test_a_frozen_plan_is_performed_as_it_was_frozen_and_reports_its_undo(environment):
    plan = environment.reverter.plan(environment.opened("inbound_rule"))
    frozen = freeze(plan)
    assert frozen.hash == plan.hash
    assert perform_frozen(frozen, environment.reverter) == RevertReport(
        RevertOutcome.REVERTED, plan_sentences(plan), plan.change_id
    )


def reverted(environment, case):
    """Revert the call of a case; return its plan and the change id."""
    plan = environment.reverter.plan(environment.opened(case))
    return plan, environment.reverter.execute(plan).change_id


@pytest.mark.parametrize("case", SOME)
def test_a_frozen_undo_restores_the_revert_and_reports_it(environment, case):
    plan, change_id = reverted(environment, case)
    frozen = freeze_undo(change_id, environment.reverter)
    assert frozen.hash != plan.hash
    assert {each.key for each in frozen.lines} == {"revert_undo"}
    assert undo_frozen(frozen, environment.reverter) == RevertReport(RevertOutcome.UNDONE, frozen.lines, change_id)
    if plan.changes[0].kind is not SettingKind.RULE:
        assert environment.entries(plan) == [each.before for each in plan.changes]
        with pytest.raises(NotRevertibleError) as caught:
            freeze_undo(change_id, environment.reverter)
        assert caught.value.obstacle is Obstacle.ALREADY_RESTORED


def test_an_undo_stops_when_the_setting_has_changed_since_its_plan(environment):
    plan, change_id = reverted(environment, "bucket_policy")
    frozen = freeze_undo(change_id, environment.reverter)
    other = kit.policy(kit.own(Sid="new"))
    environment.member.s3.put_bucket_policy(Bucket=plan.changes[0].resource, Policy=json.dumps(other))
    report = undo_frozen(frozen, environment.reverter)
    assert (report.outcome, report.lines[0].key) == (RevertOutcome.CHANGED, "not_reverted_changed")
    assert json.loads(environment.member.s3.get_bucket_policy(Bucket=plan.changes[0].resource)["Policy"]) == other
    with pytest.raises(NotRevertibleError) as caught:
        freeze_undo(change_id, environment.reverter)
    assert caught.value.obstacle is Obstacle.CHANGED


def test_an_undo_that_was_tampered_with_or_has_no_snapshot_changes_nothing(environment):
    plan, change_id = reverted(environment, "bucket_policy")
    frozen = freeze_undo(change_id, environment.reverter)
    other = frozen.actions.replace(change_id, "rev-000000000000")
    tampered = msgspec.structs.replace(frozen, actions=other)
    assert undo_frozen(tampered, environment.reverter).outcome is RevertOutcome.CHANGED
    rehashed = msgspec.structs.replace(tampered, hash=hashlib.sha256(other.encode()).hexdigest())
    assert undo_frozen(rehashed, environment.reverter).outcome is RevertOutcome.FAILED
    for missing in ("", "rev-000000000000"):
        with pytest.raises(NotRevertibleError):
            freeze_undo(missing, environment.reverter)
    assert environment.entries(plan) == [each.after for each in plan.changes]


def test_an_undo_whose_permission_is_missing_says_so(environment):
    plan, change_id = reverted(environment, "snapshot_share")
    frozen = freeze_undo(change_id, environment.reverter)
    environment.member.refused["ModifySnapshotAttribute"] = lambda _: "UnauthorizedOperation"
    report = undo_frozen(frozen, environment.reverter)
    assert (report.outcome, report.lines[0].values["reason"]) == (RevertOutcome.FAILED, "UnauthorizedOperation")
    assert environment.entries(plan) == [each.after for each in plan.changes]


def test_a_frozen_plan_that_was_tampered_with_changes_nothing(environment):
    frozen = freeze(environment.reverter.plan(environment.opened("inbound_rule")))
    environment.clients.clear()
    other = msgspec.structs.replace(frozen, actions=frozen.actions.replace("0.0.0.0/0", "10.0.0.0/8"))
    assert other != frozen
    assert perform_frozen(other, environment.reverter).outcome is RevertOutcome.CHANGED
    assert environment.clients == []


def test_a_revert_that_stops_or_fails_is_reported_with_the_reason(environment):
    found = kit.authorized(environment.member)
    frozen = freeze(environment.reverter.plan(environment.notification(found)))
    environment.member.refused["RevokeSecurityGroupIngress"] = lambda _: "UnauthorizedOperation"
    report = perform_frozen(frozen, environment.reverter)
    assert (report.outcome, report.lines[0].values["reason"]) == (RevertOutcome.FAILED, "UnauthorizedOperation")
    environment.member.refused.clear()
    kit.modified(environment.member, found, "10.0.0.0/8")
    report = perform_frozen(frozen, environment.reverter)
    assert (report.outcome, report.lines[0].key) == (RevertOutcome.CHANGED, "not_reverted_changed")


def test_an_undo_stops_the_ingress_rule_from_closing_the_rule_again(environment):
    plan = environment.reverter.plan(environment.opened("inbound_rule"))
    result = environment.reverter.execute(plan)
    environment.reverter.undo(result.change_id)
    group = GroupRef(kit.ACCOUNT, kit.REGION, plan.changes[0].resource.partition("/")[0])
    access = access_of(rule_of_entries(plan.changes[0].before).rule)
    assert environment.reverter.guard.stop_reason(RuleConflict(group, access)) is StopReason.UNDONE


def test_an_undo_of_another_change_is_refused(environment):
    with pytest.raises(SnapshotError):
        environment.reverter.undo("rev-000000000000")
    plan = environment.reverter.plan(environment.opened("inbound_rule"))
    result = environment.reverter.execute(plan)
    snapshot = environment.reverter.snapshots.load(result.change_id)
    environment.reverter.snapshots.save(msgspec.structs.replace(snapshot, kind="ingress"))
    with pytest.raises(SnapshotError, match="is not a revert"):
        environment.reverter.undo(result.change_id)


def test_a_key_is_named_by_a_part_of_its_id_only_and_never_shown_whole(environment):
    plan = environment.reverter.plan(environment.opened("access_key"))
    key_id = plan.changes[0].resource.partition("/")[2]
    snapshot = environment.reverter.execute(plan)
    shown = [*plan_sentences(plan), environment.reverter.snapshots.load(snapshot.change_id).resource_id]
    assert key_id not in str(shown)
    (found,) = environment.member.iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]
    assert found["Status"] == "Inactive"


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_key_of_another_time_is_not_deactivated(environment, hours):
    found = environment.opened("access_key")
    time = datetime.fromtimestamp(found.event_time + hours * 3600, UTC)
    assert obstacle(environment, call_with(found, time=time)) is Obstacle.NOT_FOUND


@pytest.mark.parametrize("case", SOME)
def test_a_plan_and_its_undo_are_shown_in_every_language(environment, case):
    plan = environment.reverter.plan(environment.opened(case))
    for each in (*plan_sentences(plan), *undo_sentences(plan)):
        texts = {load_labels(TEMPLATES, name).notice[each.key].format_map(each.values) for name in LANGUAGES}
        assert len(texts) == len(LANGUAGES)
        assert all(each.values["resource"] in text for text in texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_obstacle_and_every_kind_of_setting_has_a_sentence_in_every_language(language):
    labels = load_labels(TEMPLATES, language).notice
    assert all(f"revert_{kind}" in labels for kind in SettingKind)
    assert all(labels[f"not_reverted_{each}"].format(detail="x") for each in Obstacle)
    assert SETTINGS.keys() == set(SettingKind)


CIDRS = st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "198.51.100.7/32", "8.0.0.0/7", "172.16.0.0/12"])
PORTS = st.integers(min_value=1, max_value=65535)


@pytest.mark.slow
@hypothesis_settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(earlier=st.tuples(CIDRS, PORTS), now=st.tuples(CIDRS, PORTS), is_known=st.booleans())
def test_a_revert_of_any_modification_opens_nothing_and_its_undo_restores_it(earlier, now, is_known):
    with mock_aws():
        environment = kit.Environment()
        found = kit.authorized(environment.member, cidr=earlier[0], port=earlier[1])
        if is_known:
            environment.notification(found)
        notification = environment.notification(kit.modified(environment.member, found, *now))
        try:
            plan = environment.reverter.plan(notification)
        except GatewatchError:
            return
        after = rule_of_entries(plan.changes[0].after).rule
        assert after.peer.text not in {"0.0.0.0/0", "8.0.0.0/7"} or after.traffic.ports.first == now[1]
        result = environment.reverter.execute(plan)
        environment.reverter.undo(result.change_id)
        assert environment.entries(plan) == [plan.changes[0].before]


class Recorded:
    """Stands for the calls that moto lacks: one value, which reads return and writes replace."""

    def __init__(self, **answers):
        self.answers, self.calls = answers, []

    def __getattr__(self, name):
        def call(**request):
            self.calls.append((name, request))
            return self.answers.get(name, {})

        return call


class OnlyEc2:
    def __init__(self, ec2):
        self.ec2 = self.rds = ec2


@pytest.mark.parametrize(
    ("kind", "read", "closed", "calls"),
    [
        (
            SettingKind.SNAPSHOT_BLOCK,
            {"get_snapshot_block_public_access_state": {"State": "unblocked"}},
            "block-all-sharing",
            [
                ("enable_snapshot_block_public_access", {"State": "block-all-sharing"}),
                ("disable_snapshot_block_public_access", {}),
            ],
        ),
        (
            SettingKind.IMAGE_BLOCK,
            {"get_image_block_public_access_state": {"ImageBlockPublicAccessState": "unblocked"}},
            "block-new-sharing",
            [
                ("enable_image_block_public_access", {"ImageBlockPublicAccessState": "block-new-sharing"}),
                ("disable_image_block_public_access", {}),
            ],
        ),
    ],
)
def test_the_blocks_of_public_sharing_are_switched_on_and_off_again(kind, read, closed, calls):
    ec2, target, setting = Recorded(**read), Target(kit.ACCOUNT, kit.REGION, kit.ACCOUNT), SETTINGS[kind]
    aws = OnlyEc2(ec2)
    before = setting.read(aws, target)
    after = setting.close(before, (), target)
    assert (before, after) == ((), (closed,))
    change = PlannedChange(kind, kit.ACCOUNT, before, after)
    ec2.calls.clear()
    setting.write(aws, target, change)
    setting.write(aws, target, change.reversed)
    assert ec2.calls == calls


def test_an_account_loses_the_snapshot_of_a_cluster_and_gets_it_back():
    shared = {"AttributeName": "restore", "AttributeValues": ["all", kit.OTHER]}
    answer = {"DBClusterSnapshotAttributesResult": {"DBClusterSnapshotAttributes": [shared]}}
    rds, kind = Recorded(describe_db_cluster_snapshot_attributes=answer), SettingKind.DB_CLUSTER_SNAPSHOT_SHARE
    target = Target(kit.ACCOUNT, kit.REGION, "orders-1")
    before = SETTINGS[kind].read(OnlyEc2(rds), target)
    change = PlannedChange(kind, "orders-1", before, (kit.OTHER,))
    SETTINGS[kind].write(OnlyEc2(rds), target, change)
    SETTINGS[kind].write(OnlyEc2(rds), target, change.reversed)
    where = {"DBClusterSnapshotIdentifier": "orders-1", "AttributeName": "restore"}
    assert [request for name, request in rds.calls if name.startswith("modify")] == [
        where | {"ValuesToRemove": ["all"]},
        where | {"ValuesToAdd": ["all"]},
    ]


def test_the_groups_of_an_endpoint_become_those_before_the_call_in_one_call(environment):
    before, after = "sg-0aaaaaaaaaaaaaaa1", "sg-0bbbbbbbbbbbbbbb2"
    inside = {
        "VpcEndpointId": "vpce-0aaaaaaaaaaaaaaa1",
        "AddSecurityGroupId": {"tag": 1, "content": after},
        "RemoveSecurityGroupId": {"tag": 1, "content": before},
    }
    notification = environment.notification(kit.call("ec2", "ModifyVpcEndpoint", {"ModifyVpcEndpointRequest": inside}))
    ((kind, opened),) = opened_changes(notification.alert).items()
    ec2 = Recorded(describe_vpc_endpoints={"VpcEndpoints": [{"Groups": [{"GroupId": after}]}]})
    target = Target(kit.ACCOUNT, kit.REGION, opened[0].resource_id)
    entries = SETTINGS[kind].read(OnlyEc2(ec2), target)
    closed = SETTINGS[kind].close(entries, opened, target)
    assert (kind, entries, closed) == (SettingKind.ENDPOINT_GROUPS, (after,), (before,))
    SETTINGS[kind].write(OnlyEc2(ec2), target, PlannedChange(kind, target.resource, entries, closed))
    assert ec2.calls[-1] == (
        "modify_vpc_endpoint",
        {"VpcEndpointId": target.resource, "AddSecurityGroupIds": [before], "RemoveSecurityGroupIds": [after]},
    )


def test_an_endpoint_is_not_left_without_a_group(environment):
    group = "sg-0bbbbbbbbbbbbbbb2"
    inside = {"VpcEndpointId": "vpce-0aaaaaaaaaaaaaaa1", "AddSecurityGroupId": {"tag": 1, "content": group}}
    notification = environment.notification(kit.call("ec2", "ModifyVpcEndpoint", {"ModifyVpcEndpointRequest": inside}))
    ((kind, opened),) = opened_changes(notification.alert).items()
    with pytest.raises(NotRevertibleError) as raised:
        SETTINGS[kind].close((group,), opened, Target(kit.ACCOUNT, kit.REGION, "vpce-0aaaaaaaaaaaaaaa1"))
    assert raised.value.obstacle is Obstacle.EARLIER_UNKNOWN


def reading(environment, at):
    """What the sweep does: read the groups of everything and store them."""
    for kind in Attachable:
        found = read_attached_groups(environment.member, kind)
        environment.reverter.groups.save(kit.ACCOUNT, kit.REGION, {kind: found}, at)


@pytest.mark.parametrize("is_of_instance", [False, True], ids=["interface", "instance"])
def test_groups_that_were_set_are_set_back_to_those_of_the_last_reading_before_the_call(environment, is_of_instance):
    interface, first, second, instance = kit.interface(environment.member, is_of_instance=is_of_instance)
    reading(environment, kit.NOW - 3600)
    found = environment.notification(kit.groups_set(environment.member, interface, second, instance=instance))
    reading(environment, kit.NOW + 3600)  # the sweep of the next day does not forget them
    reading(environment, kit.NOW + 90_000)
    plan = environment.reverter.plan(found)
    assert [(each.resource, each.before, each.after) for each in plan.changes] == [(interface, (second,), (first,))]
    result = environment.reverter.execute(plan)
    assert environment.entries(plan) == [(first,)]
    assert environment.reverter.undo(result.change_id).succeeded
    assert environment.entries(plan) == [(second,)]


def test_groups_are_not_set_back_where_the_earlier_ones_are_not_known(environment):
    interface, _, second, _ = kit.interface(environment.member)
    found = environment.notification(kit.groups_set(environment.member, interface, second))
    assert obstacle(environment, found) is Obstacle.EARLIER_UNKNOWN
    reading(environment, kit.NOW + 3600)
    assert obstacle(environment, found) is Obstacle.EARLIER_UNKNOWN


def test_groups_that_somebody_set_since_are_left_alone(environment):
    interface, first, second, _ = kit.interface(environment.member)
    reading(environment, kit.NOW - 3600)
    found = environment.notification(kit.groups_set(environment.member, interface, second))
    plan = environment.reverter.plan(found)
    kit.groups_set(environment.member, interface, first, second)
    assert obstacle(environment, found) is Obstacle.CHANGED
    with pytest.raises(NotRevertibleError) as caught:
        environment.reverter.execute(plan)
    assert caught.value.obstacle is Obstacle.CHANGED


def test_a_group_that_an_event_makes_up_is_never_set(environment):
    interface, _, second, _ = kit.interface(environment.member)
    reading(environment, kit.NOW - 3600)
    record = kit.groups_set(environment.member, interface, second)
    record["requestParameters"]["groupSet"] = {"items": [{"groupId": "sg-0aaaaaaaaaaaaaaa9"}]}
    assert obstacle(environment, environment.notification(record)) is Obstacle.CHANGED
    record["requestParameters"]["networkInterfaceId"] = "eni-0aaaaaaa/../x"
    assert obstacle(environment, environment.notification(record)) is Obstacle.INVALID_NAME


@pytest.mark.parametrize("make", kit.WITH_GROUPS.values(), ids=kit.WITH_GROUPS)
def test_groups_of_load_balancers_and_databases_are_set_back_and_the_undo_sets_them_again(environment, make):
    resource, first, second, set_groups = make(environment.member)
    reading(environment, kit.NOW - 3600)
    found = environment.notification(set_groups(second))
    reading(environment, kit.NOW + 3600)
    plan = environment.reverter.plan(found)
    assert [(each.resource, each.before, each.after) for each in plan.changes] == [(resource, (second,), (first,))]
    (line,) = plan_sentences(plan)
    assert line.values == {"resource": resource, "removed": second, "added": first}
    result = environment.reverter.execute(plan)
    assert environment.entries(plan) == [(first,)]
    assert environment.reverter.execute(plan).steps[0].status is StepStatus.ALREADY  # the queue repeats the approval
    frozen = freeze_undo(result.change_id, environment.reverter)
    assert undo_frozen(frozen, environment.reverter).outcome is RevertOutcome.UNDONE
    assert environment.entries(plan) == [(second,)]


@pytest.mark.parametrize("make", kit.WITH_GROUPS.values(), ids=kit.WITH_GROUPS)
def test_groups_of_load_balancers_and_databases_that_somebody_set_since_are_left_alone(environment, make):
    _, first, second, set_groups = make(environment.member)
    reading(environment, kit.NOW - 3600)
    found = environment.notification(set_groups(second))
    plan = freeze(environment.reverter.plan(found))
    set_groups(first, second)
    assert obstacle(environment, found) is Obstacle.CHANGED
    assert perform_frozen(plan, environment.reverter).outcome is RevertOutcome.CHANGED
    set_groups(first)
    assert obstacle(environment, found) is Obstacle.CHANGED  # somebody set the earlier ones


@pytest.mark.parametrize("make", kit.WITH_GROUPS.values(), ids=kit.WITH_GROUPS)
def test_without_a_reading_before_the_call_the_groups_of_a_resource_are_not_known(environment, make):
    _, _, second, set_groups = make(environment.member)
    found = environment.notification(set_groups(second))
    assert obstacle(environment, found) is Obstacle.EARLIER_UNKNOWN
    reading(environment, kit.NOW + 3600)
    assert obstacle(environment, found) is Obstacle.EARLIER_UNKNOWN


@pytest.mark.parametrize("make", kit.WITH_GROUPS.values(), ids=kit.WITH_GROUPS)
def test_an_event_about_groups_of_gatewatch_itself_is_recognised(environment, make):
    _, first, second, set_groups = make(environment.member)
    reading(environment, kit.NOW - 3600)
    found = environment.notification(set_groups(second))
    environment.reverter.execute(environment.reverter.plan(found))
    record = json.loads(json.dumps(set_groups(first)).replace("Orders", "orders"))  # as gatewatch names it
    (call,) = decode(event(record, region=kit.REGION))
    (change,) = [each.change for each in environment.notification(record).alert.changes]
    assert environment.table.get(ACTIONS, action_id(call, change)) is not None


def test_one_call_that_set_groups_and_made_a_database_public_is_reverted_as_one(environment):
    name, first, second, set_groups = kit.database_with_groups(environment.member, publiclyAccessible=True)
    reading(environment, kit.NOW - 3600)
    plan = environment.reverter.plan(environment.notification(set_groups(second)))
    kinds = [SettingKind.DATABASE_GROUPS, SettingKind.DATABASE_ACCESS]
    assert [(each.kind, each.resource) for each in plan.changes] == [(kind, name) for kind in kinds]
    result = environment.reverter.execute(plan)
    assert environment.entries(plan) == [(first,), ()]
    assert environment.reverter.undo(result.change_id).succeeded
    assert environment.entries(plan) == [(second,), ("public",)]


def test_a_call_that_only_set_groups_does_not_end_the_public_access_that_was_there_before(environment):
    _, _, second, set_groups = kit.database_with_groups(environment.member)
    environment.member.rds.modify_db_instance(DBInstanceIdentifier="orders", PubliclyAccessible=True)
    reading(environment, kit.NOW - 3600)
    plan = environment.reverter.plan(environment.notification(set_groups(second)))
    assert [each.kind for each in plan.changes] == [SettingKind.DATABASE_GROUPS]


def test_the_groups_that_a_database_was_created_with_are_not_reverted(environment):
    request = {"dBInstanceIdentifier": "orders", "vpcSecurityGroupIds": ["sg-0aaaaaaaaaaaaaaa1"]}
    found = environment.notification(kit.call("rds", "CreateDBInstance", request))
    assert obstacle(environment, found) is Obstacle.NO_KIND
    kit.database(environment.member, PubliclyAccessible=True)
    public = environment.notification(kit.call("rds", "CreateDBInstance", request | {"publiclyAccessible": True}))
    assert [each.kind for each in environment.reverter.plan(public).changes] == [SettingKind.DATABASE_ACCESS]


def test_a_call_of_which_a_part_cannot_be_reverted_is_not_reverted(environment):
    name, _, second, set_groups = kit.database_with_groups(environment.member, publiclyAccessible=True)
    reading(environment, kit.NOW - 3600)
    found = environment.notification(set_groups(second))
    attachment = next(each for each in found.alert.changes if each.change.family is Family.ATTACHMENT)
    call = msgspec.structs.replace(found.alert.call, event_name="CreateDBInstanceReadReplica")
    assert name
    assert obstacle(environment, with_alert(found, call=call, changes=(attachment,))) is Obstacle.NO_KIND
    shared = msgspec.structs.replace(attachment.change, family=Family.IAM)
    changes = (*found.alert.changes, msgspec.structs.replace(attachment, change=shared))
    call = msgspec.structs.replace(found.alert.call, event_name="ModifyDBCluster")
    assert obstacle(environment, with_alert(found, call=call, changes=changes)) is Obstacle.NO_KIND


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shop/50dc6c495c0c9188",
        "arn:aws:elasticloadbalancing:{region}:444455556666:loadbalancer/app/shop/50dc6c495c0c9188",
        "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/gwy/shop/50dc6c495c0c9188",
        "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/../50dc6c495c0c9188",
        "shop",
        "",
    ],
)
def test_a_load_balancer_of_another_account_region_or_form_is_never_read(environment, arn):
    named = arn.format(account=kit.ACCOUNT, region=kit.REGION if "{region}" in arn else "us-east-2")
    request = {"loadBalancerArn": named.replace("eu-west-1", "us-east-2"), "securityGroups": ["sg-0aaaaaaaaaaaaaaa1"]}
    found = environment.notification(kit.call("elasticloadbalancing", "SetSecurityGroups", request, {}))
    assert obstacle(environment, found) is Obstacle.INVALID_NAME


def test_whether_privatelink_obeys_the_rules_of_a_network_load_balancer_stays_as_it_is(environment):
    _, first, second, set_groups = kit.load_balancer(environment.member, "network")
    reading(environment, kit.NOW - 3600)
    plan = environment.reverter.plan(environment.notification(set_groups(second)))
    option, sent = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic", []
    elbv2 = environment.member.elbv2
    (balancer,) = elbv2.describe_load_balancers()["LoadBalancers"]
    elbv2.describe_load_balancers = lambda **_: {"LoadBalancers": [balancer | {option: "off"}]}
    elbv2.set_security_groups = lambda **request: sent.append(request)
    environment.reverter.execute(plan)
    assert [(each["SecurityGroups"], each[option]) for each in sent] == [([first], "off")]


def test_a_change_that_amazon_rds_refuses_is_reported_and_what_is_left_can_be_planned_again(environment):
    _, first, second, set_groups = kit.database_with_groups(environment.member, publiclyAccessible=True)
    reading(environment, kit.NOW - 3600)
    found = environment.notification(set_groups(second))
    plan = environment.reverter.plan(found)
    rds = environment.member.rds
    modify = rds.modify_db_instance

    def busy(**request):
        if "PubliclyAccessible" in request:
            raise ClientError({"Error": {"Code": "InvalidDBInstanceState", "Message": "modifying"}}, "ModifyDBInstance")
        return modify(**request)

    rds.modify_db_instance = busy
    report = perform_frozen(freeze(plan), environment.reverter)
    assert report.outcome is RevertOutcome.FAILED
    assert [each.values["reason"] for each in report.lines] == ["InvalidDBInstanceState"]
    rds.modify_db_instance = modify
    assert environment.entries(plan) == [(first,), ("public",)]
    assert environment.reverter.execute(plan).succeeded  # the same plan completes it
    assert environment.entries(plan) == [(first,), ()]


def test_a_revert_that_was_interrupted_and_cannot_go_on_is_not_reported_as_not_done(environment):
    _, first, second, set_groups = kit.database_with_groups(environment.member, publiclyAccessible=True)
    reading(environment, kit.NOW - 3600)
    plan = environment.reverter.plan(environment.notification(set_groups(second)))
    rds = environment.member.rds
    modify = rds.modify_db_instance

    def ended(**request):
        modify(**request)
        raise KeyboardInterrupt

    rds.modify_db_instance = ended
    with pytest.raises(KeyboardInterrupt):
        perform_frozen(freeze(plan), environment.reverter)
    rds.modify_db_instance = modify
    assert environment.entries(plan) == [(first,), ("public",)]
    set_groups(first, second)
    report = perform_frozen(freeze(plan), environment.reverter)
    assert (report.outcome, report.change_id) == (RevertOutcome.FAILED, plan.change_id)
    assert [(each.key, each.values["detail"]) for each in report.lines] == [("revert_partly", "orders")]
