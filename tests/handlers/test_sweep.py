"""The sweep over embedded accounts: what it reads, keeps and tells, and what happens when something fails."""

from __future__ import annotations

import dataclasses
import json
import logging
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from msgspec.structs import replace

from gatewatch.alerts.attached_groups import Attachable, AttachedGroupStore
from gatewatch.alerts.rule_history_table import LOOKUP, RULES, RuleState, rule_key
from gatewatch.alerts.silent_changes import SILENT_CHANGES
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.actions import ActionMode, ActionSettings
from gatewatch.config.settings import load_settings
from gatewatch.errors import TransientDeliveryError, UndecodableError
from gatewatch.events.canary import AccountRegion
from gatewatch.handlers.sweep import SweepHandler
from gatewatch.inventory.model import ResourceKind
from gatewatch.inventory.reader import MAX_CALLS
from gatewatch.inventory.recording import InventoryRecorder
from gatewatch.inventory.store import InventoryStore, SweepState
from gatewatch.inventory.tasks import SweepTask, TaskQueue
from gatewatch.local.lambda_.event_source_mapping import message_count
from gatewatch.model.security_group import CidrPeer
from gatewatch.model.severity import Severity
from support.paths import ROOT

ACCOUNT, REGION, ROLE = "111122223333", "us-east-1", "gatewatch/gatewatch-lookup"
HOUR, DAY = 3600.0, 24 * 3600.0
DELAYS = (60, 120, 240, 480, 900, 900, 900, 900)
SERVICES = ("ec2", "elb", "elbv2", "ram", "rds", "s3", "s3control", "cloudtrail")


class RecordingQueue(TaskQueue):
    """Keeps tasks and delays instead of sending them."""

    def __init__(self):
        super().__init__(None, "")
        self.sent = []

    def _send(self, tasks):
        self.sent.extend(tasks)


class Harness:
    def __init__(self):
        self.session = boto3.Session("access", "secret", region_name=REGION)
        self.clients = {service: self.session.client(service) for service in SERVICES}
        self.clients["cloudtrail"].lookup_events = lambda **_: {"Events": self.history}
        self.clients["s3"].get_bucket_policy_status = lambda **_: {"PolicyStatus": {}}
        self.now, self.sent, self.error, self.history, self.calls = 1_000_000.0, [], None, [], 0
        self.canaries = {AccountRegion(ACCOUNT, REGION)}
        self.queue = RecordingQueue()
        self.tasks = self.queue.sent
        dynamodb = self.session.client("dynamodb")
        dynamodb.create_table(
            TableName="hub",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.table = HubTable(dynamodb, "hub", lambda: self.now)
        self.store = InventoryStore(self.table)
        settings = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
        account = replace(settings.account(ACCOUNT), read_role=ROLE)
        settings = replace(settings, accounts={ACCOUNT: account})
        self.settings, self.fail_after_put = settings, False
        self.handler = SweepHandler(
            settings=settings,
            store=self.store,
            recorder=InventoryRecorder(settings, self.store, self.table, self),
            attached_groups=AttachedGroupStore(self.table),
            queue=self.queue,
            outbox=self,
            session_for=self.session_for,
            canaries=lambda: self.canaries,
            home_region=REGION,
            now=lambda: self.now,
            log=logging.getLogger("sweep"),
        )

    def put(self, messages):
        """The outbox; the process can end just after it."""
        self.sent.extend(messages)
        if self.fail_after_put:
            raise TransientDeliveryError("the process ended")

    def use(self, settings):
        recorder = InventoryRecorder(settings, self.store, self.table, self)
        self.handler = dataclasses.replace(self.handler, settings=settings, recorder=recorder)

    def session_for(self, origin, role):
        assert (origin.account_id, role) == (ACCOUNT, ROLE)
        self.calls += 1
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "secret"}}, "AssumeRole")
        return SimpleNamespace(**self.clients)

    def handle(self, task):
        self.tasks.clear()
        self.handler.handle({"body": json.dumps({name: getattr(task, name) for name in task.__struct_fields__})})
        return list(self.tasks)

    def read(self, **fields):
        return self.handle(SweepTask(ACCOUNT, REGION, **fields))

    def open_ssh(self):
        ec2 = self.clients["ec2"]
        self.group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
        permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[permission])

    @property
    def inventory(self):
        return self.store.region(ACCOUNT, REGION)

    @property
    def ssh(self):
        (found,) = [each for each in self.inventory.items if each.severity is Severity.CRITICAL]
        return found


