"""What to do about an alert: a sentence for every kind of change, and a command that undoes exactly the change."""

import json
import re
import shlex
from itertools import pairwise, product

import botocore.session
import msgspec
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.settings import LANGUAGES
from gatewatch.events.changes.registry import CALL_SPECS
from gatewatch.model.aws_cli import cli_arguments, cli_command
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.iam import Entity, IamFacts, IamOperation, SignInFacts, SignInKind
from gatewatch.model.monitoring import MonitoringComponent, MonitoringEffect, MonitoringFacts
from gatewatch.model.resource import Impact, Resource, ResourceFacts
from gatewatch.model.security_group import CidrPeer, Direction, Group, PortRange, SecurityGroupRule, Traffic
from gatewatch.model.severity import Assessment, Reason, Severity
from gatewatch.rendering.text.advice import advice_key
from gatewatch.rendering.text.undo import Undo, undo_of
from support.aws_cli import problems
from support.hostile import ATTACKS, EVENTS, SHAPE, alert_of_record, one_record, with_texts
from support.rendering import LOADED
from tools.example_calls import EXAMPLES, call_of, settings

LABELS = {language: LOADED.labels(language) for language in LANGUAGES}
SPECS = [spec for specs in CALL_SPECS.values() for spec in specs]
GROUP, RULE = "sg-0aaaaaaaaaaaaaaa1", "sgr-0bbbbbbbbbbbbbbb2"


def alert_of(example, **more):
    return assess_call(call_of(example.record(**more)), Assessor(settings(), InMemoryRuleHistory()))


def example(call, severity="high", number=0):
    return [each for each in EXAMPLES if each.name == call and each.expected["severity"] == severity][number]


def commands():
    alerts = [alert_of(each) for each in EXAMPLES] + [alert_of_record(one_record(each)) for each in EVENTS.values()]
    return sorted({undo_of(each).command for each in alerts if each} - {""})


@pytest.mark.parametrize("command", commands())
def test_every_command_is_one_that_the_services_of_aws_know(command):
    assert problems(command) == []


def json_arguments(command):
    """The arguments that are JSON, each with its shape in the model of EC2."""
    _, _, operation, *words = shlex.split(command)
    model = botocore.session.get_session().get_service_model("ec2")
    names = {botocore.xform_name(name, "-"): name for name in model.operation_names}
    members = model.operation_model(names[operation]).input_shape.members
    shapes = {botocore.xform_name(name, "-"): shape for name, shape in members.items()}
    for option, value in pairwise(words):
        if value.startswith("["):
            yield json.loads(value), shapes[option.removeprefix("--")]


@pytest.mark.parametrize("command", [each for each in commands() if " '[" in each])
def test_the_json_of_a_command_has_the_form_that_ec2_takes(command):
    for value, shape in json_arguments(command):
        assert ParamValidator().validate(value, shape).has_errors() is False


@pytest.mark.parametrize(
    ("call", "severity", "command"),
    [
        ("DeleteBucketPublicAccessBlock", "high", "aws s3api put-public-access-block --bucket b"),
        ("ModifySnapshotAttribute", "critical", "aws ec2 modify-snapshot-attribute --snapshot-id snap-1"),
        ("AddPermission20150331v2", "high", "aws lambda remove-permission --function-name f --statement-id s"),
        ("StopConfigurationRecorder", "high", "aws configservice start-configuration-recorder"),
        ("DisableKey", "high", "aws kms enable-key --key-id k"),
        ("CreateAccountAssignment", "medium", "aws sso-admin delete-account-assignment --instance-arn i"),
        ("DisableSnapshotBlockPublicAccess", "high", "aws ec2 enable-snapshot-block-public-access"),
        ("CreateRoute", "medium", "aws ec2 delete-route --route-table-id rtb-1 --destination-cidr-block 0.0.0.0/0"),
        ("DetachPolicy", "high", "aws organizations attach-policy --policy-id p-1 --target-id r-1"),
        ("DeleteAccountPublicAccessBlock", "high", "aws s3control put-public-access-block --account-id 111122223333"),
        ("ModifySubnetAttribute", "medium", "aws ec2 modify-subnet-attribute --subnet-id subnet-1 --no-map-public"),
    ],
)
def test_an_opening_has_the_command_that_undoes_it(call, severity, command):
    found = undo_of(alert_of(example(call, severity))).command
    assert found.startswith(command)
    assert found.endswith("--region eu-west-1")


