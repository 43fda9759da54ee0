"""The whole thing on one machine: embedded AWS, the real templates, queues and functions, a local Slack.

A story of events is put on the members' buses; what arrives in Slack is held against what was sent.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from gatewatch.config.accounts import READ_ROLE
from gatewatch.config.destinations import SlackApp, SlackWebhook
from gatewatch.config.paths import EVENTBRIDGE
from gatewatch.config.settings import load_settings
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, MEMBERS, Cloud
from gatewatch.local.demo import expectations as account
from gatewatch.local.demo import resources as estate
from gatewatch.local.demo import scenario as story
from gatewatch.local.demo.mail_subscriber import Subscriber
from gatewatch.local.lambda_.event_source_mapping import Source, Worker, lambda_environment, message_count
from gatewatch.local.slack.inbox import Inbox, Received
from gatewatch.local.slack.page import page as render_page

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gatewatch.local.demo.scenario import Scene

_ORGANIZATION = "o-a1b2c3d4e5"
_TITLE = "gatewatch demo"


@dataclass(frozen=True)
class Road:
    """A deployed hub with its members and what they own, and the worker that serves its queues."""

    cloud: Cloud
    hub: Mapping[str, str]
    worker: Worker
    groups: Mapping[str, str]
    subscriber: Subscriber

    def tell(self, scenes: tuple[Scene, ...]) -> int:
        """Put the story on the members' buses; answers how many events that were."""
        for scene in scenes:
            for _ in range(scene.times):
                self.cloud.publish(scene.account, scene.region, estate.with_ids(scene.record, self.groups))
        return sum(scene.times for scene in scenes)

    def sum_up(self) -> None:
        """The digest of the story's day, told the morning after; the book began the morning before."""
        from functions import digest  # noqa: PLC0415

        for morning in story.MORNINGS:
            digest.compose_at(morning.timestamp).run()

    def dead(self) -> int:
        """Messages in the dead-letter queues."""
        sqs = self.cloud.session(HUB_ACCOUNT, HUB_REGION).client("sqs")
        urls = (self.hub["EventsDeadUrl"], self.hub["OutboxDeadUrl"])
        sources = [Source("dead", _no_function, sqs, url, "") for url in urls]
        return sum(message_count(source) for source in sources)


def _no_function(_event: dict[str, Any], _context: Any) -> None:
    """A dead-letter queue has none."""


@contextmanager
def road(inbox: Inbox) -> Iterator[Road]:
    """Deploy hub and members with what they own, keep the secrets, and put the functions into their environment."""
    with Cloud() as cloud:
        hub = cloud.deploy(
            HUB_ACCOUNT,
            HUB_REGION,
            EVENTBRIDGE / "hub.yaml",
            {"OrganizationId": _ORGANIZATION, "ReadRole": READ_ROLE, "OutboxVisibility": "5", "EventsVisibility": "5"},
        )
        parameters = {"HubBusArn": hub["BusArn"], "SurveyorArn": hub["AlertRoleArn"]}
        for account, region in MEMBERS:
            cloud.deploy(account, region, EVENTBRIDGE / "member.yaml", parameters)
        _keep_secrets(cloud, inbox)
        groups = estate.furnish(cloud)
        with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION) | variables(hub, inbox)):
            subscriber = Subscriber(cloud.session(HUB_ACCOUNT, HUB_REGION), hub["AlertsTopicArn"])
            yield Road(cloud, hub, _worker(cloud, hub), groups, subscriber)


def _keep_secrets(cloud: Cloud, inbox: Inbox) -> None:
    ssm = cloud.session(HUB_ACCOUNT, HUB_REGION).client("ssm")
    for name, destination in load_settings(story.ACCOUNTS, story.POLICY).destinations.items():
        if isinstance(destination, SlackWebhook) and destination.url.ssm:
            ssm.put_parameter(Name=destination.url.ssm, Value=inbox.webhook_url(name), Type="SecureString")
        if isinstance(destination, SlackApp) and destination.token.ssm:
            ssm.put_parameter(Name=destination.token.ssm, Value="xoxb-of-the-local-slack", Type="SecureString")


def variables(hub: Mapping[str, str], inbox: Inbox) -> dict[str, str]:
    return {
        "GATEWATCH_SLACK_API": inbox.api,
        "GATEWATCH_ACCOUNTS": str(story.ACCOUNTS),
        "GATEWATCH_POLICY": str(story.POLICY),
        "GATEWATCH_OUTBOX_URL": hub["OutboxUrl"],
        "GATEWATCH_OUTBOX_DEAD_URL": hub["OutboxDeadUrl"],
        "GATEWATCH_EVENTS_DEAD_URL": hub["EventsDeadUrl"],
        "GATEWATCH_MEMBER_ROLE": "gatewatch/gatewatch-remediation",
        "GATEWATCH_ALERTS_TOPIC": hub["AlertsTopicArn"],
        "GATEWATCH_TABLE": hub["TableName"],
        "GATEWATCH_BOOK": hub["BookName"],
        "GATEWATCH_ALERT_SERVICE": "gatewatch-prod-alert",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "PYTZ_SKIPEXISTSCHECK": "1",
    }


