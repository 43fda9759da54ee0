"""Hand-made events and the messages they become, in every language. `make golden` writes them; people read them."""

import json
import os
import re

import pytest

from gatewatch.alerts.pipeline import Judge
from gatewatch.alerts.replay import replay
from gatewatch.alerts.rule_history import RecentRules
from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.events.files import documents_of_file
from gatewatch.model.alert import Alert
from gatewatch.rendering.slack import load_templates, slack_payloads
from gatewatch.rendering.slack_validation import mentions, problems
from gatewatch.rendering.sns import topic_bodies
from gatewatch.rendering.sns_body import read_topic_body
from support.lookup import messages
from support.paths import GOLDEN, TEMPLATES

CASES = sorted(path.parent.name for path in GOLDEN.glob("*/event.json"))
# What a topic's subscribers read: one case of each kind of wording.
TOPIC_CASES = (
    "all-traffic",
    "attach-interface",
    "attached-hostile-names",
    "attached-public",
    "compliance-broken-first",
    "compliance-met-again",
    "create",
    "delete",
    "denied",
    "denied-without-parameters",
    "describe",
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
    "not-understood",
    "prefix-list-add-remove",
    "revoke",
    "revoke-by-id-remembered",
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
COMPILED = load_templates(TEMPLATES, LANGUAGES)
# One text object a line, so that a message reads like one.
_TEXT = re.compile(r'\{\n\s+("type": "(?:mrkdwn|plain_text)",(?:\n.*?)+?)\n\s+\}')


def alerts_of(case, language):
    alerts = list(replay(documents_of_file(GOLDEN / case / "event.json"), Judge(SETTINGS[language], RecentRules())))
    assert all(isinstance(alert, Alert) for alert in alerts)
    return alerts


def payloads_of(case, language):
    if (GOLDEN / case / "ec2.json").exists():
        return [json.loads(body) for body in messages(GOLDEN / case, SETTINGS[language], COMPILED)["room"]]
    colors = SETTINGS[language].colors
    alerts = alerts_of(case, language)
    return [json.loads(payload) for alert in alerts for payload in slack_payloads(alert, COMPILED, colors)]


def topic_bodies_of(case, language):
    if (GOLDEN / case / "ec2.json").exists():
        bodies = messages(GOLDEN / case, SETTINGS[language], COMPILED)[HUB_TOPIC]
        return [read_topic_body(body) for body in bodies]
    colors = SETTINGS[language].colors
    return [body for alert in alerts_of(case, language) for body in topic_bodies(alert, COMPILED, colors)]


def pretty(payloads):
    text = json.dumps(payloads, ensure_ascii=False, indent=2)
    return _TEXT.sub(lambda found: "{" + re.sub(r"\n\s+", " ", found[1]) + "}", text) + "\n"


def readable(chat):
    """The description as lines, so that it reads like one."""
    lines = chat["content"]["description"].split("\n")
    return chat | {"content": chat["content"] | {"description": lines}}


def assert_golden(made, file):
    if os.environ.get("GATEWATCH_GOLDEN") == "write":
        file.write_text(made, "utf-8")
    assert made == file.read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_the_messages_of_an_event_are_the_golden_ones(case, language):
    assert_golden(pretty(payloads_of(case, language)), GOLDEN / case / f"slack.{language}.json")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", TOPIC_CASES)
def test_the_mails_of_an_event_are_the_golden_ones(case, language):
    mails = [f"Subject: {body.subject}\n\n{body.mail}" for body in topic_bodies_of(case, language)]
    assert_golden(f"\n{'=' * 40}\n\n".join(mails), GOLDEN / case / f"email.{language}.txt")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", TOPIC_CASES)
def test_the_notifications_of_an_event_are_the_golden_ones(case, language):
    made = [readable(body.chat) for body in topic_bodies_of(case, language)]
    text = json.dumps(made, ensure_ascii=False, indent=2)
    assert_golden(f"{text}\n", GOLDEN / case / f"chatbot.{language}.json")


@pytest.mark.parametrize("case", CASES)
def test_slack_would_take_a_golden_message_and_it_calls_nobody(case):
    for payload in payloads_of(case, "en"):
        assert problems(payload) == ()
        assert mentions(payload) == ()
