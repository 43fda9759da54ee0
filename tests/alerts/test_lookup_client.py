"""The lookup in a member account: time limit, cache, cooldown; it never fails an alert."""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from gatewatch.alerts.lookup.context import NO_CONTEXT, LookupPart, with_context
from gatewatch.alerts.lookup.network_interfaces import INSTANCE
from gatewatch.aws import metrics
from gatewatch.model.network_interfaces import AttachedResource
from gatewatch.model.reachability import Layer, Verdict
from gatewatch.model.security_group import CidrPeer, Direction, Group, PortRange, Traffic
from support.limits import GUARD_SECONDS
from support.lookup import CALL_TIME, GROUP, Ec2, LookupHarness, alert_with_lookup_role, client_error, instance
from support.resource_shares import Ram, share

OPEN = {"NetworkInterfaces": [instance(1, public=True), instance(2)]}
NAMES = {"Tags": [{"ResourceId": f"i-{1:017x}", "Key": "Name", "Value": "web-1"}]}
RULE = {
    "SecurityGroupRuleId": "sgr-0123456789abcdef0",
    "GroupId": GROUP,
    "IsEgress": False,
    "IpProtocol": "tcp",
    "FromPort": 22,
    "ToPort": 22,
    "CidrIpv4": "10.0.0.0/8",
    "Description": "office",
}


@pytest.fixture
def opened(build):
    """Return an alert for SSH open to the internet; `number` makes the event unique."""

    def make(number=1, **fields):
        fields = {"eventID": f"event-{number}"} | fields
        return alert_with_lookup_role(build.authorize(build.item(v4=["0.0.0.0/0"]), **fields))

    return make


@pytest.fixture(autouse=True)
def log(caplog):
    caplog.set_level(logging.WARNING, "harness")
    return caplog


def reasons(log):
    return [record.reason for record in log.records]


def test_one_lookup_returns_everything_about_a_group(opened):
    harness = LookupHarness(Ec2(describe_network_interfaces=OPEN, describe_tags=NAMES))
    seen = harness.fetch(opened())
    assert seen.group == Group(id=GROUP, name="web", vpc_id="vpc-0ddddddddddddddd4")
    assert (seen.network_interfaces.interfaces, seen.network_interfaces.public, seen.network_interfaces.is_partial) == (
        2,
        1,
        False,
    )
    assert seen.network_interfaces.resources == (
        AttachedResource(INSTANCE, "web-1", is_public=True),
        AttachedResource(INSTANCE, f"i-{2:017x}"),
    )
    assert seen.network_interfaces.at.timestamp() == harness.clock.now
    assert sorted(name for name, _ in harness.ec2.requested) == [
        "describe_network_interfaces",
        "describe_security_group_rules",
        "describe_security_groups",
        "describe_tags",
    ]


def without_interfaces(**aws):
    harness = LookupHarness(Ec2(describe_network_interfaces={"NetworkInterfaces": []}), **aws)
    harness.ec2.get_paginator = lambda _operation: SimpleNamespace(paginate=lambda **_: [])
    return harness


def reachability(harness, alert):
    return with_context(alert, harness.fetch(alert)).reachability


def test_a_group_that_is_not_shared_and_has_no_interface_is_not_reachable(opened):
    harness = without_interfaces()
    assert reachability(harness, opened()).verdict is Verdict.NOT_REACHABLE
    assert harness.aws.ram.requests == [("RESOURCE", f"arn:aws:ec2:eu-west-1:111122223333:security-group/{GROUP}")]


def test_a_shared_group_may_be_reachable_by_interfaces_of_other_accounts(opened):
    harness = without_interfaces(ram=Ram(*share(GROUP, "444455556666")))
    found = reachability(harness, opened())
    assert (found.verdict, found.layer) == (Verdict.UNKNOWN, Layer.OTHER_ACCOUNTS)
    assert harness.counts == {}


def test_without_the_right_to_read_shares_the_answer_is_unknown_and_other_lookups_go_on(opened, log):
    refused = client_error("AccessDeniedException", "GetResourceShareAssociations")
    harness = without_interfaces(ram=Ram(error=refused))
    for number in (1, 2):
        found = reachability(harness, opened(number))
        assert (found.verdict, found.layer) == (Verdict.UNKNOWN, Layer.OTHER_ACCOUNTS)
    assert harness.counts[metrics.LOOKUPS_FAILED] >= 1
    assert reasons(log)[0] == "AccessDeniedException"
    assert len(harness.aws.roles) == 1


