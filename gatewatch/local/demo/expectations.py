"""Expected and delivered messages of a demo, in a form that can be compared, and the number on the page."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, NamedTuple

from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.config.settings import load_settings
from gatewatch.inventory.model import ResourceKind
from gatewatch.local.demo import resources, scenario
from gatewatch.model.exposure import Origin
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gatewatch.digest.open_now import OpenReport, OpenRow
    from gatewatch.local.demo.email_subscriber import Email
    from gatewatch.local.demo.scenario import ScenarioEvent
    from gatewatch.local.receivers import ReceivedRequest
    from gatewatch.local.slack.store import ReceivedMessage

_MARKS = ("🔴", "🟠", "🟡", "🔵", "⚪")
# Calls about a group itself have no rule to show.
_WITHOUT_RULES = frozenset({"CreateSecurityGroup", "DeleteSecurityGroup"})


class DeliveredMessage(NamedTuple):
    """Which event, in which channel or topic, with how many rules."""

    event_id: str
    destination: str
    rules: int


class OtherMessage(NamedTuple):
    """A message of a destination that is neither Slack nor SNS: kind; alert, trigger or resolve; headline."""

    kind: str
    action: str
    summary: str


class OpenAtEnd(NamedTuple):
    """What stands open: account, name of the group or id of the resource, what it allows, and who opened it."""

    alias: str
    name: str
    allows: str
    opened_by: str


_SSH, _WEB = "tcp 22 from 0.0.0.0/0", "tcp 8080 from 0.0.0.0/0"
_MINJI = "minji.kim@example.com (AWSReservedSSO_NetworkAdmin_8f1d0c7b5a3e2964)"
_PREFIX_LIST = "a prefix list"
OPEN_AT_END = Counter(
    [
        OpenAtEnd("payments-prod", "legacy-jump-host", _SSH, Origin.OLDER),
        OpenAtEnd("payments-prod", resources.BUCKET, "public", Origin.OLDER),
        OpenAtEnd("payments-prod", "web-stack", _SSH, Origin.NO_EVENT),
        OpenAtEnd("payments-prod", "jihoon-workstation", _SSH, _MINJI),
        OpenAtEnd("payments-prod", "payments-reporting", "tcp 5432 from 0.0.0.0/0", _MINJI),
        OpenAtEnd("payments-prod", _PREFIX_LIST, "0.0.0.0/0", _MINJI),
        OpenAtEnd("shop-dev", "=1+1 *bold* @channel", _WEB, "<!here>*root*`x`@evil.example (build)"),
        OpenAtEnd("shop-dev", "customer-demo", _WEB, "sora.lee"),
        OpenAtEnd("unknown account", "test-database", "tcp 3306 from 0.0.0.0/0", "root"),
    ]
)
"""What the scenario leaves open: the rule for remote desktop is reverted, the second one for SSH is closed."""


def open_now(report: OpenReport) -> Counter[OpenAtEnd]:
    return Counter(
        OpenAtEnd(each.alias, _name(each), each.allows, each.opened_by or each.origin) for each in report.rows
    )


def _name(row: OpenRow) -> str:
    """The id of a prefix list differs from run to run."""
    return row.name or (_PREFIX_LIST if row.kind == ResourceKind.PREFIX_LISTS else row.resource)


def expected_messages(events: Sequence[ScenarioEvent]) -> Counter[DeliveredMessage]:
    """Every event in one channel, high and critical ones of production in a second, and the digest with open rules."""
    production = {
        each.id
        for each in load_settings(scenario.ACCOUNTS, scenario.POLICY).accounts.values()
        if each.environment == "prod"
    }
    messages: Counter[DeliveredMessage] = Counter()
    for event in events:
        rules = 0 if event.record["eventName"] in _WITHOUT_RULES else event.expected.changes
        is_serious = Severity(event.expected.severity).rank >= Severity.HIGH.rank and event.account in production
        for channel in ("sec-all", "sec-prod") if is_serious else ("sec-all",):
            messages[DeliveredMessage(event.record["eventID"], channel, rules)] += 1
    messages[DeliveredMessage(scenario.DIGEST_TITLE, "sec-all", scenario.OPEN_IN_DIGEST)] += 1
    messages.update(DeliveredMessage(each, "sec-all", 0) for each in scenario.SWEEP_TITLES)
    return messages


def delivered_messages(received: Sequence[ReceivedMessage]) -> Counter[DeliveredMessage]:
    return Counter(
        DeliveredMessage(_event_id(one.message), one.channel, len(rule_headings(one.message))) for one in received
    )


def expected_emails(events: Sequence[ScenarioEvent]) -> Counter[DeliveredMessage]:
    """One for each critical event: the policy routes them to the hub's topic too."""
    return Counter(
        DeliveredMessage(event.record["eventID"], HUB_TOPIC, event.expected.changes)
        for event in events
        if event.expected.severity == Severity.CRITICAL
    )


