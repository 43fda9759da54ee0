"""gatewatch knows its own work again by what it wrote down, and says loudly when its role works for somebody else."""

import json
import logging
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from gatewatch.alerts.own_actions import DeedBook, DeedError, OwnDeed, TableDeeds, deed_of, key_deed, rule_deed
from gatewatch.alerts.own_role_attribution import Attribution
from gatewatch.alerts.pipeline import Hub, worded
from gatewatch.alerts.rule_history import RecentRules
from gatewatch.aws.clients import Aws
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.model.iam import Deed
from gatewatch.model.security_group import CidrPeer, Direction, GroupPeer, IcmpType, PortRange, PrefixListPeer, Traffic
from gatewatch.model.security_group import SecurityGroupRule as Rule
from gatewatch.model.severity import Severity
from gatewatch.rendering.slack import load_templates
from gatewatch.rendering.text.labels import load_labels
from support.paths import ROOT

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
    """The alert of an applied authorisation, as whoever `user` is."""

    def make(user=None, **rule):
        response = {"_return": True, "securityGroupRuleSet": {"items": [answered(**rule)]}}
        record = build.authorize(build.item(v4=["0.0.0.0/0"]), response=response, userIdentity=user or session())
        (alert,) = results(json.dumps(record))
        return alert

    return make


@pytest.fixture
def closed(build, results):
    """The alert of a removal by rule id; older answers do not repeat what the rule was."""

    def make(**fields):
        request = {"groupId": GROUP, "securityGroupRuleIds": {"items": [{"securityGroupRuleId": RULE_ID}]}}
        answer = {"_return": True, "revokedSecurityGroupRuleSet": {"items": [answered()]}}
        whole = {"userIdentity": session(), "responseElements": answer} | fields
        (alert,) = results(json.dumps(build.record("RevokeSecurityGroupIngress", request, **whole)))
        return alert

    return make


ADDED = rule_deed(ACCOUNT, REGION, GROUP, Rule(traffic=SSH, peer=WORLD), is_removal=False)
REMOVED = rule_deed(ACCOUNT, REGION, GROUP, Rule(rule_id=RULE_ID), is_removal=True)


def attributed(alert, **deeds):
    """With these deeds in the table."""
    written = {{"added": ADDED, "removed": REMOVED}[name]: deed for name, deed in deeds.items()}
    found = Attribution((ROLE,), lambda names: {name: written[name] for name in names if name in written})
    return found.attributed(alert)


def codes(alert):
    return [reason.code for each in alert.changes for reason in each.assessment.reasons]


def test_its_own_removal_is_named_and_stays_what_it_was(closed):
    alert = closed()
    told = attributed(alert, removed=OwnDeed("chg-1", AT))
    assert told.severity is alert.severity is Severity.INFO
    (reason, *rest) = told.worst.assessment.reasons
    assert (reason.code, reason.values, tuple(rest)) == (
        "own_enforcement",
        {"change": "chg-1"},
        alert.worst.assessment.reasons,
    )


def test_its_own_opening_is_named_and_stays_critical(opened):
    told = attributed(opened(), added=OwnDeed("chg-1", AT, is_undo=True))
    assert (told.severity, codes(told)[0]) == (Severity.CRITICAL, "own_undo")


def test_a_removal_by_the_role_that_nobody_wrote_down_is_loud(closed):
    told = attributed(closed())
    assert (told.severity, codes(told)[0]) == (Severity.HIGH, "own_role_used")


def test_an_opening_by_the_role_that_nobody_wrote_down_stays_critical_and_is_said(opened):
    told = attributed(opened(), removed=OwnDeed("chg-1", AT))
    assert (told.severity, codes(told)[0]) == (Severity.CRITICAL, "own_role_used")


@pytest.mark.parametrize(
    "other",
    [
        {"fromPort": 23, "toPort": 23},
        {"cidrIpv4": "198.51.100.0/24"},
        {"groupId": "sg-0bbbbbbbbbbbbbbb2"},
        {"isEgress": True},
    ],
)
def test_what_was_written_down_covers_nothing_beside_it(opened, other):
    alert = opened(**other)
    told = attributed(alert, added=OwnDeed("chg-1", AT))
    assert (told.severity.rank >= Severity.HIGH.rank, codes(told)[0]) == (True, "own_role_used")


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
def test_a_session_name_or_another_role_is_nobody(opened, user):
    alert = opened(user)
    assert attributed(alert, added=OwnDeed("chg-1", AT)) == alert
    assert attributed(alert) == alert


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_role_is_known_in_every_partition(closed, partition):
    user = json.loads(json.dumps(session()).replace("arn:aws:", f"arn:{partition}:"))
    assert codes(attributed(closed(userIdentity=user), removed=OwnDeed("chg-1", AT)))[0] == "own_enforcement"


@pytest.mark.parametrize(("before", "code"), [(0, "own_enforcement"), (900, "own_enforcement"), (901, "own_role_used")])
def test_what_was_written_down_holds_for_as_long_as_a_function_runs(closed, before, code):
    assert codes(attributed(closed(), removed=OwnDeed("chg-1", AT - before)))[0] == code


def test_an_old_event_of_which_a_later_deed_has_taken_the_row_is_left_as_it_is(opened):
    alert = opened()
    assert attributed(alert, added=OwnDeed("chg-2", AT + 86400)) == alert


