"""The surveyor asks an account what its calls leave out: quickly, seldom, and never at the cost of an alert."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from gatewatch.alerts.lookup.context import NOTHING_SEEN
from gatewatch.alerts.lookup.network_interfaces import INSTANCE
from gatewatch.aws import metrics as meter
from gatewatch.model.network_interfaces import Thing
from gatewatch.model.security_group import CidrPeer, Direction, Group, PortRange, Traffic
from support.lookup import CALLED, GROUP, Ec2, Survey, alert, instance, refused

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
    """An alert of SSH for the whole internet, of an event with this number."""

    def make(number=1, **fields):
        fields = {"eventID": f"event-{number}"} | fields
        return alert(build.authorize(build.item(v4=["0.0.0.0/0"]), **fields))

    return make


@pytest.fixture(autouse=True)
def log(caplog):
    caplog.set_level(logging.WARNING, "survey")
    return caplog


def reasons(log):
    return [record.reason for record in log.records]


def test_everything_about_a_group_comes_from_one_look(opened):
    survey = Survey(Ec2(describe_network_interfaces=OPEN, describe_tags=NAMES))
    seen = survey.look(opened())
    assert seen.group == Group(id=GROUP, name="web", vpc_id="vpc-0ddddddddddddddd4")
    assert (seen.attached.interfaces, seen.attached.public, seen.attached.is_part) == (2, 1, False)
    assert seen.attached.things == (Thing(INSTANCE, "web-1", is_public=True), Thing(INSTANCE, f"i-{2:017x}"))
    assert seen.attached.at.timestamp() == survey.clock.now
    assert sorted(name for name, _ in survey.ec2.asked) == [
        "describe_network_interfaces",
        "describe_security_group_rules",
        "describe_security_groups",
        "describe_tags",
    ]


def test_the_role_is_the_one_of_the_accounts_partition_and_the_clients_are_of_the_region(opened):
    survey = Survey()
    survey.look(opened(awsRegion="cn-north-1"))
    survey.look(opened(awsRegion="cn-northwest-1"))
    (request,) = survey.doors.roles
    assert request["RoleArn"] == "arn:aws-cn:iam::111122223333:role/gatewatch/gatewatch-survey"
    assert survey.doors.clients == [("ASIAEXAMPLE", "cn-north-1"), ("ASIAEXAMPLE", "cn-northwest-1")]


def test_without_a_role_or_a_question_nobody_is_asked_and_no_client_made(opened, build):
    survey = Survey()
    named = opened()
    assert survey.look(alert(build.authorize(build.item(v4=["0.0.0.0/0"])), role=None)) is NOTHING_SEEN
    assert survey.look(alert(build.authorize(build.item(), **build.refused()))) is NOTHING_SEEN
    assert (survey.doors.roles, survey.doors.clients) == ([], [])
    survey.look(named)
    assert len(survey.doors.clients) == 1


def test_nothing_is_attached_only_to_a_group_that_is_there(opened):
    assert Survey().look(opened()).attached.interfaces == 0
    gone = Survey(Ec2(describe_security_groups=refused("InvalidGroup.NotFound")))
    seen = gone.look(opened())
    assert seen.attached is None
    assert seen.group.id is None
    assert gone.counts == {}


def test_one_interface_is_one(opened):
    seen = Survey(Ec2(describe_network_interfaces={"NetworkInterfaces": [instance(1)]})).look(opened())
    assert (seen.attached.interfaces, seen.attached.public) == (1, 0)


def test_two_pages_are_read_and_no_more(opened):
    page = {"NetworkInterfaces": [instance(number) for number in range(500)], "NextToken": "more"}
    survey = Survey(Ec2(describe_network_interfaces=[page, page, page]))
    seen = survey.look(opened())
    assert (seen.attached.interfaces, seen.attached.is_part) == (1000, True)
    first, second = survey.ec2.requests("describe_network_interfaces")
    assert first["MaxResults"] == second["MaxResults"] == 500
    assert second["NextToken"] == "more"
    assert first["Filters"] == [{"Name": "group-id", "Values": [GROUP]}]


def test_what_an_account_hides_is_asked_for_where_the_sdk_knows_how(opened):
    for knows, expected in (((), None), (("IncludeManagedResources",), True)):
        survey = Survey(Ec2(knows=knows))
        survey.look(opened())
        (request,) = survey.ec2.requests("describe_network_interfaces")
        assert request.get("IncludeManagedResources") is expected


def test_an_empty_page_that_is_not_the_last_does_not_mean_nothing(opened):
    empty = {"NetworkInterfaces": [], "NextToken": "more"}
    pages = [empty, {"NetworkInterfaces": [instance(1)]}]
    assert Survey(Ec2(describe_network_interfaces=pages)).look(opened()).attached.interfaces == 1
    assert Survey(Ec2(describe_network_interfaces=[empty, empty])).look(opened()).attached is None


def test_the_names_of_fifty_instances_are_asked_at_once(opened):
    many = {"NetworkInterfaces": [instance(number, public=number == 299) for number in range(300)]}
    survey = Survey(Ec2(describe_network_interfaces=many))
    survey.look(opened())
    (request,) = survey.ec2.requests("describe_tags")
    (ids, key) = request["Filters"]
    assert len(ids["Values"]) == 50
    assert ids["Values"][0] == f"i-{299:017x}"
    assert key == {"Name": "key", "Values": ["Name"]}


def test_names_that_are_refused_cost_the_names_only(opened, log):
    survey = Survey(Ec2(describe_network_interfaces=OPEN, describe_tags=refused("UnauthorizedOperation")))
    assert survey.look(opened()).attached.things[0].name == f"i-{1:017x}"
    assert reasons(log) == ["UnauthorizedOperation"]
    survey.clock.now += 61
    assert survey.look(opened(2)).attached.interfaces == 2
    assert len(survey.doors.roles) == 1


def test_the_rules_of_a_group_are_learnt_with_the_time_at_which_they_were_seen(opened):
    unreadable = RULE | {"SecurityGroupRuleId": "sgr-unreadable", "IpProtocol": "?", "CidrIpv4": None}
    survey = Survey(Ec2(describe_security_group_rules={"SecurityGroupRules": [RULE, unreadable]}))
    survey.look(opened())
    ((account, rules, at),) = survey.learnt
    (rule,) = rules.values()
    assert (account, at) == ("111122223333", survey.clock.now)
    assert (rule.direction, rule.traffic, rule.peer) == (
        Direction.INGRESS,
        Traffic("tcp", PortRange(22, 22)),
        CidrPeer("10.0.0.0/8"),
    )
    assert rule.description == "office"


def test_a_look_is_never_dated_before_the_call_that_it_is_about(opened):
    survey = Survey()
    survey.clock.now = CALLED.timestamp() - 5
    seen = survey.look(opened())
    assert seen.attached.at == CALLED
    assert survey.learnt[0][2] == CALLED.timestamp()


def test_within_a_minute_a_group_is_looked_at_once(opened):
    survey = Survey(Ec2(describe_network_interfaces=OPEN))
    first = survey.look(opened(1))
    survey.clock.now += 59
    assert survey.look(opened(2)) == first
    assert len(survey.ec2.requests("describe_network_interfaces")) == len(survey.learnt) == 1
    survey.clock.now += 2
    survey.look(opened(3))
    assert len(survey.ec2.requests("describe_network_interfaces")) == 2
    assert len(survey.doors.roles) == 1


def test_a_look_before_a_call_is_nothing_to_tell_of_it(opened):
    survey = Survey()
    survey.look(opened(1))
    survey.clock.now += 20
    seen = survey.look(opened(2, eventTime="2026-01-24T03:46:10Z"))
    assert seen.attached.at.timestamp() == survey.clock.now
    assert len(survey.ec2.requests("describe_network_interfaces")) == 2
    assert len(survey.ec2.requests("describe_security_groups")) == 1


def test_another_account_region_or_group_is_another_look(opened, build):
    survey = Survey()
    survey.look(opened())
    survey.look(opened(awsRegion="eu-north-1"))
    survey.look(opened(recipientAccountId="444455556666"))
    other = build.request(build.item(v4=["0.0.0.0/0"])) | {"groupId": "sg-0bbbbbbbbbbbbbbb2"}
    survey.look(alert(build.record("AuthorizeSecurityGroupIngress", other)))
    asked = survey.ec2.requests("describe_network_interfaces")
    assert [request["Filters"][0]["Values"] for request in asked] == [[GROUP]] * 3 + [["sg-0bbbbbbbbbbbbbbb2"]]
    assert [request["RoleArn"].split(":")[4] for request in survey.doors.roles] == ["111122223333", "444455556666"]


def test_only_what_is_missing_is_asked_when_more_is_wanted(opened, build):
    survey = Survey()
    narrow = alert(build.authorize(build.item(v4=["10.0.0.0/8"])))
    assert survey.look(narrow).group.name == "web"
    assert [name for name, _ in survey.ec2.asked] == ["describe_security_groups"]
    assert survey.learnt == []
    survey.look(opened())
    assert len(survey.ec2.requests("describe_security_groups")) == 1
    assert survey.look(narrow).group.name == "web"
    assert len(survey.ec2.asked) == 3


def test_credentials_are_kept_for_their_life_and_no_longer(opened):
    survey = Survey(lifetime=900.0)
    survey.look(opened(1))
    survey.clock.now += 700
    survey.look(opened(2))
    assert len(survey.doors.roles) == 1
    survey.clock.now += 100  # two minutes before their end
    survey.look(opened(3))
    assert len(survey.doors.roles) == len(survey.doors.clients) == 2


REFUSALS = ["AccessDenied", "UnauthorizedOperation", "AuthFailure", "OptInRequired", "InvalidClientTokenId"]


@pytest.mark.parametrize("code", REFUSALS)
def test_a_role_that_is_refused_costs_nothing_but_the_line_and_is_not_tried_for_ten_minutes(opened, log, code):
    survey = Survey(fault=refused(code))
    assert survey.look(opened(1)) == NOTHING_SEEN
    survey.clock.now += 599
    assert survey.look(opened(2)) == NOTHING_SEEN
    assert len(survey.doors.roles) == 1
    assert reasons(log) == [code]
    assert survey.counts == {meter.LOOKS_FAILED: 1}
    survey.clock.now += 2
    survey.doors.fault = None
    assert survey.look(opened(3)).group.name == "web"


def test_one_account_that_refuses_does_not_silence_another(opened):
    survey = Survey(fault=refused("AccessDenied"))
    survey.look(opened())
    survey.doors.fault = None
    assert survey.look(opened(recipientAccountId="444455556666")).group.name == "web"


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "Throttling", "ThrottlingException"])
def test_an_account_that_is_throttled_is_left_alone_for_a_minute_in_every_region(opened, log, code):
    survey = Survey(Ec2(describe_network_interfaces=refused(code)))
    seen = survey.look(opened())
    assert seen.attached is None
    assert seen.group.name == "web"
    asked = len(survey.ec2.asked)
    survey.look(opened(2, awsRegion="eu-north-1"))
    survey.clock.now += 59
    survey.look(opened(3))
    assert len(survey.ec2.asked) == asked
    assert reasons(log) == [code]
    survey.clock.now += 2
    survey.look(opened(4))
    assert len(survey.ec2.asked) > asked


FAULTS = [
    ReadTimeoutError(endpoint_url="https://ec2.example"),
    ConnectTimeoutError(endpoint_url="https://ec2.example"),
    EndpointConnectionError(endpoint_url="https://ec2.example"),
    refused("InternalError"),
    KeyError("an answer of another shape"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_an_account_that_does_not_answer_in_a_region_is_left_alone_there_for_a_while(opened, log, fault):
    survey = Survey(Ec2(describe_security_group_rules=fault))
    assert survey.look(opened()).rules is None
    assert survey.learnt == []
    asked = len(survey.ec2.asked)
    survey.clock.now += 29
    survey.look(opened(2))
    assert len(survey.ec2.asked) == asked
    survey.look(opened(3, awsRegion="eu-north-1"))
    assert len(survey.ec2.asked) > asked
    asked = len(survey.ec2.asked)
    survey.clock.now += 2
    survey.look(opened(4))
    assert len(survey.ec2.asked) > asked
    assert not any("example" in record.getMessage() + str(vars(record)) for record in log.records)


def test_a_region_that_fails_two_accounts_is_left_alone_by_all_unless_one_had_an_answer(opened):
    def accounts_asked_after(*faulty):
        survey = Survey()
        for account in ("111122223333", "444455556666", "999988887777"):
            survey.ec2.answers["describe_security_group_rules"] = (
                ReadTimeoutError(endpoint_url="https://ec2.example")
                if account in faulty
                else {"SecurityGroupRules": []}
            )
            survey.look(opened(recipientAccountId=account))
        return len(survey.ec2.requests("describe_security_group_rules"))

    assert accounts_asked_after("111122223333") == 3
    assert accounts_asked_after("111122223333", "999988887777") == 3
    assert accounts_asked_after("111122223333", "444455556666") == 2


def test_an_sts_that_does_not_answer_is_left_alone_by_everybody(opened):
    survey = Survey(fault=ReadTimeoutError(endpoint_url="https://sts.example"))
    survey.look(opened())
    survey.look(opened(recipientAccountId="444455556666", awsRegion="eu-north-1"))
    assert len(survey.doors.roles) == 1
    survey.clock.now += 31
    survey.look(opened(2))
    assert len(survey.doors.roles) == 2


@pytest.mark.parametrize("region", ["not a region", "../../x"])
def test_a_region_of_which_no_client_can_be_made_is_a_failed_look(opened, region):
    survey = Survey()

    def none(*_):
        raise ValueError(region)

    survey.doors.ec2_of = none
    assert survey.look(opened(awsRegion=region)) == NOTHING_SEEN
    assert survey.counts == {meter.LOOKS_FAILED: 1}


def test_what_answers_late_is_not_waited_for_and_what_came_in_time_is_told(opened, log):
    release = threading.Event()
    slow = Ec2(describe_network_interfaces=lambda _: release.wait(20) and OPEN)
    survey = Survey(slow)
    start = time.monotonic()
    seen = survey.look(opened())
    took = time.monotonic() - start
    release.set()
    assert 1.4 < took < 2.5
    assert seen.attached is None
    assert seen.group.name == "web"
    assert reasons(log) == ["TimeoutError"]


def test_a_door_that_opens_late_is_not_waited_for(opened, log):
    survey = Survey(slow=3.0)
    start = time.monotonic()
    assert survey.look(opened()) == NOTHING_SEEN
    assert 1.4 < time.monotonic() - start < 2.5
    assert reasons(log) == ["TimeoutError"]


def test_the_questions_of_a_look_are_asked_at_the_same_time(opened):
    together = threading.Barrier(3, timeout=5)

    def meet(answer):
        def wait_for_the_others(_request):
            together.wait()
            return answer

        return wait_for_the_others

    ec2 = Ec2()
    survey = Survey(Ec2(**{name: meet(ec2.answers[name]) for name in list(ec2.answers) if name != "describe_tags"}))
    assert survey.look(opened()).attached.interfaces == 0


def test_no_secret_and_no_text_of_aws_is_in_the_log(opened, log):
    survey = Survey(Ec2(describe_security_groups=refused("UnauthorizedOperation")))
    survey.look(opened())
    written = " ".join(record.getMessage() + str(vars(record)) for record in log.records)
    assert "UnauthorizedOperation" in written
    assert not any(secret in written for secret in ("sEcReT", "tOkEn", "user/secret"))


def test_clients_of_the_places_last_looked_at_are_kept_and_no_others(opened):
    survey = Survey()
    for number in range(80):
        survey.look(opened(awsRegion=f"xx-test-{number}"))
    survey.clock.now += 61
    survey.look(opened(2, awsRegion="xx-test-79"))
    assert len(survey.doors.clients) == 80
    survey.look(opened(2, awsRegion="xx-test-0"))
    assert len(survey.doors.clients) == 81
    assert len(survey.doors.roles) == 1


def test_threads_are_made_by_the_first_look_only(opened, build):
    survey = Survey()
    assert "_pool" not in vars(survey.surveyor)
    survey.look(alert(build.authorize(build.item(), **build.refused())))
    assert "_pool" not in vars(survey.surveyor)
    survey.look(opened())
    assert isinstance(vars(survey.surveyor)["_pool"], ThreadPoolExecutor)
