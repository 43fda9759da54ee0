"""The demo: publish the scenario, check what arrived in Slack against what was sent, write the inbox page."""

from __future__ import annotations

import logging
import shlex
import threading
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, MEMBERS
from gatewatch.local.demo import expectations, people, scenario
from gatewatch.local.demo.deployment import deploy
from gatewatch.local.demo.resources import open_without_event
from gatewatch.local.demo.scenario import load_scenario
from gatewatch.local.slack.inbox import Inbox, ReceivedMessage
from gatewatch.local.slack.page import render_page

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gatewatch.digest.open_now import OpenReport
    from gatewatch.local.demo.expectations import DeliveredMessage, OtherMessage

_TITLE = "gatewatch demo"
_STARTING = "deploying to a local AWS and publishing events: about half a minute"


def demo(page: Path, print_open: Callable[[OpenReport], None]) -> int:
    """Run the scenario once, print the messages and what stands open at its end, and write the inbox page.

    Returns 0 when every message arrived once and complete, and what stands open is what the scenario left open.
    """
    console = Console(highlight=False, soft_wrap=True)
    page.parent.mkdir(parents=True, exist_ok=True)
    with page.open("a"):  # a page that cannot be written is reported now
        pass
    console.print(_STARTING, style="dim")
    events = load_scenario()
    with Inbox(title=_TITLE) as inbox:
        with deploy(inbox) as deployment:
            console.print(f"hub {HUB_ACCOUNT} in {HUB_REGION}, {len(MEMBERS)} member stacks\n", style="dim")
            deployment.send_canaries()
            deployment.poller.drain()
            deployment.sweep(scenario.FIRST_SWEEP)
            sent = deployment.publish(events)
            deployment.poller.drain()
            deployment.run_digest()
            deployment.poller.drain()
            alerts = inbox.received
            people.click_all(inbox, deployment.poller.drain)
            answers = len(inbox.received) - len(alerts)
            open_without_event(deployment.cloud, deployment.ids, scenario.SILENT_CHANGE)
            report = deployment.open_report(deployment.sweep(scenario.SECOND_SWEEP))
            deployment.poller.drain()
            emails, lost = list(deployment.subscriber.receive()), deployment.dead_letter_count()
            others = expectations.other_messages(deployment.receivers.received, deployment.findings.receive())
        received, lost = inbox.received, lost + len(inbox.rejected)
    for message in received:
        _print(console, message)
    for email in emails:
        console.print(Text("✉ ").append(email.subject, "bold"))
    for other in others:
        console.print(Text(f"{other.kind:<12}{other.action:<8} ").append(other.summary, "bold"))
    html = render_page(received, live=False, title=_TITLE)
    page.write_text(html, encoding="utf-8")
    distinct = len({event.record["eventID"] for event in events})
    console.print(f"\n{sent} events on the members' buses, {distinct} of them distinct · inbox page: {page}")
    console.print(f"{len(people.CLICKS)} clicks of people, {answers} messages about them")
    notified = [*alerts, *received[len(alerts) + answers :]]
    delivered = expectations.delivered_messages(notified), expectations.count_articles(html) - answers
    email_status = check_emails(console, expectations.expected_emails(events), expectations.delivered_emails(emails))
    other_status = check_others(console, expectations.expected_others(events), others)
    console.print("\ngatewatch open", style="bold")
    print_open(report)
    open_status = check_open(console, report)
    status = check_messages(console, expectations.expected_messages(events), *delivered, lost)
    return status or email_status or other_status or open_status


def _print(console: Console, received: ReceivedMessage) -> None:
    if person := received.message.get("ephemeral_to"):
        console.print(Text(f"#{received.channel:<9}👁 {person}: {_unescape(received.message['text'])}"))
        return
    attachment = received.message["attachments"][0]
    line = Text(f"#{received.channel:<9}" + ("↳ " if received.message.get("thread_ts") else ""))
    line.append("▌ ", attachment["color"])
    line.append(_unescape(attachment["fallback"]), "bold")
    console.print(line)
    for rule in expectations.rule_lines(received.message):
        console.print(Text(f"             {_unescape(rule)}"))