@pytest.fixture
def harness():
    with mock_aws():
        yield Harness()


def test_the_schedule_starts_one_sweep_a_day(harness):
    harness.handler.start()
    assert [task for task, _ in harness.tasks] == [SweepTask(ACCOUNT)]
    harness.tasks.clear()
    harness.now += HOUR / 2
    harness.handler.start()
    assert harness.tasks == []
    harness.now += DAY
    harness.handler.start()
    assert len(harness.tasks) == 1


def test_accounts_without_a_lookup_role_are_not_read(harness):
    harness.use(replace(harness.settings, accounts={}))
    harness.handler.start()
    assert harness.tasks == []


def test_the_regions_of_an_account_are_read_one_by_one_and_buckets_once(harness):
    tasks = harness.handle(SweepTask(ACCOUNT))
    regions = [task.region for task, _ in tasks]
    assert len(regions) > 10
    assert [task.region for task, _ in tasks if task.reads_buckets] == [REGION]
    delays = [delay for _, delay in tasks]
    assert delays == sorted(delays)
    assert delays[-1] <= 900
    assert list(harness.store.accounts([ACCOUNT])[0].regions) == regions


def test_the_first_reading_tells_nothing_and_keeps_what_is_open(harness):
    harness.open_ssh()
    harness.read()
    assert harness.sent == []
    assert harness.ssh.was_there_first
    rule_id = harness.ssh.rule.rule_id
    assert dict(harness.table.get_many(RULES, [rule_key(ACCOUNT, rule_id)]))


def test_a_rule_that_no_event_reported_is_reported_after_the_second_reading(harness):
    harness.read()
    harness.open_ssh()
    harness.now += DAY
    ((again, delay),) = harness.read()
    assert (again.not_before, delay) == (harness.now + 1860, 900)
    assert harness.sent == []
    ((waiting, _),) = harness.handle(again)
    assert waiting == again
    harness.now += 1860
    assert harness.handle(again) == []
    notice = harness.sent[0].notification
    assert notice.severity is Severity.CRITICAL
    assert notice.title.key == "silent_change_title"
    assert {each.destination for each in harness.sent} == set(harness.handler.settings.default_destinations)
    count = len(harness.sent)
    harness.now += DAY
    harness.read()
    assert len(harness.sent) == count


def test_the_likely_call_is_named(harness):
    harness.history = [{"EventName": "AuthorizeSecurityGroupIngress", "Username": "<@U1>", "EventId": "event-1"}]
    test_a_rule_that_no_event_reported_is_reported_after_the_second_reading(harness)
    lines = [each for paragraph in harness.sent[0].notification.paragraphs for each in paragraph]
    assert ("silent_change_line_call", "<@U1>") in {(each.key, each.values.get("person")) for each in lines}


def test_the_likely_call_is_looked_for_before_the_reading_that_found_the_rule_first(harness):
    asked = []
    harness.clients["cloudtrail"].lookup_events = lambda **request: asked.append(request) or {"Events": []}
    harness.read()
    harness.open_ssh()
    opened = harness.now + 60
    harness.now += DAY
    ((again, _),) = harness.read()
    harness.now += 1860
    harness.handle(again)
    assert asked[0]["StartTime"].timestamp() < opened < asked[0]["EndTime"].timestamp()


def test_an_event_that_arrives_meanwhile_explains_the_rule(harness):
    harness.read()
    harness.open_ssh()
    harness.now += DAY
    ((again, _),) = harness.read()
    rule = harness.ssh.rule
    harness.table.put(RULES, rule_key(ACCOUNT, rule.rule_id), RuleState(harness.now, "event-1", rule))
    harness.now += 1860
    assert harness.handle(again) == []
    assert harness.sent == []


def test_a_rule_that_another_event_left_narrow_is_not_explained_by_it(harness):
    harness.read()
    harness.open_ssh()
    harness.now += DAY
    ((again, _),) = harness.read()
    rule = replace(harness.ssh.rule, peer=CidrPeer("10.0.0.0/8"))
    harness.table.put(RULES, rule_key(ACCOUNT, rule.rule_id), RuleState(harness.now, "event-1", rule))
    harness.now += 1860
    harness.handle(again)
    assert harness.sent


