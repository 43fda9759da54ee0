"""The account of a demo: what the story promises, what Slack was told, what the page shows."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, NamedTuple

from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.config.settings import load_settings
from gatewatch.local.demo import scenario as story
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.local.demo.mail_subscriber import Mail
    from gatewatch.local.demo.scenario import Scene
    from gatewatch.local.slack.store import Received

_MARKS = ("🔴", "🟠", "🟡", "🔵", "⚪")
# Calls about a group itself have no rule to show.
_WITHOUT_RULES = frozenset({"CreateSecurityGroup", "DeleteSecurityGroup"})


class Told(NamedTuple):
    """One message: which event, to whom, with how many rules."""

    event_id: str
    channel: str
    rules: int


def expected(scenes: Sequence[Scene]) -> Counter[Told]:
    """By the story's own expectations: everything to one channel, what is serious in production to a second.

    And the digest of the day, with what stands open.
    """
    production = {
        each.id for each in load_settings(story.ACCOUNTS, story.POLICY).accounts.values() if each.environment == "prod"
    }
    told: Counter[Told] = Counter()
    for scene in scenes:
        rules = 0 if scene.record["eventName"] in _WITHOUT_RULES else scene.expect.changes
        is_serious = Severity(scene.expect.severity).rank >= Severity.HIGH.rank and scene.account in production
        for channel in ("sec-all", "sec-prod") if is_serious else ("sec-all",):
            told[Told(scene.record["eventID"], channel, rules)] += 1
    told[Told(story.DIGEST, "sec-all", story.OPEN_AT_LAST)] += 1
    return told


def told(received: Sequence[Received]) -> Counter[Told]:
    return Counter(Told(_event_id(one.message), one.channel, len(rule_heads(one.message))) for one in received)


def expected_mails(scenes: Sequence[Scene]) -> Counter[Told]:
    """What is critical goes to the hub's topic as well."""
    return Counter(
        Told(scene.record["eventID"], HUB_TOPIC, scene.expect.changes)
        for scene in scenes
        if scene.expect.severity == Severity.CRITICAL
    )


def mailed(mails: Sequence[Mail]) -> Counter[Told]:
    """The last line of a mail names the event."""
    return Counter(Told(mail.text.split()[-1], HUB_TOPIC, len(rule_heads({"mail": mail.text}))) for mail in mails)


def rule_lines(message: dict[str, Any]) -> list[str]:
    """The text lines of the sections that list rules; of what was worded for a topic, those under its headline."""
    if "mail" in message:
        return list(message["mail"].splitlines()[1:])
    return [
        line
        for attachment in message["attachments"]
        for block in attachment["blocks"]
        if block["type"] == "section" and "text" in block
        for line in block["text"]["text"].splitlines()
    ]


def rule_heads(message: dict[str, Any]) -> list[str]:
    """The first line of each rule begins with the mark of its severity."""
    return [line for line in rule_lines(message) if line.startswith(_MARKS)]


def _event_id(message: dict[str, Any]) -> str:
    """From the last line of a message: `EventName` `event id`. A digest has its title."""
    attachment = message["attachments"][0]
    footer = str(attachment["blocks"][-1]["elements"][0]["text"]).split("`")
    return footer[3] if len(footer) > 3 else str(attachment["fallback"])  # noqa: PLR2004 - the text behind the third


def shown(html: str) -> int:
    """How many messages a browser finds in the page."""
    counter = _Articles()
    counter.feed(html)
    return counter.found


class _Articles(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = 0

    def handle_starttag(self, tag: str, _attributes: Any) -> None:
        self.found += tag == "article"
