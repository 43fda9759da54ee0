"""An exception holds only when all that it names is known and agrees; it never hides what it does not name."""

import json
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from gatewatch.alerts.pipeline import Hub, worded
from gatewatch.alerts.rule_history import RecentRules
from gatewatch.alerts.suppression import Circumstances, MayHold, excepted, may_be_excepted, moment
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.config.suppression_rules import Effect, ExceptionMatch, PolicyException
from gatewatch.errors import ConfigurationError
from gatewatch.model.change import Family
from gatewatch.model.severity import Severity
from gatewatch.rendering.slack import load_templates
from gatewatch.rendering.text.labels import load_labels
from support.paths import ROOT

AT = datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC)
ACCOUNT, GROUP = "111122223333", "sg-0aaaaaaaaaaaaaaa1"


def exception(effect=Effect.MUTE, expires=date(2027, 1, 31), **match):
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
def test_a_change_that_agrees_with_all_that_is_named_is_muted(ssh, match):
    result = excepted(ssh, [exception(**match)], AT)
    assert (result.is_silent, result.muted, result.applied) == (True, 1, ("bastion-ssh",))


@pytest.mark.parametrize("match", DIFFERING)
def test_a_change_that_differs_in_one_thing_is_told_as_ever(ssh, match):
    result = excepted(ssh, [exception(**match)], AT)
    assert (result.alert, result.muted) == (ssh, 0)


@pytest.mark.parametrize("peer", ["198.51.100.0/24", "0.0.0.0/1", "10.0.0.0/8"])
def test_a_rule_that_lets_in_more_than_the_exception_names_is_told(world, peer):
    assert excepted(world, [exception(peer=peer)], AT).muted == 0


def test_a_rule_that_opens_more_ports_than_the_exception_names_is_told(alert, build):
    for item in (
        build.item(start=22, end=23, v4=["198.51.100.7/32"]),
        build.item(protocol="-1", start=None, end=None, v4=["198.51.100.7/32"]),
    ):
        assert excepted(alert(item), [exception(port=22)], AT).muted == 0


@pytest.mark.parametrize("match", [{"port": 22}, {"peer": "10.0.0.0/8"}, {"group": GROUP}, {"account": ACCOUNT}])
def test_what_is_not_understood_is_told_whatever_is_excepted(build, results, match):
    (found,) = results(json.dumps(build.record("AuthorizeSecurityGroupIngress", {"groupId": GROUP, "new": 1})))
    assert not found.worst.change.understood
    assert excepted(found, [exception(**match)], AT).muted == 0


def test_a_call_that_names_no_port_or_peer_is_not_excepted_by_one(build, results):
    (found,) = results(json.dumps(build.record("CreateSecurityGroup", {"groupName": "a"}, {"groupId": GROUP})))
    assert excepted(found, [exception(port=22)], AT).muted == 0
    assert excepted(found, [exception(peer="10.0.0.0/8")], AT).muted == 0
    assert excepted(found, [exception(group=GROUP)], AT).muted == 1


def test_an_event_without_a_time_is_told(ssh):
    timeless = msgspec.structs.replace(ssh, call=msgspec.structs.replace(ssh.call, time=None))
    assert moment(timeless, AT) is None
    assert excepted(timeless, [exception(port=22)], None).muted == 0


def test_an_account_that_nobody_wrote_down_has_no_environment_to_be_excepted_by(ssh):
    stranger = msgspec.structs.replace(ssh, account=msgspec.structs.replace(ssh.account, known=False, environment=None))
    assert excepted(stranger, [exception(environment="*prod*")], AT).muted == 0


def test_a_muted_change_never_hides_its_neighbour_and_is_not_hidden_by_it(alert, build):
    found = alert(build.item(v4=["198.51.100.7/32", "0.0.0.0/0"]))
    result = excepted(found, [exception(peer="198.51.100.0/24")], AT)
    assert (result.muted, result.is_silent) == (1, False)
    assert [each.assessment.severity for each in result.alert.changes] == [Severity.INFO, Severity.CRITICAL]


def test_lower_is_one_step_and_notify_only_none(world):
    lowered = excepted(world, [exception(Effect.LOWER, port=22)], AT)
    told = excepted(world, [exception(Effect.NOTIFY_ONLY, port=22)], AT)
    assert (lowered.alert.severity, lowered.is_silent) == (Severity.HIGH, False)
    assert (told.alert.severity, told.is_silent) == (Severity.CRITICAL, False)


def test_the_strongest_of_two_exceptions_wins(world):
    both = [exception(Effect.LOWER, port=22), exception(Effect.MUTE, group=GROUP)]
    assert excepted(world, both, AT).is_silent


def test_an_exception_holds_through_its_last_day_and_says_so_when_it_has_run_out(world):
    ending = [exception(port=22, expires=AT.date())]
    assert excepted(world, ending, AT.replace(hour=23, minute=59)).is_silent
    after = excepted(world, ending, AT + timedelta(days=1))
    assert (after.muted, after.alert.severity) == (0, Severity.CRITICAL)
    (reason,) = after.alert.worst.assessment.reasons[len(world.worst.assessment.reasons) :]
    assert reason.code == "exception_expired"
    for language in LANGUAGES:
        assert "2026-01-24" in load_labels(ROOT / "templates", language).reason_text(reason)


def test_what_has_run_out_by_the_clock_or_by_the_event_holds_no_more(ssh):
    assert moment(ssh, AT - timedelta(days=400)) == AT
    assert moment(ssh, AT + timedelta(days=400)) == AT + timedelta(days=400)


