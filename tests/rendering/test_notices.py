"""What gatewatch says of itself, as a channel and as a topic's subscribers read it."""

import json
import re
from datetime import UTC, date, datetime

import msgspec
import pytest
from markupsafe import Markup

from gatewatch.config.destinations import Route, SecretRef, SlackWebhook, SnsTopic
from gatewatch.config.settings import LANGUAGES, emergency_settings
from gatewatch.config.suppression_rules import Effect, ExceptionMatch, PolicyException
from gatewatch.digest.labels import load_digest_labels
from gatewatch.events.canary import Place
from gatewatch.model.account import Account
from gatewatch.model.severity import Severity
from gatewatch.monitoring.doctor.test_message import trial_message
from gatewatch.monitoring.heartbeat.judge import Finding, Findings
from gatewatch.monitoring.heartbeat.messages import heartbeat_messages
from gatewatch.monitoring.reminders import reminders
from gatewatch.remediation.access_keys.executor import KeyStep
from gatewatch.remediation.access_keys.messages import messages as key_messages
from gatewatch.remediation.access_keys.plan import AccessKey, KeyAction, Verdict
from gatewatch.remediation.ingress.executor import Done
from gatewatch.rendering import notices as notice
from gatewatch.rendering.chatbot_validation import problems
from gatewatch.rendering.escaping import code
from gatewatch.rendering.slack_validation import problems as slack_problems
from gatewatch.rendering.sns_body import read_topic_body
from gatewatch.rendering.text.labels import load_labels
from support.paths import TEMPLATES

LABELS = {each: load_labels(TEMPLATES, each) for each in LANGUAGES}
NOW = datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC)
ACCOUNT = "111122223333"


def settings_in(language="en"):
    """Everything is told to a channel and to a topic."""
    everything = emergency_settings()
    account = Account(
        id=ACCOUNT, alias="payments-prod", timezone="Asia/Seoul", language=language, owner="<!subteam^S0123ABC>"
    )
    return msgspec.structs.replace(
        everything,
        defaults=msgspec.structs.replace(everything.defaults, language=language),
        accounts={ACCOUNT: account},
        destinations={"room": SlackWebhook(SecretRef(ssm="/gatewatch/room")), "alerts": SnsTopic()},
        routes=(Route(to=("room", "alerts")),),
    )


def exception_of(name):
    return PolicyException(
        id=name,
        match=ExceptionMatch(),
        effect=Effect.MUTE,
        owner="@payments",
        reason="the <office> reaches https://bastion.example",
        ticket="SEC-1",
        expires=date(2026, 1, 31),
    )


def told_of_silence(settings):
    return heartbeat_messages(Findings(silent=(Finding(Place(ACCOUNT, "eu-west-1"), int(NOW.timestamp())),)), settings)


def told_of_an_exception(settings):
    return list(reminders([exception_of("bastion-ssh")], settings, load_digest_labels(TEMPLATES, LANGUAGES)))


def told_of_a_key(settings):
    key = AccessKey(
        account_id=ACCOUNT,
        user="bob",
        key_id="AKIAEXAMPLE000000001",
        is_active=True,
        created=datetime(2025, 10, 1, tzinfo=UTC),
    )
    return key_messages(KeyStep(KeyAction(Verdict.DEACTIVATE, key, 115), Done.DONE), settings, LABELS, NOW)


def told_of_an_event(settings):
    return notice.unreadable("m-1", "`x` <!channel>", '{"hello": "https://evil.example"}', "events-dead", settings)


CASES = {
    "silence": (told_of_silence, "HIGH: 1 place fell silent - gatewatch"),
    "exception": (told_of_an_exception, "MEDIUM: Exception bastion-ssh runs out on 2026-01-31 - gatewatch"),
    "key": (told_of_a_key, f"MEDIUM: Access key of bob deactivated after 115 days - {ACCOUNT}"),
    "event": (told_of_an_event, "HIGH: An event could not be read - gatewatch"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_a_notice_reads_well_in_a_channel_in_a_chat_and_in_a_mail(case, language):
    tell, subject = CASES[case]
    room, topic = tell(settings_in(language))
    assert (room.destination, topic.destination) == ("room", "alerts")
    assert room.key.removesuffix("#room") == topic.key.removesuffix("#alerts")
    assert (room.severity, room.account_id) == (topic.severity, topic.account_id)
    payload = json.loads(room.body)
    assert slack_problems(payload) == ()
    told = read_topic_body(topic.body)
    assert told.subject == subject
    assert problems(told.chat) == ()
    assert told.chat["content"]["title"] == payload["attachments"][0]["blocks"][0]["text"]["text"]
    assert told.chat["content"]["keywords"][0] == topic.severity
    assert told.mail.startswith(f"{payload['attachments'][0]['fallback']}\n\n")
    assert not re.search(r"\*|`|://|\|", told.mail.replace("ˋ", ""))


def test_a_mail_names_the_owner_that_slack_calls():
    room, topic = told_of_a_key(settings_in())
    assert "*Owner* <!subteam^S0123ABC>" in room.body
    assert "Owner subteam^S0123ABC" in read_topic_body(topic.body).mail


def test_a_test_message_has_the_form_of_its_destination():
    assert json.loads(trial_message("room", is_topic=False).body)["attachments"]
    told = read_topic_body(trial_message("alerts", is_topic=True).body)
    assert told.subject == "INFO: A test of gatewatch - gatewatch"
    assert "told what is routed to alerts." in told.mail
    assert problems(told.chat) == ()


def test_a_notice_of_many_words_is_cut_in_a_chat_and_whole_in_a_mail():
    lines = tuple(Markup("• ") + code(f"{number:04} " + "x" * 200) for number in range(60))
    told = notice.Notice(title="Many", lines=lines, subject="Many", severity=Severity.LOW)
    body = read_topic_body(told.body("k", is_topic=True))
    assert problems(body.chat) == ()
    assert body.chat["content"]["description"].endswith("\n…")
    assert all(f"{number:04} " in body.mail for number in range(60))