def test_what_the_table_does_not_say_changes_nothing(opened, closed):
    silent = Attribution((ROLE,), lambda _: None)
    for alert in (opened(), closed()):
        assert silent.attributed(alert) == alert


def test_a_refused_call_of_the_role_is_judged_as_ever(closed, build):
    alert = closed(**build.refused())
    assert attributed(alert) == alert


def test_whatever_else_the_role_does_is_loud(build, results):
    for record in (
        build.record("CreateSecurityGroup", {"groupName": "a"}, {"groupId": GROUP}, userIdentity=session()),
        build.record("CreateUser", {"userName": "x"}, {}, eventSource="iam.amazonaws.com", userIdentity=session()),
    ):
        (alert,) = results(json.dumps(record))
        assert codes(attributed(alert))[0] == "own_role_used"
        assert attributed(alert).severity is Severity.HIGH


@pytest.mark.parametrize(
    ("event", "status", "deed"),
    [
        ("UpdateAccessKey", "Inactive", Deed.KEY_DEACTIVATED),
        ("UpdateAccessKey", "Active", Deed.KEY_ACTIVATED),
        ("DeleteAccessKey", None, Deed.KEY_DELETED),
    ],
)
def test_the_keeper_of_access_keys_is_known_again_too(build, results, event, status, deed):
    request = {"userName": "bob", "accessKeyId": "AKIAEXAMPLEEXAMPLE01"} | ({"status": status} if status else {})
    user = session("gatewatch-access-keys")
    record = build.record(event, request, None, eventSource="iam.amazonaws.com", userIdentity=user)
    (alert,) = results(json.dumps(record))
    name = key_deed(ACCOUNT, "bob", "AKIA…LE01", deed)
    assert deed_of(alert.call, alert.worst.change) == name
    attribution = Attribution((ROLE, "gatewatch-access-keys"), lambda names: dict.fromkeys(names, OwnDeed("key-1", AT)))
    assert codes(attribution.attributed(alert))[0] == "own_enforcement"


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


@pytest.mark.parametrize(("rule", "told"), FORMS)
def test_a_new_rule_has_one_name_in_the_plan_and_in_the_event(opened, rule, told):
    alert = opened(**told)
    planned = rule_deed(ACCOUNT, REGION, GROUP, rule, is_removal=False)
    assert deed_of(alert.call, alert.worst.change) == planned
    assert alert.worst.change.rule.direction is Direction.INGRESS


@pytest.fixture
def dynamodb():
    with mock_aws():
        aws = Aws(boto3.Session("testing", "testing", "testing", region_name=REGION))
        aws.dynamodb.create_table(
            TableName="gatewatch-test",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        yield aws.dynamodb


def deeds(dynamodb, **fields):
    return TableDeeds(dynamodb, "gatewatch-test", logging.getLogger("test"), **fields)


def test_what_was_written_down_is_found_and_nothing_else(dynamodb):
    deed = OwnDeed("chg-1", AT, is_undo=True)
    DeedBook(dynamodb, "gatewatch-test").note([ADDED, "x" * 5000, "\ud800"], deed)
    assert deeds(dynamodb).look({ADDED, REMOVED}) == {ADDED: deed}
    assert deeds(dynamodb).look({"x" * 5000, "\ud800"}) == {"x" * 5000: deed, "\ud800": deed}
    assert deeds(dynamodb).look(()) == {}


def test_what_cannot_be_written_down_is_said(dynamodb):
    with pytest.raises(DeedError, match="cannot be written down: ResourceNotFoundException"):
        DeedBook(dynamodb, "gone").note([ADDED], OwnDeed("chg-1", AT))


class Broken:
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
        {"Responses": {"gatewatch-test": [{"pk": {"S": "deed#of-another-form"}}]}},
    ],
)
def test_a_table_that_does_not_answer_is_not_known_and_left_alone_for_a_while(answer):
    broken, clock = Broken(answer), [100.0]
    asked = deeds(broken, monotonic=lambda: clock[0])
    assert [asked.look({ADDED}), asked.look({ADDED})] == [None, None]
    assert broken.asked == 1
    clock[0] += 31
    assert asked.look({ADDED}) is None
    assert broken.asked == 2


def test_a_call_of_more_changes_than_gatewatch_ever_makes_is_not_asked_for():
    broken = Broken({})
    assert deeds(broken).look({f"{number}" for number in range(101)}) is None
    assert broken.asked == 0


def hub(**fields):
    settings = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
    return Hub(settings, RecentRules(), load_templates(ROOT / "templates", LANGUAGES), **fields)


def test_the_message_says_it_in_every_language_and_nothing_is_muted(closed):
    attribution = Attribution((ROLE,), lambda names: dict.fromkeys(names, OwnDeed("chg-1", AT)))
    plain, told = worded(closed().call, hub()), worded(closed().call, hub(attributed=attribution.attributed))
    assert [each.key for each in told.messages] == [each.key for each in plain.messages]
    assert all("chg-1" in each.body for each in told.messages)
    (reason, *_) = told.alert.worst.assessment.reasons
    assert all("chg-1" in load_labels(ROOT / "templates", language).reason_text(reason) for language in LANGUAGES)