def test_the_role_arn_has_the_partition_and_the_client_the_region_of_the_account(opened):
    harness = LookupHarness()
    harness.fetch(opened(awsRegion="cn-north-1"))
    harness.fetch(opened(awsRegion="cn-northwest-1"))
    (request,) = harness.aws.roles
    assert request["RoleArn"] == "arn:aws-cn:iam::111122223333:role/gatewatch/gatewatch-lookup"
    assert harness.aws.clients == [("ASIAEXAMPLE", "cn-north-1"), ("ASIAEXAMPLE", "cn-northwest-1")]


def test_without_a_role_or_a_request_no_client_is_created(opened, build):
    harness = LookupHarness()
    named = opened()
    assert harness.fetch(alert_with_lookup_role(build.authorize(build.item(v4=["0.0.0.0/0"])), role=None)) is NO_CONTEXT
    assert harness.fetch(alert_with_lookup_role(build.authorize(build.item(), **build.denied()))) is NO_CONTEXT
    assert (harness.aws.roles, harness.aws.clients) == ([], [])
    harness.fetch(named)
    assert len(harness.aws.clients) == 1


def test_no_interfaces_are_reported_only_for_a_group_that_exists(opened):
    assert LookupHarness().fetch(opened()).network_interfaces.interfaces == 0
    gone = LookupHarness(Ec2(describe_security_groups=client_error("InvalidGroup.NotFound")))
    seen = gone.fetch(opened())
    assert seen.network_interfaces is None
    assert seen.group.id is None
    assert gone.counts == {}


def test_one_interface_is_counted_as_one(opened):
    seen = LookupHarness(Ec2(describe_network_interfaces={"NetworkInterfaces": [instance(1)]})).fetch(opened())
    assert (seen.network_interfaces.interfaces, seen.network_interfaces.public) == (1, 0)


def test_at_most_two_pages_are_read(opened):
    page = {"NetworkInterfaces": [instance(number) for number in range(500)], "NextToken": "more"}
    harness = LookupHarness(Ec2(describe_network_interfaces=[page, page, page]))
    seen = harness.fetch(opened())
    assert (seen.network_interfaces.interfaces, seen.network_interfaces.is_partial) == (1000, True)
    first, second = harness.ec2.requests("describe_network_interfaces")
    assert first["MaxResults"] == second["MaxResults"] == 500
    assert second["NextToken"] == "more"
    assert first["Filters"] == [{"Name": "group-id", "Values": [GROUP]}]


def test_managed_resources_are_requested_when_botocore_knows_the_parameter(opened):
    for knows, expected in (((), None), (("IncludeManagedResources",), True)):
        harness = LookupHarness(Ec2(supported_parameters=knows))
        harness.fetch(opened())
        (request,) = harness.ec2.requests("describe_network_interfaces")
        assert request.get("IncludeManagedResources") is expected


def test_an_empty_page_with_a_next_token_is_not_the_end(opened):
    empty = {"NetworkInterfaces": [], "NextToken": "more"}
    pages = [empty, {"NetworkInterfaces": [instance(1)]}]
    assert LookupHarness(Ec2(describe_network_interfaces=pages)).fetch(opened()).network_interfaces.interfaces == 1
    assert LookupHarness(Ec2(describe_network_interfaces=[empty, empty])).fetch(opened()).network_interfaces is None


def test_the_names_of_fifty_instances_take_one_request(opened):
    many = {"NetworkInterfaces": [instance(number, public=number == 299) for number in range(300)]}
    harness = LookupHarness(Ec2(describe_network_interfaces=many))
    harness.fetch(opened())
    (request,) = harness.ec2.requests("describe_tags")
    (ids, key) = request["Filters"]
    assert len(ids["Values"]) == 50
    assert ids["Values"][0] == f"i-{299:017x}"
    assert key == {"Name": "key", "Values": ["Name"]}


