"""Hand-made events and the messages they become, in every language. `make golden` writes them; people read them."""

import json
import os
import re
from pathlib import Path

import pytest
from survey_kit import messages

from gatewatch.archive import documents_of_file
from gatewatch.block_kit import mentions, problems
from gatewatch.model import Alert
from gatewatch.pipeline import Judge
from gatewatch.render import load_templates, slack_payloads
from gatewatch.replay import replay
from gatewatch.rules import RecentRules
from gatewatch.settings import LANGUAGES, load_settings

GOLDEN = Path(__file__).parent / "golden"
TEMPLATES = Path(__file__).parents[1] / "templates"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/event.json"))
SETTINGS = {each: load_settings(GOLDEN / "accounts.yaml", GOLDEN / "policy.yaml", each) for each in LANGUAGES}
COMPILED = load_templates(TEMPLATES, LANGUAGES)
# One text object a line, so that a message reads like one.
_TEXT = re.compile(r'\{\n\s+("type": "(?:mrkdwn|plain_text)",(?:\n.*?)+?)\n\s+\}')


def payloads_of(case, language):
    settings = SETTINGS[language]
    if (GOLDEN / case / "ec2.json").exists():
        return [json.loads(body) for body in messages(GOLDEN / case, settings, COMPILED)["room"]]
    alerts = list(replay(documents_of_file(GOLDEN / case / "event.json"), Judge(settings, RecentRules())))
    assert all(isinstance(alert, Alert) for alert in alerts)
    return [json.loads(payload) for alert in alerts for payload in slack_payloads(alert, COMPILED, settings.colors)]


def pretty(payloads):
    text = json.dumps(payloads, ensure_ascii=False, indent=2)
    return _TEXT.sub(lambda found: "{" + re.sub(r"\n\s+", " ", found[1]) + "}", text) + "\n"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_the_messages_of_an_event_are_the_golden_ones(case, language):
    made = pretty(payloads_of(case, language))
    file = GOLDEN / case / f"slack.{language}.json"
    if os.environ.get("GATEWATCH_GOLDEN") == "write":
        file.write_text(made, "utf-8")
    assert made == file.read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
def test_slack_would_take_a_golden_message_and_it_calls_nobody(case):
    for payload in payloads_of(case, "en"):
        assert problems(payload) == ()
        assert mentions(payload) == ()
