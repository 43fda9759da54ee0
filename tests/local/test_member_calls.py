"""Calls of the scenario in the EC2 of the embedded AWS, and what the embedded AWS adds to moto."""

from datetime import UTC, datetime

import pytest

from gatewatch.inventory.tasks import SweepTask, parse_task
from gatewatch.local.aws.event_history import PastCall
from gatewatch.local.aws.server import MEMBER_REGIONS, Cloud
from gatewatch.local.demo.member_calls import perform_in_ec2
from gatewatch.local.demo.resources import GROUPS, HOME, PAYMENTS, create_groups, with_group_ids
from gatewatch.local.demo.scenario import load_scenario
from gatewatch.local.demo.virtual_queue import VirtualTaskQueue


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def ids(cloud):
    """The ids after every call of the scenario."""
    found = create_groups(cloud)
    for event in load_scenario():
        ec2 = cloud.session(event.account, event.region).client("ec2")
        found |= perform_in_ec2(ec2, with_group_ids(event.record, found))
    return found


def test_every_rule_of_the_records_that_is_not_removed_exists_with_its_id(cloud, ids):
    for event in load_scenario():
        rules = ((event.record.get("responseElements") or {}).get("securityGroupRuleSet") or {"items": ()})["items"]
        ec2 = cloud.session(event.account, event.region).client("ec2")
        found = {each["SecurityGroupRuleId"] for each in ec2.describe_security_group_rules()["SecurityGroupRules"]}
        removed = {"sgr-0cff5f28183edf1a8"}  # by the sixth event
        for each in rules:
            rule_id = each["securityGroupRuleId"]
            assert (ids[rule_id] in found) is (rule_id not in removed), rule_id


def test_the_rule_of_the_first_event_was_modified_and_described(cloud, ids):
    ec2 = cloud.session(PAYMENTS, HOME).client("ec2")
    of_group = [{"Name": "group-id", "Values": [ids["sg-0ec964d3d4496eba5"]]}]
    rules = ec2.describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]
    (rule,) = [each for each in rules if not each["IsEgress"]]
    assert (rule["CidrIpv4"], rule["Description"]) == ("0.0.0.0/0", "SEC-118, to be closed today")


def test_the_prefix_list_has_the_new_entry_and_the_deleted_group_is_gone(cloud, ids):
    entries = (
        cloud.session(PAYMENTS, HOME)
        .client("ec2")
        .get_managed_prefix_list_entries(PrefixListId=ids["pl-01d778df2be848f77"])["Entries"]
    )
    assert [each["Cidr"] for each in entries] == ["0.0.0.0/0"]
    (deleted,) = [each for each in GROUPS if each.name == "unused"]
    groups = cloud.session(deleted.account, deleted.region).client("ec2").describe_security_groups()["SecurityGroups"]
    assert ids[deleted.group_id] not in {each["GroupId"] for each in groups}


def test_a_failed_call_and_one_that_is_no_change_of_rules_change_nothing():
    for name, more in (
        ("AuthorizeSecurityGroupIngress", {"errorCode": "Client.UnauthorizedOperation"}),
        ("RevokeSecurityGroupIngress", {"responseElements": {"unknownIpPermissionSet": {}}}),
        ("RunInstances", {}),
    ):
        assert perform_in_ec2(None, {"eventName": name, "requestParameters": {}, **more}) == {}


def test_accounts_have_the_regions_of_the_members_only(cloud):
    found = cloud.session(PAYMENTS, HOME).client("ec2").describe_regions()["Regions"]
    assert sorted(each["RegionName"] for each in found) == sorted(MEMBER_REGIONS)


def test_event_history_is_searched_by_resource_and_time(cloud):
    cloud.event_history.calls.append(PastCall("sg-1", "ModifySecurityGroupRules", "alice", "event-1", 1000.0))
    trail = cloud.session(PAYMENTS, HOME).client("cloudtrail")

    def found(resource, first, last):
        names = [{"AttributeKey": "ResourceName", "AttributeValue": resource}]
        times = {"StartTime": datetime.fromtimestamp(first, UTC), "EndTime": datetime.fromtimestamp(last, UTC)}
        return [each["EventId"] for each in trail.lookup_events(LookupAttributes=names, **times)["Events"]]

    assert found("sg-1", 900, 1100) == ["event-1"]
    assert found("sg-1", 1001, 1100) == found("sg-2", 900, 1100) == []


def test_s3_control_is_reached_by_the_host_of_an_account(cloud):
    control = cloud.session(PAYMENTS, HOME).client("s3control")
    with pytest.raises(control.exceptions.ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        control.get_public_access_block(AccountId=PAYMENTS)


def test_tasks_of_the_sweep_come_due_in_the_order_of_their_times_and_move_the_clock():
    queue, handled = VirtualTaskQueue(1000.0), []

    def handle(record):
        task = parse_task(record["body"])
        handled.append((task.account_id, queue.now))
        if task.account_id == "2":
            queue.put_delayed(SweepTask("3"), 60)

    queue.put_delayed(SweepTask("1"), 900)
    queue.put([SweepTask("2")])
    queue.drain(handle)
    assert handled == [("2", 1000.0), ("3", 1060.0), ("1", 1900.0)]
