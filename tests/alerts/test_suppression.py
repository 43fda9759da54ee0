"""An exception applies only when all criteria are known and match; it never hides other changes."""

import json
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from gatewatch.alerts.pipeline import AlertPipeline, run_pipeline
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.alerts.suppression import (
    ChangeContext,
    PossibleSuppression,
    evaluation_time,
    find_possible_suppression,
    suppress,
)
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.config.suppression_rules import ExceptionEffect, ExceptionMatch, PolicyException
from gatewatch.errors import ConfigurationError
from gatewatch.model.change import Family
from gatewatch.model.severity import Severity
from gatewatch.rendering.text.labels import load_labels
from support.paths import ROOT
from support.rendering import slack_text

AT = datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC)
ACCOUNT, GROUP = "111122223333", "sg-0aaaaaaaaaaaaaaa1"


def exception(effect=ExceptionEffect.MUTE, expires=date(2027, 1, 31), **match):
    return PolicyException(
        id="bastion-ssh",
        match=ExceptionMatch(**match),
        effect=effect,
        owner="@payments",
        reason="the bastion",
        ticket="SEC-1",
        expires=expires,
    )


@pytest.fixture
def alert(build, results):
    def make(*permissions, **fields):
        (found,) = results(json.dumps(build.authorize(*permissions, **fields)))
        return found

    return make


@pytest.fixture
def ssh(alert, build):
    return alert(build.item(v4=["198.51.100.7/32"]))


@pytest.fixture
def world(alert, build):
    return alert(build.item(v4=["0.0.0.0/0"]))


FITTING = [
    {"account": ACCOUNT},
    {"account": ["444455556666", "1111*"]},
    {"environment": "prod"},
    {"region": "eu-*"},
    {"family": Family.SECURITY_GROUP},
    {"family": (Family.IAM, Family.SECURITY_GROUP)},
    {"group": GROUP},
    {"port": 22},
    {"port": "20-30"},
    {"peer": "198.51.100.0/24"},
    {"peer": ("sg-0bbbbbbbbbbbbbbb2", "198.51.100.7/32")},
    {"actor": "ali*"},
    {"account": ACCOUNT, "group": GROUP, "port": 22, "peer": "198.51.100.0/24", "actor": "alice"},
]
DIFFERING = [
    {"account": "444455556666"},
    {"environment": "dev"},
    {"region": "us-*"},
    {"family": Family.IAM},
    {"group": "sg-0bbbbbbbbbbbbbbb2"},
    {"port": 443},
    {"port": "23-65535"},
    {"peer": "198.51.100.8/32"},
    {"peer": "2001:db8::/32"},
    {"peer": "sg-0bbbbbbbbbbbbbbb2"},
    {"actor": "bob"},
    {"account": ACCOUNT, "port": 443},
]


@pytest.mark.parametrize("match", FITTING)
def test_a_change_that_matches_all_criteria_is_suppressed(ssh, match):
    result = suppress(ssh, [exception(**match)], AT)
    assert (result.is_suppressed, result.suppressed, result.applied) == (True, 1, ("bastion-ssh",))


@pytest.mark.parametrize("match", DIFFERING)
def test_a_change_that_differs_in_one_criterion_is_notified(ssh, match):
    result = suppress(ssh, [exception(**match)], AT)
    assert (result.alert, result.suppressed) == (ssh, 0)


@pytest.mark.parametrize("peer", ["198.51.100.0/24", "0.0.0.0/1", "10.0.0.0/8"])
def test_a_rule_for_a_larger_network_than_the_exception_is_notified(world, peer):
    assert suppress(world, [exception(peer=peer)], AT).suppressed == 0


def test_a_rule_for_more_ports_than_the_exception_is_notified(alert, build):
    for item in (
        build.item(start=22, end=23, v4=["198.51.100.7/32"]),
        build.item(protocol="-1", start=None, end=None, v4=["198.51.100.7/32"]),
    ):
        assert suppress(alert(item), [exception(port=22)], AT).suppressed == 0


