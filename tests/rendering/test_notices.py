"""Notices of gatewatch about itself, in Slack and for SNS subscribers."""

import re
from datetime import UTC, date, datetime

import msgspec
import pytest

from gatewatch.config.destinations import Route, SecretRef, SlackWebhook, SnsTopic
from gatewatch.config.settings import LANGUAGES, emergency_settings
from gatewatch.config.suppression_rules import ExceptionEffect, ExceptionMatch, PolicyException
from gatewatch.delivery.notices import unreadable_notice
from gatewatch.events.canary import AccountRegion
from gatewatch.model.account import Account
from gatewatch.model.message import OutboxMessage, addressed
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity
from gatewatch.monitoring.doctor.test_message import build_test_message
from gatewatch.monitoring.heartbeat.evaluation import HeartbeatChanges, SilentRegion
from gatewatch.monitoring.heartbeat.messages import heartbeat_messages
from gatewatch.monitoring.reminders import reminder_messages
from gatewatch.remediation.access_keys.executor import KeyStepResult
from gatewatch.remediation.access_keys.messages import key_messages
from gatewatch.remediation.access_keys.plan import AccessKey, KeyAction, KeyDecision
from gatewatch.remediation.ingress.executor import StepStatus
from gatewatch.rendering.chatbot_validation import chatbot_problems
from gatewatch.rendering.slack_validation import slack_problems
from support.rendering import SLACK, SNS, slack_text

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
    return list(reminder_messages([exception_of("bastion-ssh")], settings))


def access_key_notice(settings):
    key = AccessKey(
        account_id=ACCOUNT,
        user="bob",
        key_id="AKIAEXAMPLE000000001",
        is_active=True,
        created=datetime(2025, 10, 1, tzinfo=UTC),
    )
    return key_messages(KeyStepResult(KeyAction(KeyDecision.DEACTIVATE, key, 115), StepStatus.DONE), settings, NOW)


def unreadable_event_notice(settings):
    body = '{"hello": "https://evil.example"}'
    notice = unreadable_notice("m-1", "`x` <!channel>", body, "events-dlq", settings.defaults.language)
    return addressed(notice, settings.default_destinations)


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
    assert slack.notification == sns.notification
    payload = SLACK.render(slack)
    assert slack_problems(payload) == ()
    body = SNS.render(sns)
    assert body.subject == subject
    assert chatbot_problems(body.chat) == ()
    assert body.chat["content"]["title"] == payload["attachments"][0]["blocks"][0]["text"]["text"]
    assert body.chat["content"]["keywords"][0] == sns.notification.severity
    assert body.mail.startswith(f"{payload['attachments'][0]['fallback']}\n\n")
    assert not re.search(r"\*|`|://|\|", body.mail.replace("ˋ", ""))


def test_an_email_names_the_owner_that_slack_mentions():
    slack, sns = access_key_notice(settings_in())
    assert "*Owner* <!subteam^S0123ABC>" in slack_text(slack)
    assert "Owner subteam^S0123ABC" in SNS.render(sns).mail


def test_a_test_message_names_its_destination():
    assert SLACK.render(build_test_message("channel", "en"))["attachments"]
    body = SNS.render(build_test_message("alerts", "en"))
    assert body.subject == "INFO: A test of gatewatch - gatewatch"
    assert "Alerts routed to alerts arrive here." in body.mail
    assert chatbot_problems(body.chat) == ()


def test_a_long_notice_is_cut_in_a_chat_and_complete_in_an_email():
    lines = tuple(Sentence("unreadable_show", {"command": f"{number:04} " + "x" * 200}) for number in range(60))
    notice = OperatorNotice(
        key="k",
        kind=NoticeKind.TEST,
        severity=Severity.LOW,
        language="en",
        title=Sentence("test_title"),
        paragraphs=(lines,),
    )
    body = SNS.render(OutboxMessage(destination="alerts", notification=notice))
    assert chatbot_problems(body.chat) == ()
    assert body.chat["content"]["description"].endswith("\n…")
    assert all(f"{number:04} " in body.mail for number in range(60))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fallback_message_names_the_failed_destination(language):
    slack, sns = (
        msgspec.structs.replace(each, fallback_for="sec-prod") for each in silence_notice(settings_in(language))
    )
    assert "⚠️" in SLACK.render(slack)["attachments"][0]["blocks"][0]["elements"][0]["text"]
    assert "sec-prod" in SNS.render(sns).mail.split("\n\n")[1]
