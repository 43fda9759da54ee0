"""Changes by gatewatch's own roles are attributed by the action log; other uses of a role are reported."""

import json
import logging
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from gatewatch.alerts.own_actions import (
    ActionLog,
    ActionLookup,
    OwnAction,
    action_id,
    key_action_id,
    rule_action_id,
)
from gatewatch.alerts.own_role_attribution import Attribution
from gatewatch.alerts.pipeline import AlertPipeline, run_pipeline
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.model.change import Action
from gatewatch.model.iam import IamOperation
from gatewatch.model.security_group import CidrPeer, Direction, GroupPeer, IcmpType, PortRange, PrefixListPeer, Traffic
from gatewatch.model.security_group import SecurityGroupRule as Rule
from gatewatch.model.severity import Severity
from gatewatch.rendering.text.labels import load_labels
from support.paths import ROOT
from support.rendering import slack_text
from support.tables import create_table

ACCOUNT, GROUP, REGION = "111122223333", "sg-0aaaaaaaaaaaaaaa1", "eu-west-1"
ROLE = "gatewatch/gatewatch-remediation"
AT = datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC).timestamp()
SSH = Traffic("tcp", ports=PortRange(22, 22))
WORLD = CidrPeer("0.0.0.0/0")
RULE_ID = "sgr-0123456789abcdef0"


def session(role=ROLE, account=ACCOUNT, name="gatewatch-config-rule", **fields):
    """`userIdentity` of a session: CloudTrail drops the role's path from `arn` and keeps it in `sessionIssuer`."""
    short = role.rpartition("/")[2]
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLEEXAMPLE001:{name}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{short}/{name}",
        "accountId": account,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLEEXAMPLE001",
                "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account,
                "userName": short,
            }
        },
    } | fields


def answered(**rule):
    whole = {"groupId": GROUP, "securityGroupRuleId": RULE_ID, "isEgress": False, "ipProtocol": "tcp"}
    return whole | {"fromPort": 22, "toPort": 22, "cidrIpv4": "0.0.0.0/0"} | rule


@pytest.fixture
def opened(build, results):
    """Return the alert of an applied authorization with `user` as identity."""

    def make(user=None, **rule):
        response = {"_return": True, "securityGroupRuleSet": {"items": [answered(**rule)]}}
        record = build.authorize(build.item(v4=["0.0.0.0/0"]), response=response, userIdentity=user or session())
        (alert,) = results(json.dumps(record))
        return alert

    return make


@pytest.fixture
def closed(build, results):
    """Return the alert of a removal by rule id, whose response does not contain the rule."""

    def make(**fields):
        request = {"groupId": GROUP, "securityGroupRuleIds": {"items": [{"securityGroupRuleId": RULE_ID}]}}
        answer = {"_return": True, "revokedSecurityGroupRuleSet": {"items": [answered()]}}
        whole = {"userIdentity": session(), "responseElements": answer} | fields
        (alert,) = results(json.dumps(build.record("RevokeSecurityGroupIngress", request, **whole)))
        return alert

    return make


ADDED = rule_action_id(ACCOUNT, REGION, GROUP, Action.AUTHORIZE, Rule(traffic=SSH, peer=WORLD))
REMOVED = rule_action_id(ACCOUNT, REGION, GROUP, Action.REVOKE, Rule(rule_id=RULE_ID))


def attributed(alert, **actions):
    """Return the alert attributed with these logged actions."""
    logged = {{"added": ADDED, "removed": REMOVED}[name]: action for name, action in actions.items()}
    found = Attribution((ROLE,), lambda names: {name: logged[name] for name in names if name in logged})
    return found.attribute(alert)


def codes(alert):
    return [reason.code for each in alert.changes for reason in each.assessment.reasons]


def test_an_own_removal_is_attributed_and_keeps_its_severity(closed):
    before = closed()
    after = attributed(before, removed=OwnAction("chg-1", AT))
    assert after.severity is before.severity is Severity.INFO
    (reason, *others) = after.worst.assessment.reasons
    assert (reason.code, reason.values, tuple(others)) == (
        "own_enforcement",
        {"change": "chg-1"},
        before.worst.assessment.reasons,
    )


def test_an_own_opening_is_attributed_and_stays_critical(opened):
    alert = attributed(opened(), added=OwnAction("chg-1", AT, is_undo=True))
    assert (alert.severity, codes(alert)[0]) == (Severity.CRITICAL, "own_undo")


@pytest.mark.parametrize(("port", "code"), [(22, "own_enforcement"), (3389, "own_role_used")])
def test_an_own_modification_is_attributed_by_rule_id_and_content(results, build, port, code):
    rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIpv4": "0.0.0.0/0"}
    change = {"SecurityGroupRuleId": RULE_ID, "tag": 1, "SecurityGroupRule": rule}
    request = {"ModifySecurityGroupRulesRequest": {"GroupId": GROUP, "SecurityGroupRule": change}}
    answer = {"ModifySecurityGroupRulesResponse": {"return": True}}
    event = build.record("ModifySecurityGroupRules", request, userIdentity=session(), responseElements=answer)
    (alert,) = results(json.dumps(event))
    logged = rule_action_id(ACCOUNT, REGION, GROUP, Action.MODIFY, Rule(rule_id=RULE_ID, traffic=SSH, peer=WORLD))
    found = Attribution((ROLE,), lambda names: dict.fromkeys({logged} & set(names), OwnAction("chg-1", AT)))
    assert codes(found.attribute(alert))[0] == code