@pytest.mark.parametrize("match", [{"port": 22}, {"peer": "10.0.0.0/8"}, {"group": GROUP}, {"account": ACCOUNT}])
def test_an_unrecognised_change_is_always_notified(build, results, match):
    (found,) = results(json.dumps(build.record("AuthorizeSecurityGroupIngress", {"groupId": GROUP, "new": 1})))
    assert not found.worst.change.understood
    assert suppress(found, [exception(**match)], AT).suppressed == 0


def test_a_change_without_port_or_peer_does_not_match_an_exception_with_one(build, results):
    (found,) = results(json.dumps(build.record("CreateSecurityGroup", {"groupName": "a"}, {"groupId": GROUP})))
    assert suppress(found, [exception(port=22)], AT).suppressed == 0
    assert suppress(found, [exception(peer="10.0.0.0/8")], AT).suppressed == 0
    assert suppress(found, [exception(group=GROUP)], AT).suppressed == 1


def test_an_event_without_a_time_is_notified(ssh):
    timeless = msgspec.structs.replace(ssh, call=msgspec.structs.replace(ssh.call, time=None))
    assert evaluation_time(timeless, AT) is None
    assert suppress(timeless, [exception(port=22)], None).suppressed == 0


def test_an_unlisted_account_matches_no_environment(ssh):
    stranger = msgspec.structs.replace(ssh, account=msgspec.structs.replace(ssh.account, known=False, environment=None))
    assert suppress(stranger, [exception(environment="*prod*")], AT).suppressed == 0


def test_a_suppressed_change_stays_in_the_message_with_an_unsuppressed_one(alert, build):
    found = alert(build.item(v4=["198.51.100.7/32", "0.0.0.0/0"]))
    result = suppress(found, [exception(peer="198.51.100.0/24")], AT)
    assert (result.suppressed, result.is_suppressed) == (1, False)
    assert [each.assessment.severity for each in result.alert.changes] == [Severity.INFO, Severity.CRITICAL]


def test_lower_reduces_the_severity_by_one_and_notify_only_by_none(world):
    lowered = suppress(world, [exception(ExceptionEffect.LOWER, port=22)], AT)
    result = suppress(world, [exception(ExceptionEffect.NOTIFY_ONLY, port=22)], AT)
    assert (lowered.alert.severity, lowered.is_suppressed) == (Severity.HIGH, False)
    assert (result.alert.severity, result.is_suppressed) == (Severity.CRITICAL, False)


def test_the_strongest_of_two_exceptions_wins(world):
    both = [exception(ExceptionEffect.LOWER, port=22), exception(ExceptionEffect.MUTE, group=GROUP)]
    assert suppress(world, both, AT).is_suppressed


def test_an_exception_is_active_through_its_last_day_and_is_then_reported_as_expired(world):
    ending = [exception(port=22, expires=AT.date())]
    assert suppress(world, ending, AT.replace(hour=23, minute=59)).is_suppressed
    after = suppress(world, ending, AT + timedelta(days=1))
    assert (after.suppressed, after.alert.severity) == (0, Severity.CRITICAL)
    (reason,) = after.alert.worst.assessment.reasons[len(world.worst.assessment.reasons) :]
    assert reason.code == "exception_expired"
    for language in LANGUAGES:
        assert "2026-01-24" in load_labels(ROOT / "templates", language).reason_text(reason)


def test_an_exception_that_expired_by_the_clock_or_by_the_event_time_is_inactive(ssh):
    assert evaluation_time(ssh, AT - timedelta(days=400)) == AT
    assert evaluation_time(ssh, AT + timedelta(days=400)) == AT + timedelta(days=400)


def may_be(alert, *exceptions, at=AT):
    where = ChangeContext(alert.account, alert.call.region, alert.call.actor)
    return find_possible_suppression(where, alert.worst.change, exceptions, at)