def test_what_is_reported_can_be_explained_by_a_late_event(harness):
    again = suspected(harness)
    opened = harness.now - 1860
    harness.handle(again)
    rule = harness.ssh.rule
    ((_, found),) = harness.table.get_many(SILENT_CHANGES, [rule_key(ACCOUNT, rule.rule_id)])
    assert (found.region, found.group.id, found.rule, found.text) == (REGION, harness.group, rule, harness.ssh.text)
    assert (found.after, found.first_seen) == (opened - DAY, opened)
    notice = harness.sent[0].notification
    assert (found.notice, notice.subjects) == (notice.key, 1)


def test_a_rule_is_not_in_the_rule_history_before_it_is_reported(harness):
    again = suspected(harness)
    rule_id, rows = harness.ssh.rule.rule_id, lambda: dict(harness.table.get_many(RULES, [rule_key(ACCOUNT, rule_id)]))
    harness.handle(again)
    assert rows() == {}
    harness.now += DAY
    harness.read()
    assert [each.by for each in rows().values()] == [LOOKUP]


def test_an_event_that_arrives_between_the_reading_and_its_report_is_seen(harness):
    """It finds no report yet, and the reading was compared without it."""
    again = suspected(harness)
    rule = harness.ssh.rule

    class Meanwhile(HubTable):
        def put_many(self, kind, values, *more):
            super().put_many(kind, values, *more)
            if kind is SILENT_CHANGES:
                self.put(RULES, rule_key(ACCOUNT, rule.rule_id), RuleState(harness.now, "event-1", rule))

    table = Meanwhile(harness.session.client("dynamodb"), "hub", lambda: harness.now)
    recorder = InventoryRecorder(harness.settings, harness.store, table, harness)
    harness.handler = dataclasses.replace(harness.handler, recorder=recorder)
    harness.handle(again)
    assert harness.sent == []
    assert harness.inventory.unreported == {}


def suspected(harness):
    """A rule that one reading found without an event, and the task that reads it again, half an hour later."""
    harness.read()
    harness.open_ssh()
    harness.now += DAY
    ((again, _),) = harness.read()
    harness.now += 1860
    return again


def test_a_notice_whose_report_was_not_recorded_is_sent_again_under_the_same_key(harness):
    again = suspected(harness)
    harness.fail_after_put = True
    with pytest.raises(TransientDeliveryError):
        harness.handle(again)
    harness.fail_after_put = False
    harness.now += HOUR / 2
    harness.handle(again)
    assert len({each.key for each in harness.sent}) == len(harness.sent) / 2
    assert harness.inventory.unreported == {}


def test_a_task_that_is_received_again_reads_nothing_and_finishes_what_the_first_one_left(harness):
    suspected(harness)
    calls = harness.calls
    harness.now -= HOUR / 4
    ((again, _),) = harness.read()
    assert (again.not_before > harness.now, harness.calls) == (True, calls)


def test_a_suspect_in_a_region_that_cannot_be_read_any_more_waits_for_the_next_sweep(harness):
    again = suspected(harness)
    harness.error = "AccessDenied"
    assert harness.handle(again) == []
    assert harness.sent == []
    assert harness.inventory.unexplained
    assert harness.inventory.unread[ResourceKind.RULES] == "AccessDenied"
    assert harness.ssh


def test_an_account_that_lost_its_role_in_the_configuration_is_not_asked(harness):
    harness.use(replace(harness.settings, accounts={}))
    assert harness.handle(SweepTask(ACCOUNT)) == harness.read() == []
    assert harness.calls == 0


@pytest.mark.parametrize("code", ["Throttling", "InternalError", "ExpiredToken"])
def test_an_account_that_does_not_answer_for_now_is_asked_later(harness, code):
    harness.error = code
    task = SweepTask(ACCOUNT)
    for delay in DELAYS:
        ((task, waits),) = harness.handle(task)
        assert waits == delay
    assert harness.handle(task) == []
    assert harness.store.accounts([ACCOUNT])[0].error == code


def test_an_account_without_regions_is_named(harness):
    harness.clients["ec2"].describe_regions = lambda: {"Regions": []}
    assert harness.handle(SweepTask(ACCOUNT)) == []
    assert harness.store.accounts([ACCOUNT])[0].error == "NoRegions"


