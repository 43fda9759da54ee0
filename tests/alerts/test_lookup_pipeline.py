"""Where the look stands in the chain: after it is known that somebody hears of it, and before the words."""

import json

import pytest

from gatewatch.alerts.lookup.context import NOTHING_SEEN
from gatewatch.alerts.pipeline import Hub, worded
from gatewatch.alerts.rule_history import RecentRules
from gatewatch.config.accounts import READ_ROLE
from gatewatch.config.settings import load_settings
from gatewatch.events.decode import decode
from gatewatch.rendering.slack import load_templates
from support.lookup import CALLED, GROUP, ROOT, Ec2, Survey, instance, refused

TEMPLATES = load_templates(ROOT / "templates", ("en",))
ACCOUNTS = f'accounts: {{"111122223333": {{alias: payments, read_role: {READ_ROLE}}}}}'
ROOM = "destinations: {room: {kind: slack_webhook, url: {ssm: /gatewatch/room}}}\n"
EVERYTHING = ROOM + "routes: [{to: [room]}]\n"
MUTED = """exceptions:
- {id: web, match: {group: %s}, effect: mute, owner: "@web", reason: x, ticket: T-1, expires: 2027-01-31}
"""


@pytest.fixture
def told(tmp_path, build):
    """What becomes of a call: the look, and what is worded of it."""

    def tell(policy, record=None, survey=None, **hub):
        (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
        (tmp_path / "policy.yaml").write_text(policy)
        settings = load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")
        survey = survey or Survey(Ec2(describe_network_interfaces={"NetworkInterfaces": [instance(1, public=True)]}))
        (call,) = decode(json.loads(json.dumps(record or build.authorize(build.item(v4=["0.0.0.0/0"])))), "event")
        parts = {"memory": RecentRules(), "now": lambda: CALLED, "look": survey.look} | hub
        return survey, worded(call, Hub(settings, templates=TEMPLATES, **parts))

    return tell


def fields(told):
    (message,) = told.messages
    return [each["text"] for each in json.loads(message.body)["attachments"][0]["blocks"][1]["fields"]]


def test_a_message_says_what_was_seen(told):
    survey, told = told(EVERYTHING)
    assert any(each.startswith("*Attached to*\n1 interface, 1 with a public address") for each in fields(told))
    assert f"*Security group*\n`{GROUP}`\n`web`\n`vpc-0ddddddddddddddd4`" in fields(told)
    assert len(survey.doors.roles) == 1


def test_what_is_muted_or_goes_nowhere_is_not_asked(told):
    survey, muted = told(EVERYTHING + MUTED % GROUP)
    assert (muted.messages, muted.muted) == ((), 1)
    assert survey.doors.roles == []
    survey, unheard = told(ROOM + "routes: [{to: [room], match: {account: '444455556666'}}]")
    assert unheard.messages == ()
    assert survey.doors.roles == []


def test_who_hears_of_it_does_not_depend_on_a_name_that_was_only_seen(told):
    _, muted_by_name = told(EVERYTHING + MUTED % "web")
    assert len(muted_by_name.messages) == 1
    _, routed_by_name = told(EVERYTHING.replace("to: [room]", "to: [room], match: {group: web}"))
    assert routed_by_name.messages == ()
    _, judged = told(EVERYTHING)
    assert judged.judged.changes[0].change.group.name is None


@pytest.mark.parametrize("fault", ["role", "everything"])
def test_a_look_that_fails_costs_nothing_but_its_lines(told, fault):
    without = told(EVERYTHING, look=None)[1].messages
    ec2 = Ec2(**dict.fromkeys(Ec2().answers, refused("RequestLimitExceeded")))
    survey = Survey(ec2) if fault == "everything" else Survey(fault=refused("AccessDenied"))
    assert told(EVERYTHING, survey=survey)[1].messages == without


def test_the_severity_is_that_of_the_call_whatever_stands_behind_the_gate(told):
    nothing = Survey(Ec2())
    for survey in (None, nothing):
        assert told(EVERYTHING, survey=survey)[1].alert.severity == "critical"
    assert told(EVERYTHING, look=lambda _: NOTHING_SEEN)[1].alert.severity == "critical"


def test_an_outbound_rule_that_was_modified_is_no_false_alarm(told, build):
    rule = {"SecurityGroupRuleId": build.RULE, "IsEgress": True, "IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0"}
    seen = {"SecurityGroupRules": [rule | {"FromPort": -1, "ToPort": -1, "GroupId": GROUP}]}
    record = build.modify((build.RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}))
    assert told(EVERYTHING, record, look=None)[1].alert.severity == "critical"
    survey, outbound = told(EVERYTHING, record, Survey(Ec2(describe_security_group_rules=seen)))
    assert outbound.alert.severity == outbound.judged.severity == "info"
    assert not any("Attached to" in each for each in fields(outbound))
    assert len(survey.learnt) == 1


def test_an_exception_holds_for_the_rule_as_it_is_known_at_last(told, build):
    policy = EVERYTHING + MUTED % f"{GROUP}, port: 22"
    rule = {"SecurityGroupRuleId": build.RULE, "IsEgress": False, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    entry = {"SecurityGroupRuleId": build.RULE, "Description": "x", "tag": 1}
    name = "UpdateSecurityGroupRuleDescriptionsIngress"
    record = build.wrapped(name, {"GroupId": GROUP, "SecurityGroupRuleDescription": entry})
    seen = {"SecurityGroupRules": [rule | {"CidrIpv4": "10.0.0.0/8", "GroupId": GROUP}]}
    assert len(told(policy, record, look=None)[1].messages) == 1
    _, known = told(policy, record, Survey(Ec2(describe_security_group_rules=seen)))
    assert (known.messages, known.muted) == ((), 1)