def _unescape(mrkdwn: str) -> str:
    """Replace the entities of mrkdwn; the rendering has already removed everything else that is special."""
    return mrkdwn.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def check_messages(
    console: Console, sent: Counter[DeliveredMessage], received: Counter[DeliveredMessage], on_page: int, lost: int
) -> int:
    """Compare expected, received and displayed messages with their numbers of rules; 0 when they agree, else 1."""
    for message, problem in _differences(sent, received):
        console.print(
            f"{problem}: {message.event_id} in #{message.destination} with {message.rules} rules", style="bold red"
        )
    is_good = sent == received and on_page == received.total() and not lost
    console.print(
        f"messages: sent {sent.total()} = received {received.total()} = rendered {on_page}, lost {lost}: "
        f"{'every message arrived once and complete' if is_good else 'FAILED'}",
        style="bold green" if is_good else "bold red",
    )
    return 0 if is_good else 1


def check_emails(console: Console, sent: Counter[DeliveredMessage], received: Counter[DeliveredMessage]) -> int:
    """Compare expected and received e-mails of the hub's topic; 0 when they agree, else 1."""
    for email, problem in _differences(sent, received):
        console.print(f"{problem}: e-mail of {email.event_id} with {email.rules} rules", style="bold red")
    console.print(f"e-mails of critical alerts: sent {sent.total()}, received {received.total()}")
    return 0 if sent == received else 1


def check_others(console: Console, expected: Sequence[OtherMessage], received: Sequence[OtherMessage]) -> int:
    """Compare expected and received messages of the other destinations; 0 when they agree, else 1."""
    is_good = sorted(expected) == sorted(received)
    for each in () if is_good else expected:
        console.print(f"expected in {each.kind}: {each.action} {each.summary}", style="bold red")
    console.print(f"messages of Teams, PagerDuty, webhook and event bus: {len(received)} of {len(expected)}")
    return 0 if is_good else 1


def check_open(console: Console, report: OpenReport) -> int:
    """Compare what stands open with what the scenario left open; 0 when they agree and everything was read, else 1."""
    expected, found = expectations.OPEN_AT_END, expectations.open_now(report)
    for each in (expected - found).elements():
        console.print(Text(f"missing: {' · '.join(each)}", "bold red"))
    for each in (found - expected).elements():
        console.print(Text(f"not expected: {' · '.join(each)}", "bold red"))
    is_good = expected == found and not report.readings.unread
    result = "what the scenario left open" if is_good else "FAILED"
    console.print(f"open now: {found.total()}, expected {expected.total()}: {result}")
    return 0 if is_good else 1


def _differences(
    sent: Counter[DeliveredMessage], received: Counter[DeliveredMessage]
) -> list[tuple[DeliveredMessage, str]]:
    missing = [(each, "missing") for each in (sent - received).elements()]
    return missing + [(each, "not expected") for each in (received - sent).elements()]


def up(port: int, environment: Path) -> int:
    """Publish the scenario and keep running until Ctrl-C: events on a member's bus appear on the page.

    Writes the variables for commands against the hub to the file `environment`, as lines for a shell.
    """
    console = Console(highlight=False, soft_wrap=True)
    logging.getLogger("gatewatch").setLevel(logging.WARNING)
    stop = threading.Event()
    console.print(_STARTING, style="dim")
    with Inbox(port=port, title=_TITLE) as inbox, deploy(inbox) as deployment:
        polling = threading.Thread(target=deployment.poller.run, args=(stop,), name="poller")
        polling.start()
        try:
            deployment.publish(load_scenario())
            console.print(f"inbox: {inbox.url}   (press Ctrl-C to stop)")
            environment.parent.mkdir(parents=True, exist_ok=True)
            environment.write_text(exports(deployment.cloud.variables(HUB_ACCOUNT, HUB_REGION)))
            console.print(f"for commands in another terminal: source {environment}")
            stop.wait()
        except KeyboardInterrupt:
            console.print("stopping")
        finally:
            stop.set()
            polling.join()
    return 0


def exports(variables: Mapping[str, str]) -> str:
    """The variables, and the folder of the demo's configuration, as lines for a shell."""
    every = {**variables, "GATEWATCH_CONFIG": str(scenario.SCENARIO_FILES)}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in every.items())