def test_a_role_that_is_missing_keeps_what_is_known_and_is_named(harness):
    harness.open_ssh()
    harness.handle(SweepTask(ACCOUNT))
    harness.read()
    harness.error = "AccessDenied"
    harness.handle(SweepTask(ACCOUNT))
    (account,) = harness.store.accounts([ACCOUNT])
    assert account.error == "AccessDenied"
    assert REGION in account.regions
    assert harness.ssh


def test_a_throttled_reading_waits_longer_each_time_and_gives_up_after_nine(harness):
    def refuse(**_event):
        raise ClientError({"Error": {"Code": "RequestLimitExceeded", "Message": ""}}, "DescribeSecurityGroupRules")

    harness.clients["ec2"].meta.events.register("before-call.ec2.DescribeSecurityGroupRules", refuse)
    task, delays = SweepTask(ACCOUNT, REGION), []
    for _ in DELAYS:
        ((task, delay),) = harness.handle(task)
        delays.append(delay)
    assert tuple(delays) == DELAYS
    assert harness.inventory is None
    assert harness.handle(task) == []
    assert harness.inventory.unread[ResourceKind.RULES] == "RequestLimitExceeded"


def sweep(harness, regions=(REGION,)):
    """Start a sweep in an account with these Regions and work it off."""
    harness.clients["ec2"].describe_regions = lambda: {"Regions": [{"RegionName": each} for each in regions]}
    harness.handler.start()
    for task, _ in harness.handle(SweepTask(ACCOUNT)):
        harness.handle(task)
    harness.now += HOUR
    harness.handler.start()


def keys_of(harness):
    notice = harness.sent[-1].notification
    return [each.key for paragraph in notice.paragraphs for each in paragraph]


def test_the_calls_of_throttled_readings_count_against_one_budget(harness):
    refused = ClientError({"Error": {"Code": "Throttling", "Message": ""}}, "DescribeDBInstances")

    def refuse(**_event):
        raise refused

    harness.clients["rds"].meta.events.register("before-call.rds.DescribeDBInstances", refuse)
    ((first, _),) = harness.read()
    ((second, _),) = harness.handle(first)
    assert 0 < first.calls < second.calls
    harness.handle(replace(second, attempt=8, calls=MAX_CALLS - 1))
    assert harness.inventory.unread[ResourceKind.IMAGES] == "BudgetExceeded"


def test_the_baseline_is_reported_once_with_its_critical_rules(harness):
    harness.open_ssh()
    sweep(harness)
    notice = harness.sent[0].notification
    assert (notice.severity, notice.title.key) == (Severity.INFO, "baseline_title")
    assert keys_of(harness) == ["baseline", "baseline_line", "baseline_next"]
    assert notice.paragraphs[0][0].values["critical"] == "1"
    count = len(harness.sent)
    for _ in range(30):
        harness.now += HOUR
        harness.handler.start()
    assert len(harness.sent) == count


def test_the_baseline_waits_until_every_region_was_tried_but_not_longer_than_half_a_day(harness):
    harness.handler.start()
    harness.handle(SweepTask(ACCOUNT))
    harness.read()
    harness.now += 2 * HOUR
    harness.handler.start()
    assert harness.sent == []
    harness.now += 10 * HOUR
    harness.handler.start()
    assert "sweep_gaps_unread" in keys_of(harness)


def test_a_report_that_is_made_again_has_the_same_key(harness):
    sweep(harness)
    state = harness.store.state()
    harness.store.save_state(replace(state, is_reported=False, known=(), gaps={}))
    harness.open_ssh()
    harness.handler.start()
    assert len({each.key for each in harness.sent}) == len(harness.sent) / 2


def test_an_account_that_comes_later_has_a_baseline_of_its_own(harness):
    harness.error = "AccessDenied"
    sweep(harness)
    assert keys_of(harness) == ["sweep_gaps_unread", "sweep_gap_accounts_reason", "sweep_gaps_next"]
    harness.error = None
    harness.now += DAY
    sweep(harness)
    assert harness.sent[-1].notification.title.key == "baseline_title"


def test_the_state_of_an_older_version_makes_no_second_baseline(harness):
    sweep(harness)
    harness.sent.clear()
    harness.store.save_state(SweepState(harness.now - DAY, is_baseline_reported=True))
    sweep(harness)
    assert harness.sent == []


