"""Golden payloads of the destinations that are neither Slack nor SNS: one case of each kind of text."""

import json
import os
from functools import cache

from gatewatch.alerts.notifications import notification_of
from gatewatch.alerts.replay import replay_documents
from gatewatch.config.settings import load_settings
from gatewatch.events.files import read_file
from gatewatch.model.message import OutboxMessage
from support.golden_context import assessor_of
from support.paths import GOLDEN

CASES = (
    "caller-context",
    "compliance-noncompliant-first",
    "denied",
    "hostile-texts",
    "iam-administrator-attached",
    "missing-facts",
    "modify-known-previous",
    "not-understood",
    "public-bucket-policy",
    "revoke",
    "sign-in-root-without-mfa",
    "sixty-rules",
    "unknown-account",
    "world",
)


@cache
def _settings(language):
    return load_settings(GOLDEN / "accounts.yaml", GOLDEN / "policy.yaml", language)


def messages_of(case, language, destination="room"):
    """The messages of a golden event, for one destination."""
    documents = read_file(GOLDEN / case / "event.json")
    alerts = list(replay_documents(documents, assessor_of(case, _settings(language))))
    return [OutboxMessage(destination=destination, notification=notification_of(each)) for each in alerts]


def assert_golden(value, file):
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    if os.environ.get("GATEWATCH_GOLDEN") == "write":
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")