def test_an_unlogged_removal_by_the_role_is_high(closed):
    alert = attributed(closed())
    assert (alert.severity, codes(alert)[0]) == (Severity.HIGH, "own_role_used")


def test_an_unlogged_opening_by_the_role_stays_critical_with_a_reason(opened):
    alert = attributed(opened(), removed=OwnAction("chg-1", AT))
    assert (alert.severity, codes(alert)[0]) == (Severity.CRITICAL, "own_role_used")


@pytest.mark.parametrize(
    "other",
    [
        {"fromPort": 23, "toPort": 23},
        {"cidrIpv4": "198.51.100.0/24"},
        {"groupId": "sg-0bbbbbbbbbbbbbbb2"},
        {"isEgress": True},
    ],
)
def test_a_logged_action_covers_no_other_change(opened, other):
    alert = opened(**other)
    alert = attributed(alert, added=OwnAction("chg-1", AT))
    assert (alert.severity.rank >= Severity.HIGH.rank, codes(alert)[0]) == (True, "own_role_used")


@pytest.mark.parametrize(
    "user",
    [
        session(role="ci"),
        session(role="gatewatch-remediation"),
        session(role=f"x/{ROLE}"),
        session(account="444455556666"),
        session() | {"sessionContext": {}},
        session() | {"sessionContext": {"sessionIssuer": "arn:aws:iam::111122223333:role/" + ROLE}},
        session() | {"type": "IAMUser"},
        {"type": "IAMUser", "userName": "gatewatch-config-rule", "arn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"},
    ],
)
def test_session_names_and_other_roles_are_not_attributed(opened, user):
    alert = opened(user)
    assert attributed(alert, added=OwnAction("chg-1", AT)) == alert
    assert attributed(alert) == alert


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_role_is_recognised_in_every_partition(closed, partition):
    user = json.loads(json.dumps(session()).replace("arn:aws:", f"arn:{partition}:"))
    assert codes(attributed(closed(userIdentity=user), removed=OwnAction("chg-1", AT)))[0] == "own_enforcement"


@pytest.mark.parametrize(("before", "code"), [(0, "own_enforcement"), (900, "own_enforcement"), (901, "own_role_used")])
def test_a_logged_action_is_valid_for_the_run_time_of_a_function(closed, before, code):
    assert codes(attributed(closed(), removed=OwnAction("chg-1", AT - before)))[0] == code


def test_a_replayed_event_with_an_overwritten_row_is_unchanged(opened):
    alert = opened()
    assert attributed(alert, added=OwnAction("chg-2", AT + 86400)) == alert


def test_an_unreadable_log_changes_nothing(opened, closed):
    silent = Attribution((ROLE,), lambda _: None)
    for alert in (opened(), closed()):
        assert silent.attribute(alert) == alert


def test_a_denied_call_of_the_role_is_unchanged(closed, build):
    alert = closed(**build.denied())
    assert attributed(alert) == alert


def test_any_other_change_by_the_role_is_high(build, results):
    for record in (
        build.record("CreateSecurityGroup", {"groupName": "a"}, {"groupId": GROUP}, userIdentity=session()),
        build.record("CreateUser", {"userName": "x"}, {}, eventSource="iam.amazonaws.com", userIdentity=session()),
    ):
        (alert,) = results(json.dumps(record))
        assert codes(attributed(alert))[0] == "own_role_used"
        assert attributed(alert).severity is Severity.HIGH


@pytest.mark.parametrize(
    ("event", "status", "operation"),
    [
        ("UpdateAccessKey", "Inactive", IamOperation.KEY_DEACTIVATED),
        ("UpdateAccessKey", "Active", IamOperation.KEY_ACTIVATED),
        ("DeleteAccessKey", None, IamOperation.KEY_DELETED),
    ],
)
def test_key_rotation_is_attributed(build, results, event, status, operation):
    request = {"userName": "bob", "accessKeyId": "AKIAEXAMPLEEXAMPLE01"} | ({"status": status} if status else {})
    user = session("gatewatch-access-keys")
    record = build.record(event, request, None, eventSource="iam.amazonaws.com", userIdentity=user)
    (alert,) = results(json.dumps(record))
    name = key_action_id(ACCOUNT, "bob", "AKIA…LE01", operation)
    assert action_id(alert.call, alert.worst.change) == name
    attribution = Attribution(
        (ROLE, "gatewatch-access-keys"), lambda names: dict.fromkeys(names, OwnAction("key-1", AT))
    )
    assert codes(attribution.attribute(alert))[0] == "own_enforcement"