def delivered_emails(emails: Sequence[Email]) -> Counter[DeliveredMessage]:
    """The last word of an e-mail is the event id."""
    return Counter(
        DeliveredMessage(email.text.split()[-1], HUB_TOPIC, len(rule_headings({"mail": email.text})))
        for email in emails
    )


def expected_others(events: Sequence[ScenarioEvent]) -> list[OtherMessage]:
    """The one alert that the policy routes to the other kinds of destinations, and the closing of its incident."""
    (summary,) = [each.expected.summary for each in events if each.record["eventID"] == scenario.ALERT_OF_OTHERS]
    return [
        *(OtherMessage(kind, "alert", summary) for kind in ("teams", "webhook", "eventbridge")),
        OtherMessage("pagerduty", "trigger", summary),
        OtherMessage("pagerduty", "resolve", ""),
    ]


def other_messages(received: Sequence[ReceivedRequest], findings: Iterable[dict[str, Any]]) -> tuple[OtherMessage, ...]:
    """What Teams, PagerDuty, the webhook and the event bus got."""
    requests = (_OTHERS[each.kind](each.body) for each in received)
    return (*requests, *(OtherMessage("eventbridge", "alert", each["detail"]["message"]) for each in findings))


def _teams_message(body: dict[str, Any]) -> OtherMessage:
    header = body["attachments"][0]["content"]["body"][0]["items"][0]["inlines"][0]["text"]
    return OtherMessage("teams", "alert", header.partition(": ")[2])


def _incident(body: dict[str, Any]) -> OtherMessage:
    """The summary begins with the severity and ends with the place."""
    summary = body.get("payload", {}).get("summary", "")
    return OtherMessage("pagerduty", body["event_action"], summary.partition(": ")[2].partition(" · ")[0])


def _webhook_message(body: dict[str, Any]) -> OtherMessage:
    return OtherMessage("webhook", body["kind"], body["summary"])


_OTHERS = {"teams": _teams_message, "pagerduty": _incident, "webhook": _webhook_message}


def rule_lines(message: dict[str, Any]) -> list[str]:
    """The text lines of the sections that list rules; of an SNS message, all lines after the headline."""
    if "mail" in message:
        return list(message["mail"].splitlines()[1:])
    return [
        line
        for attachment in message["attachments"]
        for block in attachment["blocks"]
        if block["type"] == "section" and "text" in block
        for line in block["text"]["text"].splitlines()
    ]


def rule_headings(message: dict[str, Any]) -> list[str]:
    """The first line of each rule, which begins with the mark of its severity."""
    return [line for line in rule_lines(message) if line.startswith(_MARKS)]


def _event_id(message: dict[str, Any]) -> str:
    """The event id in the last line of a message (`EventName` `event id`); of a digest or a notice, its title."""
    first, *_, last = message["attachments"] * 2
    footer = str(last["blocks"][-1].get("elements", [{"text": ""}])[0]["text"]).split("`")
    return footer[3] if len(footer) > 3 else str(first["fallback"])  # noqa: PLR2004 - the text after the third back-tick


def count_articles(html: str) -> int:
    """Number of `<article>` elements, which is the number of messages on the page."""
    counter = _Articles()
    counter.feed(html)
    return counter.found


class _Articles(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = 0

    def handle_starttag(self, tag: str, _attributes: Any) -> None:
        self.found += tag == "article"