def test_denied_tags_cost_only_the_names(opened, log):
    harness = LookupHarness(Ec2(describe_network_interfaces=OPEN, describe_tags=client_error("UnauthorizedOperation")))
    assert harness.fetch(opened()).network_interfaces.resources[0].name == f"i-{1:017x}"
    assert reasons(log) == ["UnauthorizedOperation"]
    harness.clock.now += 61
    assert harness.fetch(opened(2)).network_interfaces.interfaces == 2
    assert len(harness.aws.roles) == 1


def test_looked_up_rules_are_saved_with_the_time_of_the_lookup(opened):
    unreadable = RULE | {"SecurityGroupRuleId": "sgr-unreadable", "IpProtocol": "?", "CidrIpv4": None}
    harness = LookupHarness(Ec2(describe_security_group_rules={"SecurityGroupRules": [RULE, unreadable]}))
    harness.fetch(opened())
    ((account, rules, at),) = harness.recorded
    (rule,) = rules.values()
    assert (account, at) == ("111122223333", harness.clock.now)
    assert (rule.direction, rule.traffic, rule.peer) == (
        Direction.INGRESS,
        Traffic("tcp", PortRange(22, 22)),
        CidrPeer("10.0.0.0/8"),
    )
    assert rule.description == "office"


def test_a_lookup_is_never_dated_before_its_call(opened):
    harness = LookupHarness()
    harness.clock.now = CALL_TIME.timestamp() - 5
    seen = harness.fetch(opened())
    assert seen.network_interfaces.at == CALL_TIME
    assert harness.recorded[0][2] == CALL_TIME.timestamp()


def test_a_group_is_looked_up_once_a_minute(opened):
    harness = LookupHarness(Ec2(describe_network_interfaces=OPEN))
    first = harness.fetch(opened(1))
    harness.clock.now += 59
    assert harness.fetch(opened(2)) == first
    assert len(harness.ec2.requests("describe_network_interfaces")) == len(harness.recorded) == 1
    harness.clock.now += 2
    harness.fetch(opened(3))
    assert len(harness.ec2.requests("describe_network_interfaces")) == 2
    assert len(harness.aws.roles) == 1


def test_a_lookup_before_a_call_is_not_used_for_it(opened):
    harness = LookupHarness()
    harness.fetch(opened(1))
    harness.clock.now += 20
    seen = harness.fetch(opened(2, eventTime="2026-01-24T03:46:10Z"))
    assert seen.network_interfaces.at.timestamp() == harness.clock.now
    assert len(harness.ec2.requests("describe_network_interfaces")) == 2
    assert len(harness.ec2.requests("describe_security_groups")) == 1


def test_another_account_region_or_group_needs_another_lookup(opened, build):
    harness = LookupHarness()
    harness.fetch(opened())
    harness.fetch(opened(awsRegion="eu-north-1"))
    harness.fetch(opened(recipientAccountId="444455556666"))
    other = build.request(build.item(v4=["0.0.0.0/0"])) | {"groupId": "sg-0bbbbbbbbbbbbbbb2"}
    harness.fetch(alert_with_lookup_role(build.record("AuthorizeSecurityGroupIngress", other)))
    requested = harness.ec2.requests("describe_network_interfaces")
    assert [request["Filters"][0]["Values"] for request in requested] == [[GROUP]] * 3 + [["sg-0bbbbbbbbbbbbbbb2"]]
    assert [request["RoleArn"].split(":")[4] for request in harness.aws.roles] == ["111122223333", "444455556666"]


def test_only_missing_parts_are_requested(opened, build):
    harness = LookupHarness()
    narrow = alert_with_lookup_role(build.authorize(build.item(v4=["10.0.0.0/8"])))
    assert harness.fetch(narrow).group.name == "web"
    assert [name for name, _ in harness.ec2.requested] == ["describe_security_groups"]
    assert harness.recorded == []
    harness.fetch(opened())
    assert len(harness.ec2.requests("describe_security_groups")) == 1
    assert harness.fetch(narrow).group.name == "web"
    assert len(harness.ec2.requested) == 3


def test_credentials_are_cached_until_they_expire(opened):
    harness = LookupHarness(lifetime=900.0)
    harness.fetch(opened(1))
    harness.clock.now += 700
    harness.fetch(opened(2))
    assert len(harness.aws.roles) == 1
    harness.clock.now += 100  # two minutes before their end
    harness.fetch(opened(3))
    assert len(harness.aws.roles) == len(harness.aws.clients) == 2


