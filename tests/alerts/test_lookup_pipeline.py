"""The lookup within the pipeline: after routing is known and before rendering."""

import json

import pytest

from gatewatch.alerts.lookup.context import NO_CONTEXT
from gatewatch.alerts.pipeline import AlertPipeline, run_pipeline
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.accounts import LOOKUP_ROLE
from gatewatch.config.settings import load_settings
from gatewatch.events.decoding import decode
from support.lookup import CALL_TIME, GROUP, Ec2, LookupHarness, client_error, instance
from support.rendering import SLACK

ACCOUNTS = f'accounts: {{"111122223333": {{alias: payments, read_role: {LOOKUP_ROLE}}}}}'
ROOM = "destinations: {room: {kind: slack_webhook, url: {ssm: /gatewatch/room}}}\n"
EVERYTHING = ROOM + "routes: [{to: [room]}]\n"
SUPPRESSED = """exceptions:
- {id: web, match: {group: %s}, effect: mute, owner: "@web", reason: x, ticket: T-1, expires: 2027-01-31}
"""


@pytest.fixture
def run(tmp_path, build):
    """Return the lookup harness and the pipeline result of a call."""

    def run_one(policy, record=None, harness=None, **hub):
        (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
        (tmp_path / "policy.yaml").write_text(policy)
        settings = load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")
        harness = harness or LookupHarness(
            Ec2(describe_network_interfaces={"NetworkInterfaces": [instance(1, public=True)]})
        )
        (call,) = decode(json.loads(json.dumps(record or build.authorize(build.item(v4=["0.0.0.0/0"])))), "event")
        parts = {"rule_history": InMemoryRuleHistory(), "now": lambda: CALL_TIME, "lookup": harness.fetch} | hub
        return harness, run_pipeline(call, AlertPipeline(settings, **parts))

    return run_one


def fields(result):
    (message,) = result.messages
    return [each["text"] for each in SLACK.render(message)["attachments"][1]["blocks"][0]["fields"]]


def test_a_message_shows_the_looked_up_context(run):
    harness, result = run(EVERYTHING)
    assert any(each.startswith("*Attached to*\n1 interface, 1 with a public address") for each in fields(result))
    assert f"*Security group*\n`{GROUP}`\n`web`\n`vpc-0ddddddddddddddd4`" in fields(result)
    assert len(harness.aws.roles) == 1


def test_a_suppressed_or_unrouted_alert_is_not_looked_up(run):
    harness, suppressed = run(EVERYTHING + SUPPRESSED % GROUP)
    assert (suppressed.messages, suppressed.suppressed) == ((), 1)
    assert harness.aws.roles == []
    harness, unrouted = run(ROOM + "routes: [{to: [room], match: {account: '444455556666'}}]")
    assert unrouted.messages == ()
    assert harness.aws.roles == []


def test_routing_does_not_depend_on_a_looked_up_name(run):
    _, suppressed_by_name = run(EVERYTHING + SUPPRESSED % "web")
    assert len(suppressed_by_name.messages) == 1
    _, routed_by_name = run(EVERYTHING.replace("to: [room]", "to: [room], match: {group: web}"))
    assert routed_by_name.messages == ()
    _, unsuppressed = run(EVERYTHING)
    assert unsuppressed.unsuppressed.changes[0].change.group.name is None


@pytest.mark.parametrize("fault", ["role", "everything"])
def test_a_failed_lookup_costs_only_its_lines(run, fault):
    without = run(EVERYTHING, lookup=None)[1].messages
    ec2 = Ec2(**dict.fromkeys(Ec2().answers, client_error("RequestLimitExceeded")))
    harness = LookupHarness(ec2) if fault == "everything" else LookupHarness(error=client_error("AccessDenied"))
    assert run(EVERYTHING, harness=harness)[1].messages == without


def test_the_severity_does_not_depend_on_network_interfaces(run):
    nothing = LookupHarness(Ec2())
    for harness in (None, nothing):
        assert run(EVERYTHING, harness=harness)[1].alert.severity == "critical"
    assert run(EVERYTHING, lookup=lambda _: NO_CONTEXT)[1].alert.severity == "critical"


def test_a_modified_outbound_rule_is_not_reported_as_inbound(run, build):
    rule = {"SecurityGroupRuleId": build.RULE, "IsEgress": True, "IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0"}
    seen = {"SecurityGroupRules": [rule | {"FromPort": -1, "ToPort": -1, "GroupId": GROUP}]}
    record = build.modify((build.RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}))
    assert run(EVERYTHING, record, lookup=None)[1].alert.severity == "critical"
    harness, outbound = run(EVERYTHING, record, LookupHarness(Ec2(describe_security_group_rules=seen)))
    assert outbound.alert.severity == outbound.unsuppressed.severity == "info"
    assert not any("Attached to" in each for each in fields(outbound))
    assert len(harness.recorded) == 1


def test_an_exception_is_applied_to_the_completed_rule(run, build):
    policy = EVERYTHING + SUPPRESSED % f"{GROUP}, port: 22"
    rule = {"SecurityGroupRuleId": build.RULE, "IsEgress": False, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    entry = {"SecurityGroupRuleId": build.RULE, "Description": "x", "tag": 1}
    name = "UpdateSecurityGroupRuleDescriptionsIngress"
    record = build.wrapped(name, {"GroupId": GROUP, "SecurityGroupRuleDescription": entry})
    seen = {"SecurityGroupRules": [rule | {"CidrIpv4": "10.0.0.0/8", "GroupId": GROUP}]}
    assert len(run(policy, record, lookup=None)[1].messages) == 1
    _, known = run(policy, record, LookupHarness(Ec2(describe_security_group_rules=seen)))
    assert (known.messages, known.suppressed) == ((), 1)