@pytest.mark.parametrize(
    ("case", "command"),
    [
        (
            "world",
            (
                "ec2 revoke-security-group-ingress --group-id sg-0a1b2c3d4e5f60718"
                " --security-group-rule-ids sgr-07c211433f0207159"
            ),
        ),
        (
            "prefix-list-add-remove",
            (
                "ec2 restore-managed-prefix-list-version --prefix-list-id pl-0d4e5f60718293a4b"
                " --previous-version 3 --current-version 4"
            ),
        ),
        (
            "iam-administrator-attached",
            "iam detach-role-policy --role-name ci --policy-arn arn:aws:iam::aws:policy/AdministratorAccess",
        ),
        ("hub-rule-disabled", "events enable-rule --name gatewatch-security-group"),
    ],
)
def test_a_golden_event_has_the_command_that_undoes_it(case, command):
    alert = alert_of_record(one_record(EVENTS[case]))
    assert undo_of(alert).command == f"aws {command} --region {alert.call.region}"


def test_every_rule_that_a_call_opened_is_in_the_command():
    command = undo_of(alert_of_record(EVENTS["world-web"])).command
    ids = re.findall(r"sgr-\w+", json.dumps(EVENTS["world-web"]["detail"]["responseElements"]))
    assert re.findall(r"sgr-\w+", command) == list(dict.fromkeys(ids))


def rule_change(action, **more):
    rule = SecurityGroupRule(
        rule_id=RULE, direction=Direction.INGRESS, traffic=Traffic("tcp", PortRange(22, 22)), peer=CidrPeer("0.0.0.0/0")
    )
    return Change(
        family=Family.SECURITY_GROUP,
        action=action,
        outcome=Outcome.APPLIED,
        group=Group(id=GROUP),
        rule=rule,
        **more,
    )


def alert_with(*changes, severity=Severity.HIGH):
    alert = alert_of_record(EVENTS["world"])
    assessed = [
        msgspec.structs.replace(alert.changes[0], change=each, assessment=Assessment(severity, ())) for each in changes
    ]
    return msgspec.structs.replace(alert, changes=tuple(assessed))


def test_a_modified_rule_gets_its_earlier_values_back():
    before = SecurityGroupRule(
        traffic=Traffic("tcp", PortRange(22, 22)), peer=CidrPeer("198.51.100.7/32"), description="it's the office"
    )
    command = undo_of(alert_with(rule_change(Action.MODIFY, previous=before))).command
    words = shlex.split(command)
    assert words[:5] == ["aws", "ec2", "modify-security-group-rules", "--group-id", GROUP]
    (update,) = json.loads(words[6])
    assert update["SecurityGroupRuleId"] == RULE
    assert update["SecurityGroupRule"]["CidrIpv4"] == "198.51.100.7/32"
    assert update["SecurityGroupRule"]["Description"] == "it's the office"
    assert problems(command) == []
    assert undo_of(alert_with(rule_change(Action.MODIFY))).reason == "earlier"


def test_a_call_with_more_rules_than_one_command_should_have_says_so():
    assert undo_of(alert_with(*[rule_change(Action.AUTHORIZE)] * 21)).reason == "many"


def test_a_call_that_changed_nothing_has_nothing_to_undo():
    denied = undo_of(alert_of(example("DisableKey"), errorCode="AccessDenied"))
    assert (denied.command, denied.reason) == ("", "")
    assert undo_of(alert_of_record(EVENTS["narrow"])).reason == ""


def test_the_policy_with_which_aws_restricts_an_exposed_key_is_not_to_be_detached():
    alert = alert_of_record(EVENTS["iam-administrator-attached"])
    reasons = (Reason("key_exposed"),)
    exposed = [msgspec.structs.replace(each, assessment=Assessment(Severity.HIGH, reasons)) for each in alert.changes]
    assert undo_of(msgspec.structs.replace(alert, changes=tuple(exposed))) == Undo()


# ---- every kind of change ----


def kinds():
    """Facts of every kind of change that the tables of the calls give, by family."""
    user, policy = Entity("user", "u"), Entity("policy", "p", "arn:aws:iam::111122223333:policy/p")
    for impact in Impact:
        for family in (Family.NETWORK, Family.PUBLIC_ACCESS, Family.ORGANIZATION, Family.DETECTION, Family.ATTACHMENT):
            yield family, ResourceFacts(effect=impact, resource=Resource("bucket", "b"))
    for operation, target in product(IamOperation, (policy, None)):
        yield Family.IAM, IamFacts(operation=operation, entity=user, target=target)
    for kind in SignInKind:
        yield Family.SIGN_IN, SignInFacts(kind=kind, user_name="u")
    for component in MonitoringComponent:
        yield Family.HUB, MonitoringFacts(component=component, name="n", effect=MonitoringEffect.DISABLES)
    facts = ComplianceFacts(rule="r", resource_type="t", new="NON_COMPLIANT")
    yield Family.COMPLIANCE, facts
    for family in (Family.SECURITY_GROUP, Family.PREFIX_LIST, Family.ATTACHMENT):
        yield family, None