def test_regions_that_send_no_canary_and_accounts_without_a_role_are_named_once(harness):
    harness.canaries = {AccountRegion("999988887777", REGION)}
    sweep(harness, (REGION, "eu-west-1"))
    assert keys_of(harness)[2:] == [
        "sweep_gaps_no_role",
        "sweep_gap_accounts",
        "sweep_gaps_no_events",
        "sweep_gap_regions",
        "sweep_gaps_next",
    ]
    (_, line) = harness.sent[-1].notification.paragraphs[-2]
    assert line.values["accounts"] == f"payments-prod {ACCOUNT}"
    assert line.values["regions"] == "eu-west-1, us-east-1"
    count = len(harness.sent)
    harness.now += DAY
    sweep(harness, (REGION, "eu-west-1"))
    assert len(harness.sent) == count


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"account_id": 1}', '{"account_id": "1", "other": 2}'])
def test_a_body_that_is_no_task_is_refused(harness, body):
    with pytest.raises(UndecodableError):
        harness.handler.handle({"body": body})


def test_a_queue_that_cannot_be_written_fails_the_task():
    with mock_aws():
        sqs = boto3.Session("access", "secret", region_name=REGION).client("sqs")
        with pytest.raises(TransientDeliveryError):
            TaskQueue(sqs, f"https://sqs.{REGION}.amazonaws.com/123456789012/missing").put([SweepTask(ACCOUNT)])


def test_tasks_are_spread_over_a_quarter_of_an_hour():
    with mock_aws():
        sqs = boto3.Session("access", "secret", region_name=REGION).client("sqs")
        url = sqs.create_queue(QueueName="sweep")["QueueUrl"]
        sent = []
        sqs.meta.events.register("provide-client-params.sqs.SendMessageBatch", lambda params, **_: sent.append(params))
        TaskQueue(sqs, url).put([SweepTask(f"{number:012}") for number in range(25)])
        assert message_count(sqs, url) == 25
    assert [each["DelaySeconds"] for batch in sent for each in batch["Entries"]] == list(range(0, 900, 36))


def test_attached_groups_are_kept_for_reverts_and_only_with_them(harness):
    ec2 = harness.clients["ec2"]
    subnet, vpc = ec2.describe_subnets()["Subnets"][0]["SubnetId"], ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="one", Description="x", VpcId=vpc)["GroupId"]
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
    kept = harness.handler.attached_groups
    harness.read()
    assert kept.before(ACCOUNT, REGION, Attachable.INTERFACE, interface, harness.now + 1) == ()
    full = ActionSettings(written_mode=ActionMode.FULL)
    harness.handler = dataclasses.replace(harness.handler, settings=replace(harness.handler.settings, actions=full))
    harness.now += DAY
    harness.read()
    assert kept.before(ACCOUNT, REGION, Attachable.INTERFACE, interface, harness.now + 1) == (group,)


def test_a_region_is_read_in_one_session(harness):
    full = ActionSettings(written_mode=ActionMode.FULL)
    harness.handler = dataclasses.replace(harness.handler, settings=replace(harness.handler.settings, actions=full))
    harness.read()
    assert harness.calls == 1


def test_resources_that_cannot_be_read_stop_neither_the_sweep_nor_the_others(harness):
    harness.open_ssh()
    full = ActionSettings(written_mode=ActionMode.FULL)
    harness.handler = dataclasses.replace(harness.handler, settings=replace(harness.handler.settings, actions=full))
    pages = harness.clients["ec2"].get_paginator

    def refused(operation):
        if operation == "describe_network_interfaces":
            raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "secret"}}, operation)
        return pages(operation)

    harness.clients["ec2"].get_paginator = refused
    group = harness.clients["ec2"].describe_security_groups()["SecurityGroups"][0]["GroupId"]
    subnet = harness.clients["ec2"].describe_subnets()["Subnets"][0]["SubnetId"]
    listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
    harness.clients["elb"].create_load_balancer(
        LoadBalancerName="shop", Listeners=[listener], Subnets=[subnet], SecurityGroups=[group]
    )
    harness.read()
    assert harness.inventory is not None
    kept, kind = harness.handler.attached_groups, Attachable.CLASSIC_LOAD_BALANCER
    assert kept.before(ACCOUNT, REGION, kind, "shop", harness.now + 1) == (group,)