def test_in_doubt_nothing_is_remediated(ssh):
    in_force = exception(port=22, group="bastion-*")
    assert may_be(ssh, in_force) == PossibleSuppression(in_force, is_certain=False), "the group's name is not known"
    assert may_be(ssh, exception(port=443)) is None
    ended = exception(port=22, expires=AT.date())
    assert may_be(ssh, ended) == PossibleSuppression(ended, is_certain=True)
    assert may_be(ssh, ended, at=AT + timedelta(hours=30)) == PossibleSuppression(ended, is_certain=False)
    assert may_be(ssh, ended, at=AT + timedelta(days=3)) is None


def test_for_remediation_a_certain_exception_comes_first_then_the_strongest(ssh):
    doubtful, lowering, muting = exception(group="x-*"), exception(ExceptionEffect.LOWER, port=22), exception(port=22)
    assert may_be(ssh, doubtful, lowering) == PossibleSuppression(lowering, is_certain=True)
    assert may_be(ssh, doubtful, lowering, muting) == PossibleSuppression(muting, is_certain=True)


@pytest.mark.parametrize("match", FITTING)
def test_what_is_suppressed_for_certain_is_never_remediated(ssh, match):
    assert may_be(ssh, exception(**match)) == PossibleSuppression(exception(**match), is_certain=True)


GOOD = {
    "id": "x",
    "match": {"port": 22},
    "effect": "mute",
    "owner": "@a",
    "reason": "r",
    "ticket": "SEC-1",
    "expires": "2027-01-31",
}


def load(folder, *exceptions, **policy):
    (folder / "accounts.yaml").write_text("{}", "utf-8")
    (folder / "policy.yaml").write_bytes(msgspec.json.encode({"exceptions": exceptions, **policy}))
    return load_settings(folder / "accounts.yaml", folder / "policy.yaml")


def problem(folder, *exceptions):
    with pytest.raises(ConfigurationError) as caught:
        load(folder, *exceptions)
    return "\n".join(caught.value.problems).replace(f"{folder}/", "")


def test_a_complete_exception_is_read(tmp_path):
    (found,) = load(tmp_path, GOOD).exceptions
    assert (found.effect, found.expires, found.match.port) == (ExceptionEffect.MUTE, date(2027, 1, 31), 22)


@pytest.mark.parametrize("key", ["id", "match", "effect", "owner", "reason", "ticket", "expires"])
def test_an_exception_without_a_required_key_is_refused(tmp_path, key):
    without = {name: value for name, value in GOOD.items() if name != key}
    assert f'exceptions[0]: Object missing required field "{key}"' in problem(tmp_path, without)


@pytest.mark.parametrize("key", ["id", "owner", "reason", "ticket"])
def test_an_empty_id_owner_reason_or_ticket_is_refused(tmp_path, key):
    assert f"exceptions[0].{key}: " in problem(tmp_path, GOOD | {key: ""})


@pytest.mark.parametrize(
    "match",
    [
        {},
        {"account": "*"},
        {"account": "?*"},
        {"region": ["eu-*", "*"]},
        {"port": "0-65535"},
        {"family": [each.value for each in Family]},
    ],
)
def test_an_exception_that_matches_everything_is_refused(tmp_path, match):
    assert "exceptions[0].match: matches everything; name an account" in problem(tmp_path, GOOD | {"match": match})


@pytest.mark.parametrize("peer", ["0.0.0.0/0", "::/0", "8.8.8.8/0", ["0.0.0.0/1", "128.0.0.0/1"]])
def test_an_exception_for_the_whole_internet_is_refused(tmp_path, peer):
    sentence = "exceptions[0].match.peer: covers the whole internet; name the networks that are meant"
    assert sentence in problem(tmp_path, GOOD | {"match": {"peer": peer, "port": 22}})


