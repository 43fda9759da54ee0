"""Notices of gatewatch about itself, in Slack and for SNS subscribers."""

import json
import re
from datetime import UTC, date, datetime

import msgspec
import pytest
from markupsafe import Markup

from gatewatch.config.destinations import Route, SecretRef, SlackWebhook, SnsTopic
from gatewatch.config.settings import LANGUAGES, emergency_settings
from gatewatch.config.suppression_rules import ExceptionEffect, ExceptionMatch, PolicyException
from gatewatch.digest.labels import load_digest_labels
from gatewatch.events.canary import AccountRegion
from gatewatch.model.account import Account
from gatewatch.model.severity import Severity
from gatewatch.monitoring.doctor.test_message import build_test_message
from gatewatch.monitoring.heartbeat.judge import HeartbeatChanges, SilentRegion
from gatewatch.monitoring.heartbeat.messages import heartbeat_messages
from gatewatch.monitoring.reminders import reminder_messages
from gatewatch.remediation.access_keys.executor import KeyStepResult
from gatewatch.remediation.access_keys.messages import key_messages
from gatewatch.remediation.access_keys.plan import AccessKey, KeyAction, KeyDecision
from gatewatch.remediation.ingress.executor import StepStatus
from gatewatch.rendering import notices as notice
from gatewatch.rendering.chatbot_validation import chatbot_problems
from gatewatch.rendering.escaping import code
from gatewatch.rendering.slack_validation import slack_problems
from gatewatch.rendering.sns_body import read_sns_body
from gatewatch.rendering.text.labels import load_labels
from support.paths import TEMPLATES

LABELS = {each: load_labels(TEMPLATES, each) for each in LANGUAGES}
NOW = datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC)
ACCOUNT = "111122223333"


def settings_in(language="en"):
    """Everything is routed to a Slack channel and to an SNS topic."""
    everything = emergency_settings()
    account = Account(
        id=ACCOUNT, alias="payments-prod", timezone="Asia/Seoul", language=language, owner="<!subteam^S0123ABC>"
    )
    return msgspec.structs.replace(
        everything,
        defaults=msgspec.structs.replace(everything.defaults, language=language),
        accounts={ACCOUNT: account},
        destinations={"channel": SlackWebhook(SecretRef(ssm="/gatewatch/channel")), "alerts": SnsTopic()},
        routes=(Route(to=("channel", "alerts")),),
    )


def exception_of(name):
    return PolicyException(
        id=name,
        match=ExceptionMatch(),
        effect=ExceptionEffect.MUTE,
        owner="@payments",
        reason="the <office> reaches https://bastion.example",
        ticket="SEC-1",
        expires=date(2026, 1, 31),
    )


def silence_notice(settings):
    return heartbeat_messages(
        HeartbeatChanges(silent=(SilentRegion(AccountRegion(ACCOUNT, "eu-west-1"), int(NOW.timestamp())),)), settings
    )


def exception_notice(settings):
    return list(reminder_messages([exception_of("bastion-ssh")], settings, load_digest_labels(TEMPLATES, LANGUAGES)))


def access_key_notice(settings):
    key = AccessKey(
        account_id=ACCOUNT,
        user="bob",
        key_id="AKIAEXAMPLE000000001",
        is_active=True,
        created=datetime(2025, 10, 1, tzinfo=UTC),
    )
    return key_messages(
        KeyStepResult(KeyAction(KeyDecision.DEACTIVATE, key, 115), StepStatus.DONE), settings, LABELS, NOW
    )


def unreadable_event_notice(settings):
    return notice.unreadable_event_messages(
        "m-1", "`x` <!channel>", '{"hello": "https://evil.example"}', "events-dlq", settings
    )


CASES = {
    "silence": (silence_notice, "HIGH: 1 Region went silent - gatewatch"),
    "exception": (exception_notice, "MEDIUM: Exception bastion-ssh expires on 2026-01-31 - gatewatch"),
    "key": (access_key_notice, f"MEDIUM: Access key of bob deactivated after 115 days - {ACCOUNT}"),
    "event": (unreadable_event_notice, "HIGH: An event could not be read - gatewatch"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_a_notice_is_valid_in_slack_in_a_chat_and_in_an_email(case, language):
    build, subject = CASES[case]
    slack, sns = build(settings_in(language))
    assert (slack.destination, sns.destination) == ("channel", "alerts")
    assert slack.key.removesuffix("#channel") == sns.key.removesuffix("#alerts")
    assert (slack.severity, slack.account_id) == (sns.severity, sns.account_id)
    payload = json.loads(slack.body)
    assert slack_problems(payload) == ()
    body = read_sns_body(sns.body)
    assert body.subject == subject
    assert chatbot_problems(body.chat) == ()
    assert body.chat["content"]["title"] == payload["attachments"][0]["blocks"][0]["text"]["text"]
    assert body.chat["content"]["keywords"][0] == sns.severity
    assert body.mail.startswith(f"{payload['attachments'][0]['fallback']}\n\n")
    assert not re.search(r"\*|`|://|\|", body.mail.replace("ˋ", ""))


def test_an_email_names_the_owner_that_slack_mentions():
    slack, sns = access_key_notice(settings_in())
    assert "*Owner* <!subteam^S0123ABC>" in slack.body
    assert "Owner subteam^S0123ABC" in read_sns_body(sns.body).mail


def test_a_test_message_has_the_form_of_its_destination():
    assert json.loads(build_test_message("channel", is_sns_topic=False).body)["attachments"]
    body = read_sns_body(build_test_message("alerts", is_sns_topic=True).body)
    assert body.subject == "INFO: A test of gatewatch - gatewatch"
    assert "Alerts routed to alerts arrive here." in body.mail
    assert chatbot_problems(body.chat) == ()


def test_a_long_notice_is_cut_in_a_chat_and_complete_in_an_email():
    lines = tuple(Markup("• ") + code(f"{number:04} " + "x" * 200) for number in range(60))
    long_notice = notice.OperatorNotice(title="Many", lines=lines, subject="Many", severity=Severity.LOW)
    body = read_sns_body(long_notice.body("k", is_sns_topic=True))
    assert chatbot_problems(body.chat) == ()
    assert body.chat["content"]["description"].endswith("\n…")
    assert all(f"{number:04} " in body.mail for number in range(60))