FORMS = [
    (
        Rule(traffic=Traffic("udp", ports=PortRange(0, 65535)), peer=CidrPeer("2001:db8::/32")),
        {"ipProtocol": "udp", "fromPort": 0, "toPort": 65535, "cidrIpv4": None, "cidrIpv6": "2001:db8::/32"},
    ),
    (
        Rule(traffic=Traffic("all"), peer=PrefixListPeer("pl-0ccccccccccccccc3")),
        {"ipProtocol": "-1", "fromPort": -1, "toPort": -1, "cidrIpv4": None, "prefixListId": "pl-0ccccccccccccccc3"},
    ),
    (
        Rule(traffic=Traffic("icmp", icmp=IcmpType(8, -1)), peer=WORLD),
        {"ipProtocol": "icmp", "fromPort": 8, "toPort": -1},
    ),
    (Rule(traffic=Traffic("50"), peer=WORLD), {"ipProtocol": "50", "fromPort": -1, "toPort": -1}),
    (
        Rule(traffic=SSH, peer=GroupPeer("sg-0bbbbbbbbbbbbbbb2")),
        {"cidrIpv4": None, "referencedGroupInfo": {"groupId": "sg-0bbbbbbbbbbbbbbb2", "userId": ACCOUNT}},
    ),
    (
        Rule(traffic=SSH, peer=GroupPeer("sg-0bbbbbbbbbbbbbbb2", "444455556666", foreign=True)),
        {"cidrIpv4": None, "referencedGroupId": "sg-0bbbbbbbbbbbbbbb2"},
    ),
]


@pytest.mark.parametrize(("rule", "event_rule"), FORMS)
def test_a_new_rule_has_one_action_id_in_the_plan_and_in_the_event(opened, rule, event_rule):
    alert = opened(**event_rule)
    planned = rule_action_id(ACCOUNT, REGION, GROUP, Action.AUTHORIZE, rule)
    assert action_id(alert.call, alert.worst.change) == planned
    assert alert.worst.change.rule.direction is Direction.INGRESS


@pytest.fixture
def dynamodb():
    with mock_aws():
        aws = Aws(boto3.Session("testing", "testing", "testing", region_name=REGION))
        create_table(aws.dynamodb, "gatewatch-test")
        yield aws.dynamodb


def lookup(dynamodb, **fields):
    table = HubTable(dynamodb, "gatewatch-test")
    return ActionLookup(table, logging.getLogger("test"), **{"monotonic": lambda: 0.0} | fields)


def test_only_logged_actions_are_found(dynamodb):
    action = OwnAction("chg-1", AT, is_undo=True)
    ActionLog(HubTable(dynamodb, "gatewatch-test")).record([ADDED, "x" * 5000, "\ud800"], action)
    assert lookup(dynamodb).lookup({ADDED, REMOVED}) == {ADDED: action}
    assert lookup(dynamodb).lookup({"x" * 5000, "\ud800"}) == {"x" * 5000: action, "\ud800": action}
    assert lookup(dynamodb).lookup(()) == {}


def test_an_action_that_cannot_be_logged_raises(dynamodb):
    with pytest.raises(match="the action log cannot be written: ResourceNotFoundException"):
        ActionLog(HubTable(dynamodb, "gone")).record([ADDED], OwnAction("chg-1", AT))


class FailingTable:
    def __init__(self, answer):
        self.answer, self.asked = answer, 0

    def batch_get_item(self, **_):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "BatchGetItem"),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
        {"Responses": {}, "UnprocessedKeys": {"gatewatch-test": {"Keys": []}}},
        {"Responses": {"gatewatch-test": [{"pk": {"S": "own-action#of-another-form"}}]}},
    ],
)
def test_an_unavailable_table_gives_none_and_pauses_requests(answer):
    broken, clock = FailingTable(answer), [100.0]
    reader = lookup(broken, monotonic=lambda: clock[0])
    assert reader.lookup({ADDED}) is None
    requests = broken.asked
    assert reader.lookup({ADDED}) is None
    assert broken.asked == requests
    clock[0] += 31
    assert reader.lookup({ADDED}) is None
    assert broken.asked > requests


def test_more_changes_than_gatewatch_makes_are_not_looked_up():
    broken = FailingTable({})
    assert lookup(broken).lookup({f"{number}" for number in range(101)}) is None
    assert broken.asked == 0


def hub(**fields):
    settings = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
    return AlertPipeline(settings, InMemoryRuleHistory(), **fields)


def test_the_message_shows_the_attribution_in_every_language_and_nothing_is_suppressed(closed):
    attribution = Attribution((ROLE,), lambda names: dict.fromkeys(names, OwnAction("chg-1", AT)))
    plain, result = (
        run_pipeline(closed().call, hub()),
        run_pipeline(closed().call, hub(attribute=attribution.attribute)),
    )
    assert [each.key for each in result.messages] == [each.key for each in plain.messages]
    assert all("chg-1" in slack_text(each) for each in result.messages)
    (reason, *_) = result.alert.worst.assessment.reasons
    assert all("chg-1" in load_labels(ROOT / "templates", language).reason_text(reason) for language in LANGUAGES)