@pytest.mark.parametrize(
    ("match", "sentence"),
    [
        ({"port": "ssh"}, "exceptions[0].match.port: is not a port"),
        ({"port": "30-20"}, "exceptions[0].match.port: is not a port"),
        ({"port": 70000}, "exceptions[0].match.port: is not a port"),
        ({"peer": "office"}, 'exceptions[0].match.peer: "office" is not a peer'),
        ({"group": []}, "exceptions[0].match.group: is an empty list"),
        ({"family": "iams"}, "exceptions[0].match.family: Invalid enum value"),
        ({"colour": "red"}, 'exceptions[0].match: Object contains unknown field "colour"'),
    ],
)
def test_an_invalid_criterion_is_reported(tmp_path, match, sentence):
    assert sentence in problem(tmp_path, GOOD | {"match": match})


def test_exception_ids_are_unique(tmp_path):
    assert 'exceptions[1].id: "x" is used twice' in problem(tmp_path, GOOD, GOOD)


def test_an_invalid_expiry_date_is_reported_with_an_example(tmp_path):
    assert "exceptions[0].expires: Invalid RFC3339 encoded date; write a day such as 2027-01-31." in problem(
        tmp_path, GOOD | {"expires": "never"}
    )


def test_a_reminder_needs_an_existing_destination(tmp_path):
    assert 'exceptions[0].remind: "nowhere" is not a destination' in problem(tmp_path, GOOD | {"remind": ["nowhere"]})


def hub(folder, *exceptions, now=AT):
    settings = load(folder, *exceptions, routes=[{"to": ["alerts"]}])
    return AlertPipeline(settings, InMemoryRuleHistory(), now=lambda: now)


def test_the_pipeline_renders_nothing_for_a_suppressed_call_and_counts_it(tmp_path, ssh):
    result = run_pipeline(ssh.call, hub(tmp_path, GOOD))
    assert (result.messages, result.suppressed, result.exceptions) == ((), 1, ("x",))
    assert run_pipeline(ssh.call, hub(tmp_path, GOOD, now=AT + timedelta(days=800))).messages


def test_an_exception_may_expire_on_the_last_date_of_the_calendar(tmp_path, ssh):
    never = GOOD | {"expires": "9999-12-31"}
    (exception,) = load(tmp_path, never).exceptions
    assert exception.may_be_active(AT)
    assert run_pipeline(ssh.call, hub(tmp_path, never)).exceptions == ("x",)


def test_a_message_shows_which_exception_lowered_the_severity(tmp_path, world):
    (message,) = run_pipeline(world.call, hub(tmp_path, GOOD | {"effect": "lower"})).messages
    assert message.notification.severity is Severity.HIGH
    assert "severity lowered one level by exception x (SEC-1)" in slack_text(message)


ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/pipelines/Developer"
SSO_ARN = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Net_0123456789abcdef"


def session(name, role_arn=ROLE_ARN, **fields):
    role = role_arn.rpartition("/")[2]
    issuer = {"type": "Role", "arn": role_arn, "userName": role}
    return {
        "type": "AssumedRole",
        "principalId": f"AROAX:{name}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}",
        "accountId": ACCOUNT,
        "sessionContext": {"sessionIssuer": issuer} | fields,
    }


@pytest.mark.parametrize(
    ("identity", "pattern"),
    [
        (session("terraform-x"), "Developer"),
        (session("terraform-x"), "Dev*"),
        (session("terraform-x"), ROLE_ARN),
        (session("terraform-x"), "arn:aws:iam::*:role/pipelines/*"),
        (session("terraform-x"), "terraform* (Developer)"),
        (session("terraform-x"), f"* ({ROLE_ARN})"),
        (session("alice@example.com", SSO_ARN), "alice@example.com"),
        (session("alice@example.com", SSO_ARN), "*@example.com"),
        (session("x", sourceIdentity="dave"), "Developer"),
    ],
)
def test_an_exception_matches_the_role_of_a_session(alert, build, identity, pattern):
    ssh = alert(build.item(v4=["0.0.0.0/0"]), userIdentity=identity)
    assert suppress(ssh, [exception(actor=pattern)], AT).applied == ("bastion-ssh",)