def may_be(alert, *exceptions, at=AT):
    where = Circumstances(alert.account, alert.call.region, alert.call.actor.name)
    return may_be_excepted(where, alert.worst.change, exceptions, at)


def test_remediation_keeps_its_hands_off_in_any_doubt(ssh):
    in_force = exception(port=22, group="bastion-*")
    assert may_be(ssh, in_force) == MayHold(in_force, is_certain=False), "the group's name is not known"
    assert may_be(ssh, exception(port=443)) is None
    ended = exception(port=22, expires=AT.date())
    assert may_be(ssh, ended) == MayHold(ended, is_certain=True)
    assert may_be(ssh, ended, at=AT + timedelta(hours=30)) == MayHold(ended, is_certain=False)
    assert may_be(ssh, ended, at=AT + timedelta(days=3)) is None


def test_for_remediation_what_holds_for_certain_comes_first_and_then_the_strongest(ssh):
    doubtful, lowering, muting = exception(group="x-*"), exception(Effect.LOWER, port=22), exception(port=22)
    assert may_be(ssh, doubtful, lowering) == MayHold(lowering, is_certain=True)
    assert may_be(ssh, doubtful, lowering, muting) == MayHold(muting, is_certain=True)


@pytest.mark.parametrize("match", FITTING)
def test_what_is_muted_for_certain_is_left_alone_for_certain(ssh, match):
    assert may_be(ssh, exception(**match)) == MayHold(exception(**match), is_certain=True)


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


def test_an_exception_as_the_design_writes_it_is_read(tmp_path):
    (found,) = load(tmp_path, GOOD).exceptions
    assert (found.effect, found.expires, found.match.port) == (Effect.MUTE, date(2027, 1, 31), 22)


@pytest.mark.parametrize("key", ["id", "match", "effect", "owner", "reason", "ticket", "expires"])
def test_an_exception_without_one_of_its_keys_is_refused(tmp_path, key):
    without = {name: value for name, value in GOOD.items() if name != key}
    assert f'exceptions[0]: Object missing required field "{key}"' in problem(tmp_path, without)


@pytest.mark.parametrize("key", ["id", "owner", "reason", "ticket"])
def test_an_empty_text_is_no_owner_reason_or_ticket(tmp_path, key):
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
def test_an_exception_that_holds_for_everything_is_refused(tmp_path, match):
    assert "exceptions[0].match: holds for everything; name an account" in problem(tmp_path, GOOD | {"match": match})


@pytest.mark.parametrize("peer", ["0.0.0.0/0", "::/0", "8.8.8.8/0", ["0.0.0.0/1", "128.0.0.0/1"]])
def test_an_exception_for_the_whole_internet_is_refused(tmp_path, peer):
    sentence = "exceptions[0].match.peer: holds the whole internet; name the networks that are meant"
    assert sentence in problem(tmp_path, GOOD | {"match": {"peer": peer, "port": 22}})


@pytest.mark.parametrize(
    ("match", "sentence"),
    [
        ({"port": "ssh"}, "exceptions[0].match.port: is no port"),
        ({"port": "30-20"}, "exceptions[0].match.port: is no port"),
        ({"port": 70000}, "exceptions[0].match.port: is no port"),
        ({"peer": "office"}, 'exceptions[0].match.peer: "office" is no peer'),
        ({"group": []}, "exceptions[0].match.group: is an empty list"),
        ({"family": "iams"}, "exceptions[0].match.family: Invalid enum value"),
        ({"colour": "red"}, 'exceptions[0].match: Object contains unknown field "colour"'),
    ],
)
def test_what_an_exception_cannot_mean_is_said(tmp_path, match, sentence):
    assert sentence in problem(tmp_path, GOOD | {"match": match})


def test_two_exceptions_have_two_names(tmp_path):
    assert 'exceptions[1].id: "x" stands there twice' in problem(tmp_path, GOOD, GOOD)


def test_a_last_day_that_is_none_is_answered_with_how_to_write_one(tmp_path):
    assert "exceptions[0].expires: Invalid RFC3339 encoded date; write a day such as 2027-01-31." in problem(
        tmp_path, GOOD | {"expires": "never"}
    )


def test_a_reminder_goes_to_a_destination_that_is_there(tmp_path):
    assert 'exceptions[0].remind: "nowhere" is no destination' in problem(tmp_path, GOOD | {"remind": ["nowhere"]})


def hub(folder, *exceptions, now=AT):
    settings = load(folder, *exceptions, routes=[{"to": ["alerts"]}])
    return Hub(settings, RecentRules(), load_templates(ROOT / "templates", LANGUAGES), now=lambda: now)


def test_the_pipeline_words_nothing_for_a_call_that_is_muted_and_counts_it(tmp_path, ssh):
    told = worded(ssh.call, hub(tmp_path, GOOD))
    assert (told.messages, told.muted, told.exceptions) == ((), 1, ("x",))
    assert worded(ssh.call, hub(tmp_path, GOOD, now=AT + timedelta(days=800))).messages


def test_an_exception_may_have_the_last_day_that_there_is(tmp_path, ssh):
    never = GOOD | {"expires": "9999-12-31"}
    (exception,) = load(tmp_path, never).exceptions
    assert exception.may_hold(AT)
    assert worded(ssh.call, hub(tmp_path, never)).exceptions == ("x",)


def test_a_message_says_which_exception_made_it_milder(tmp_path, world):
    (message,) = worded(world.call, hub(tmp_path, GOOD | {"effect": "lower"})).messages
    assert message.severity is Severity.HIGH
    assert "the exception x (SEC-1) lowers it by one step" in message.body