REFUSALS = ["AccessDenied", "UnauthorizedOperation", "AuthFailure", "OptInRequired", "InvalidClientTokenId"]


@pytest.mark.parametrize("code", REFUSALS)
def test_a_denied_role_costs_only_the_context_and_is_not_tried_for_ten_minutes(opened, log, code):
    harness = LookupHarness(error=client_error(code))
    assert harness.fetch(opened(1)) == NO_CONTEXT
    harness.clock.now += 599
    assert harness.fetch(opened(2)) == NO_CONTEXT
    assert len(harness.aws.roles) == 1
    assert reasons(log) == [code]
    assert harness.counts == {metrics.LOOKUPS_FAILED: 1}
    harness.clock.now += 2
    harness.aws.error = None
    assert harness.fetch(opened(3)).group.name == "web"


def test_a_denied_account_does_not_pause_another(opened):
    harness = LookupHarness(error=client_error("AccessDenied"))
    harness.fetch(opened())
    harness.aws.error = None
    assert harness.fetch(opened(recipientAccountId="444455556666")).group.name == "web"


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "Throttling", "ThrottlingException"])
def test_a_throttled_account_is_paused_for_a_minute_in_every_region(opened, log, code):
    harness = LookupHarness(Ec2(describe_network_interfaces=client_error(code)))
    seen = harness.fetch(opened())
    assert seen.network_interfaces is None
    assert seen.group.name == "web"
    requested = len(harness.ec2.requested)
    harness.fetch(opened(2, awsRegion="eu-north-1"))
    harness.clock.now += 59
    harness.fetch(opened(3))
    assert len(harness.ec2.requested) == requested
    assert reasons(log) == [code]
    harness.clock.now += 2
    harness.fetch(opened(4))
    assert len(harness.ec2.requested) > requested