@pytest.mark.parametrize(
    ("identity", "pattern"),
    [
        (session("terraform-x"), "terraform*"),
        (session("terraform-x"), "terraform-x (Developer*"),
        (session("terraform-x"), "terraform* (Deployer)"),
        (session("Deployer"), "Deployer"),
        (session("alice@example.com"), "alice@example.com"),
        (session("x", sourceIdentity="dave@example.com"), "dave@example.com*"),
        (session("x", f"arn:aws:iam::{ACCOUNT}:role/x/aws-reserved/sso.amazonaws.com/y"), "x"),
        (session("x", "arn:aws:iam::444455556666:role/Developer"), "Developer"),
        (session("alice@example.com", SSO_ARN.replace(ACCOUNT, "444455556666")), "alice@example.com"),
        ({"type": "AssumedRole", "arn": "arn:aws:sts::444455556666:assumed-role/Developer/x"}, "Developer"),
        ({"type": "IAMUser", "userName": "terraform", "accountId": "444455556666"}, "terraform"),
        ({"type": "Root", "accountId": "444455556666", "arn": "arn:aws:iam::444455556666:root"}, "root"),
        ({"type": "FederatedUser", "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/terraform"}, "terraform"),
        ({"type": "AWSAccount", "principalId": "AROAX:terraform", "accountId": "444455556666"}, "terraform"),
        ({"type": "WebIdentityUser", "userName": "terraform"}, "terraform"),
    ],
)
def test_an_exception_does_not_match_a_name_that_the_caller_chose(alert, build, identity, pattern):
    ssh = alert(build.item(v4=["0.0.0.0/0"]), userIdentity=identity)
    result = suppress(ssh, [exception(actor=pattern)], AT)
    assert (result.applied, result.alert.severity) == ((), Severity.CRITICAL)


def test_an_exception_that_fits_only_a_session_name_is_named_with_the_reason(alert, build):
    ssh = alert(build.item(v4=["0.0.0.0/0"]), userIdentity=session("terraform-x"))
    reason = suppress(ssh, [exception(actor="terraform*")], AT).alert.worst.assessment.reasons[-1]
    assert (reason.code, reason.values) == ("exception_session_name", {"exception": "bastion-ssh"})
    unrelated = suppress(ssh, [exception(actor="terraform*", port=443)], AT)
    assert unrelated.alert == ssh


NAMED = {"groupName": "k8s-lb", "groupId": None}


@pytest.fixture
def by_name(results, build):
    """An alert of a call that names its group by name, by the CIDR that is let in."""

    def make(cidr, **request):
        record = build.authorize(build.item(v4=[cidr]))
        record["requestParameters"] |= NAMED | request
        (found,) = results(json.dumps(record))
        return found

    return make


@pytest.mark.parametrize("effect", [ExceptionEffect.MUTE, ExceptionEffect.LOWER])
def test_the_name_of_a_group_hides_nothing_severe(by_name, effect):
    severe = by_name("0.0.0.0/0")
    result = suppress(severe, [exception(effect, group="k8s-*")], AT)
    assert (result.applied, result.suppressed, result.alert.severity) == ((), 0, Severity.CRITICAL)
    reason = result.alert.worst.assessment.reasons[-1]
    assert (reason.code, reason.values) == ("exception_group_name", {"exception": "bastion-ssh"})


def test_the_name_of_a_group_hides_what_is_not_severe(by_name):
    assert suppress(by_name("198.51.100.7/32"), [exception(group="k8s-*")], AT).is_suppressed


def test_the_id_of_a_group_hides_a_severe_change_whatever_its_name(by_name):
    severe = by_name("0.0.0.0/0", groupId=GROUP)
    assert suppress(severe, [exception(group=[GROUP, "k8s-*"])], AT).is_suppressed


def test_remediation_is_not_held_off_by_a_session_name(alert, build):
    ssh = alert(build.item(v4=["0.0.0.0/0"]), userIdentity=session("terraform-x"))
    assert may_be(ssh, exception(actor="terraform*")) is None
    assert may_be(ssh, exception(actor="Developer")).is_certain