KINDS = list(kinds())


def test_every_family_and_action_of_the_tables_is_among_the_kinds():
    assert {family for family, _ in KINDS} == set(Family) >= {spec.family for spec in SPECS}


@pytest.mark.parametrize("action", sorted({spec.action for spec in SPECS} | set(Action)))
def test_every_kind_of_change_from_medium_on_says_what_to_do_and_how_or_why_it_cannot_be_undone(action):
    for family, facts in KINDS:
        change = Change(family=family, action=action, outcome=Outcome.APPLIED, facts=facts, resource_id="r")
        alert = alert_with(change, severity=Severity.MEDIUM)
        key, undo = advice_key(alert), undo_of(alert)
        has_nothing_to_undo = family in {Family.SIGN_IN, Family.COMPLIANCE}
        assert has_nothing_to_undo or bool(undo.command) is not bool(undo.reason), (family, facts)
        for labels in LABELS.values():
            assert labels.advice[key]
            assert not undo.reason or labels.no_undo[undo.reason]


@pytest.mark.parametrize(
    "each", [each for each in EXAMPLES if each.expected["severity"] in {"medium", "high", "critical"}]
)
def test_every_example_from_medium_on_says_what_to_do(each):
    alert = alert_of(each)
    if alert is not None and alert.severity.rank >= Severity.MEDIUM.rank:
        is_applied = alert.worst.is_applied
        assert advice_key(alert) or not is_applied


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_short_enough_for_the_first_attachment(language):
    texts = LABELS[language]
    assert max(map(len, texts.advice.values())) <= 125
    assert max(map(len, texts.no_undo.values())) <= 110


def test_korean_reasons_are_polite_sentences():
    """Reasons end in -다 or -요, after a value in brackets or quotes too; a few are a title with a value."""
    titles = {
        "compliance_states",
        "compliance_first",
        "compliance_control",
        "compliance_listed",
        "compliance_annotation",
    }
    titles |= {"correction", "delegated_access"}
    for key, text in LABELS["ko"].reason.items():
        bare = re.sub(r"\([^()]*\)$", "", text)
        is_sentence = bare.endswith(("다", "요")) or re.search(r"(다|요): \{\w+\}$", bare)
        assert is_sentence or key in titles or bare.endswith("}"), (key, text)


# ---- hostile names ----

UNSAFE = ["", "-", "--endpoint-url=x", "a\nb", "`id`", "\u202e", "file:///etc/passwd", "https://evil.example/x", "홈"]


@pytest.mark.parametrize("value", UNSAFE)
def test_a_value_that_a_message_or_the_cli_would_change_gives_no_command(value):
    assert cli_arguments("iam", "delete-user", user_name=value) == ()
    assert cli_arguments("iam", "delete-user", user_name=("a", value)) == ()
    assert value == "" or cli_command(("iam", "list-users"), value) == ""


def test_the_address_of_a_queue_is_passed_on():
    url = "https://sqs.eu-west-1.amazonaws.com/111122223333/q"
    assert cli_arguments("sqs", "remove-permission", queue_url=url)[-1] == url


@given(st.text(max_size=40))
def test_a_shell_reads_every_value_as_it_was(value):
    arguments = cli_arguments("iam", "delete-user", user_name=value)
    command = cli_command(arguments, "eu-west-1")
    expected = ["aws", "iam", "delete-user", "--user-name", value, "--region", "eu-west-1"]
    assert not command or shlex.split(command) == expected
    assert "\n" not in command


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("case", ["world", "iam-administrator-attached", "public-snapshot-shared", "hub-rule-disabled"])
def test_hostile_names_stay_values_of_the_command(case, attack):
    document = with_texts(
        one_record(EVENTS[case]), lambda key, old: old if key in SHAPE or key == "eventTime" else f"{old}{attack}"
    )
    alert = alert_of_record(document)
    command = undo_of(alert).command if alert else ""
    assert not command or (command.isprintable() and "`" not in command and problems(command) == [])


@pytest.mark.parametrize("attack", ["-x", "a\u202eb", "a\nb", "`id`", "https://example.com", "file://x"])
def test_no_command_has_a_text_of_an_event_that_is_no_plain_value(attack):
    def hostile(value):
        if isinstance(value, dict):
            return {key: hostile(inner) for key, inner in value.items()}
        return [hostile(each) for each in value] if isinstance(value, list) else attack if value == "x-name" else value

    found = []
    for example in EXAMPLES:
        names = json.loads(re.sub(r'(Name|Id|Arn|Url)": "[^"]*"', r'\1": "x-name"', json.dumps(example.request)))
        alert = alert_of(example, requestParameters=hostile(names))
        found += [argument for each in (alert.changes if alert else ()) for argument in each.change.undo]
    assert not [each for each in found if attack in each]
