"""Golden messages of example events in every language. `make golden` writes them; review every difference."""

import json
import os
import re

import pytest

from gatewatch.alerts.replay import replay_documents
from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.events.files import read_file
from gatewatch.model.alert import Alert
from gatewatch.rendering.slack_validation import mentions, slack_problems
from support.golden_context import assessor_of
from support.lookup import messages
from support.paths import GOLDEN
from support.rendering import SLACK, SNS, slack_payloads, sns_bodies

CASES = sorted(path.parent.name for path in GOLDEN.glob("*/event.json"))
# Emails and chat notifications: one case of each kind of text.
SNS_CASES = (
    "all-traffic",
    "attach-interface",
    "attached-hostile-names",
    "attached-public",
    "caller-context",
    "compliance-noncompliant-first",
    "compliance-compliant-again",
    "create",
    "delete",
    "denied",
    "denied-without-parameters",
    "describe",
    "detection-recorder-stopped",
    "egress-default",
    "failed",
    "group-peer-foreign",
    "hostile-texts",
    "hub-rule-disabled",
    "iam-administrator-attached",
    "iam-hostile-names",
    "iam-key-for-another",
    "iam-root-mfa-removed",
    "iam-trust-everyone",
    "icmp",
    "many-ports",
    "missing-facts",
    "modify-known-previous",
    "modify-narrowed",
    "modify-unknown-previous",
    "network-acl-ssh",
    "not-understood",
    "organization-assignment",
    "prefix-list-add-remove",
    "public-bucket-policy",
    "public-function-denied",
    "revoke",
    "revoke-by-id-history",
    "revoke-partly-no-op",
    "sign-in-failed",
    "sign-in-root-without-mfa",
    "sixty-rules",
    "unknown-account",
    "wide",
    "world",
    "world-by-union",
)
SETTINGS = {each: load_settings(GOLDEN / "accounts.yaml", GOLDEN / "policy.yaml", each) for each in LANGUAGES}
# One text object per line, so that differences are readable.
_TEXT = re.compile(r'\{\n\s+("type": "(?:mrkdwn|plain_text)",(?:\n.*?)+?)\n\s+\}')


def alerts_of(case, language):
    alerts = list(replay_documents(read_file(GOLDEN / case / "event.json"), assessor_of(case, SETTINGS[language])))
    assert all(isinstance(alert, Alert) for alert in alerts)
    return alerts


def payloads_of(case, language):
    if (GOLDEN / case / "ec2.json").exists():
        return [
            payload
            for each in messages(GOLDEN / case, SETTINGS[language])["channel"]
            for payload in SLACK.messages(each)
        ]
    return [payload for alert in alerts_of(case, language) for payload in slack_payloads(alert)]


def sns_bodies_of(case, language):
    if (GOLDEN / case / "ec2.json").exists():
        return [body for each in messages(GOLDEN / case, SETTINGS[language])[HUB_TOPIC] for body in SNS.messages(each)]
    return [body for alert in alerts_of(case, language) for body in sns_bodies(alert)]


def pretty(payloads):
    text = json.dumps(payloads, ensure_ascii=False, indent=2)
    return _TEXT.sub(lambda found: "{" + re.sub(r"\n\s+", " ", found[1]) + "}", text) + "\n"


def readable(chat):
    """The description as a list of lines, so that differences are readable."""
    lines = chat["content"]["description"].split("\n")
    return chat | {"content": chat["content"] | {"description": lines}}


def assert_golden(rendered, file):
    if os.environ.get("GATEWATCH_GOLDEN") == "write":
        file.write_text(rendered, "utf-8")
    assert rendered == file.read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_the_slack_messages_of_an_event_match_the_golden_file(case, language):
    assert_golden(pretty(payloads_of(case, language)), GOLDEN / case / f"slack.{language}.json")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", SNS_CASES)
def test_the_emails_of_an_event_match_the_golden_file(case, language):
    mails = [f"Subject: {body.subject}\n\n{body.mail}" for body in sns_bodies_of(case, language)]
    assert_golden(f"\n{'=' * 40}\n\n".join(mails), GOLDEN / case / f"email.{language}.txt")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", SNS_CASES)
def test_the_chat_notifications_of_an_event_match_the_golden_file(case, language):
    notifications = [readable(body.chat) for body in sns_bodies_of(case, language)]
    text = json.dumps(notifications, ensure_ascii=False, indent=2)
    assert_golden(f"{text}\n", GOLDEN / case / f"chatbot.{language}.json")


@pytest.mark.parametrize("case", CASES)
def test_golden_messages_are_valid_and_mention_nobody(case):
    for payload in payloads_of(case, "en"):
        assert slack_problems(payload) == ()
        assert mentions(payload) == ()