FAULTS = [
    ReadTimeoutError(endpoint_url="https://ec2.example"),
    ConnectTimeoutError(endpoint_url="https://ec2.example"),
    EndpointConnectionError(endpoint_url="https://ec2.example"),
    client_error("InternalError"),
    KeyError("an answer of another shape"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_an_account_that_times_out_in_a_region_is_paused_in_that_region(opened, log, fault):
    harness = LookupHarness(Ec2(describe_security_group_rules=fault))
    assert harness.fetch(opened()).rules is None
    assert harness.recorded == []
    requested = len(harness.ec2.requested)
    harness.clock.now += 29
    harness.fetch(opened(2))
    assert len(harness.ec2.requested) == requested
    harness.fetch(opened(3, awsRegion="eu-north-1"))
    assert len(harness.ec2.requested) > requested
    requested = len(harness.ec2.requested)
    harness.clock.now += 2
    harness.fetch(opened(4))
    assert len(harness.ec2.requested) > requested
    assert not any("example" in record.getMessage() + str(vars(record)) for record in log.records)


def test_a_region_is_paused_after_failures_for_two_accounts_without_a_success(opened):
    def accounts_asked_after(*faulty):
        harness = LookupHarness()
        for account in ("111122223333", "444455556666", "999988887777"):
            harness.ec2.answers["describe_security_group_rules"] = (
                ReadTimeoutError(endpoint_url="https://ec2.example")
                if account in faulty
                else {"SecurityGroupRules": []}
            )
            harness.fetch(opened(recipientAccountId=account))
        return len(harness.ec2.requests("describe_security_group_rules"))

    assert accounts_asked_after("111122223333") == 3
    assert accounts_asked_after("111122223333", "999988887777") == 3
    assert accounts_asked_after("111122223333", "444455556666") == 2


def test_an_sts_timeout_pauses_all_lookups(opened):
    harness = LookupHarness(error=ReadTimeoutError(endpoint_url="https://sts.example"))
    harness.fetch(opened())
    harness.fetch(opened(recipientAccountId="444455556666", awsRegion="eu-north-1"))
    assert len(harness.aws.roles) == 1
    harness.clock.now += 31
    harness.fetch(opened(2))
    assert len(harness.aws.roles) == 2


@pytest.mark.parametrize("region", ["not a region", "../../x"])
def test_a_region_without_a_client_is_a_failed_lookup(opened, region):
    harness = LookupHarness()

    def none(*_):
        raise ValueError(region)

    harness.aws.member_ec2_client = none
    assert harness.fetch(opened(awsRegion=region)) == NO_CONTEXT
    assert harness.counts == {metrics.LOOKUPS_FAILED: 1}


class AllButOne:
    """Runs each job when it is submitted, but the one for a part of the lookup: it is never done."""

    def __init__(self, late):
        self.late = late

    def submit(self, job, *arguments):
        future = Future()
        if self.late not in arguments:
            future.set_result(job(*arguments))
        return future


def test_late_responses_are_dropped_and_those_in_time_are_used(opened, log):
    harness = LookupHarness(seconds=0.1)
    vars(harness.lookup)["_pool"] = AllButOne(LookupPart.NETWORK_INTERFACES)
    seen = harness.fetch(opened())
    assert seen.network_interfaces is None
    assert seen.group.name == "web"
    assert reasons(log) == ["TimeoutError"]


def test_a_slow_assume_role_is_not_awaited(opened, log):
    release = threading.Event()
    harness = LookupHarness(seconds=0.1, wait=lambda: release.wait(GUARD_SECONDS))
    seen = harness.fetch(opened())
    release.set()
    assert seen == NO_CONTEXT
    assert reasons(log) == ["TimeoutError"]


def test_the_requests_of_a_lookup_run_concurrently(opened):
    together = threading.Barrier(3, timeout=GUARD_SECONDS)

    def meet(answer):
        def wait_for_the_others(_request):
            together.wait()
            return answer

        return wait_for_the_others

    ec2 = Ec2()
    harness = LookupHarness(
        Ec2(**{name: meet(ec2.answers[name]) for name in list(ec2.answers) if name != "describe_tags"})
    )
    assert harness.fetch(opened()).network_interfaces.interfaces == 0


def test_the_log_contains_no_secret_and_no_error_text(opened, log):
    harness = LookupHarness(Ec2(describe_security_groups=client_error("UnauthorizedOperation")))
    harness.fetch(opened())
    written = " ".join(record.getMessage() + str(vars(record)) for record in log.records)
    assert "UnauthorizedOperation" in written
    assert not any(secret in written for secret in ("sEcReT", "tOkEn", "user/secret"))


def test_the_most_recent_clients_are_cached(opened):
    harness = LookupHarness()
    for number in range(80):
        harness.fetch(opened(awsRegion=f"xx-test-{number}"))
    harness.clock.now += 61
    harness.fetch(opened(2, awsRegion="xx-test-79"))
    assert len(harness.aws.clients) == 80
    harness.fetch(opened(2, awsRegion="xx-test-0"))
    assert len(harness.aws.clients) == 81
    assert len(harness.aws.roles) == 1


def test_the_thread_pool_is_created_by_the_first_lookup(opened, build):
    harness = LookupHarness()
    assert "_pool" not in vars(harness.lookup)
    harness.fetch(alert_with_lookup_role(build.authorize(build.item(), **build.denied())))
    assert "_pool" not in vars(harness.lookup)
    harness.fetch(opened())
    assert isinstance(vars(harness.lookup)["_pool"], ThreadPoolExecutor)


def test_the_network_of_the_interfaces_is_read_after_them(opened):
    pages = {
        "describe_route_tables": [{"RouteTables": []}],
        "describe_network_acls": [{"NetworkAcls": []}],
        "describe_subnets": [{"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1"}]}],
    }
    found = {"NetworkInterfaces": [instance(1, public=True, SubnetId="subnet-1", VpcId="vpc-1")]}
    harness = LookupHarness(Ec2(describe_network_interfaces=found))
    harness.ec2.get_paginator = lambda operation: SimpleNamespace(paginate=lambda **_: pages[operation])
    context = harness.fetch(opened())
    assert list(context.network.subnets) == ["subnet-1"]
    seen = with_context(opened(), context).reachability
    assert (seen.verdict, seen.layer) == (Verdict.UNKNOWN, Layer.INSTANCE_STATE)


def test_a_network_that_cannot_be_read_leaves_the_interfaces(opened):
    found = {"NetworkInterfaces": [instance(1, public=True, SubnetId="subnet-1", VpcId="vpc-1")]}
    context = LookupHarness(Ec2(describe_network_interfaces=found)).fetch(opened())
    assert context.network is None
    assert context.network_interfaces.public == 1
    assert with_context(opened(), context).reachability is None