def _worker(cloud: Cloud, hub: Mapping[str, str]) -> Worker:
    """The functions are imported inside their environment, as Lambda does."""
    from functions import alert, deliver  # noqa: PLC0415

    alert.compose.cache_clear()
    deliver.compose.cache_clear()
    sqs = cloud.session(HUB_ACCOUNT, HUB_REGION).client("sqs")
    return Worker(
        Source("alert", alert.handler, sqs, hub["EventsQueueUrl"], hub["EventsQueueArn"]),
        Source("deliver", deliver.handler, sqs, hub["OutboxUrl"], hub["OutboxArn"]),
    )


def demo(page: Path) -> int:
    """Run the story once, print what arrived, write the inbox page; 0 when all arrived, once and whole."""
    console = Console(highlight=False, soft_wrap=True)
    scenes = story.load_story()
    with Inbox(title=_TITLE) as inbox:
        with road(inbox) as deployed:
            console.print(f"hub {HUB_ACCOUNT} in {HUB_REGION}, {len(MEMBERS)} member stacks\n", style="dim")
            sent = deployed.tell(scenes)
            deployed.worker.drain()
            deployed.sum_up()
            deployed.worker.drain()
            mails, lost = list(deployed.subscriber.mails()), deployed.dead()
        received, lost = inbox.received, lost + len(inbox.refused)
    for message in received:
        _print(console, message)
    for mail in mails:
        console.print(Text("✉ ").append(mail.subject, "bold"))
    html = render_page(received, live=False, title=_TITLE)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html, encoding="utf-8")
    distinct = len({scene.record["eventID"] for scene in scenes})
    console.print(f"\n{sent} events on the members' buses, {distinct} of them distinct · inbox page: {page}")
    bad_mails = mail_verdict(console, account.expected_mails(scenes), account.mailed(mails))
    return verdict(console, account.expected(scenes), account.told(received), account.shown(html), lost) or bad_mails


def _print(console: Console, received: Received) -> None:
    attachment = received.message["attachments"][0]
    line = Text(f"#{received.channel:<9}" + ("↳ " if received.message.get("thread_ts") else ""))
    line.append("▌ ", attachment["color"])
    line.append(_plain(attachment["fallback"]), "bold")
    console.print(line)
    for rule in account.rule_lines(received.message):
        console.print(Text(f"             {_plain(rule)}"))


def _plain(mrkdwn: str) -> str:
    """The entities of mrkdwn as a terminal shows them; anything else in it is harmless already."""
    return mrkdwn.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def verdict(
    console: Console, sent: Counter[account.Told], received: Counter[account.Told], shown: int, lost: int
) -> int:
    """Every message with its number of rule lines: as the story has it, as Slack got it, as the page shows it."""
    for told, problem in [*_each(sent - received, "missing"), *_each(received - sent, "not expected")]:
        console.print(f"{problem}: {told.event_id} in #{told.channel} with {told.rules} rules", style="bold red")
    good = sent == received and shown == received.total() and not lost
    console.print(
        f"messages: sent {sent.total()} = received {received.total()} = rendered {shown}, lost {lost}: "
        f"{'all arrived, once and whole' if good else 'NOT as it should be'}",
        style="bold green" if good else "bold red",
    )
    return 0 if good else 1


def mail_verdict(console: Console, sent: Counter[account.Told], received: Counter[account.Told]) -> int:
    """The same for what the hub's topic was told."""
    for told, problem in [*_each(sent - received, "missing"), *_each(received - sent, "not expected")]:
        console.print(f"{problem}: a mail of {told.event_id} with {told.rules} rules", style="bold red")
    console.print(f"mails of what is critical: sent {sent.total()}, received {received.total()}")
    return 0 if sent == received else 1


def _each(difference: Counter[account.Told], problem: str) -> list[tuple[account.Told, str]]:
    return [(told, problem) for told in difference.elements()]


def up(port: int) -> int:
    """Tell the story and stay: what is put on a member's bus shows up in the page until Ctrl-C."""
    console = Console(highlight=False)
    logging.getLogger("gatewatch").setLevel(logging.WARNING)
    stop = threading.Event()
    with Inbox(port=port, title=_TITLE) as inbox, road(inbox) as deployed:
        serving = threading.Thread(target=deployed.worker.run, args=(stop,), name="worker")
        serving.start()
        try:
            deployed.tell(story.load_story())
            console.print(f"inbox: {inbox.url}   (Ctrl-C ends)")
            console.print(f"embedded AWS: {deployed.cloud.endpoint}")
            stop.wait()
        except KeyboardInterrupt:
            console.print("ending")
        finally:
            stop.set()
            serving.join()
    return 0
