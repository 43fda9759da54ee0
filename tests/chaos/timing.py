"""Copies of each alert, and how long it took until people at each destination were notified, by severity."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from chaos.assertions import calls_of
from chaos.clock import START
from gatewatch.config.destinations import SlackApp, SlackWebhook, SnsTopic
from gatewatch.delivery.attempts import MAX_UNCERTAIN_POSTS
from gatewatch.delivery.escalations import DELIVERY_SECONDS
from gatewatch.model.severity import Severity


@dataclass(frozen=True)
class Delivery:
    """One alert at one destination. `seconds` until it was delivered there or by its fallback; None if neither.

    `copies` are those in the destination, `fallback_copies` those by its fallback.
    """

    key: str
    destination: str
    severity: Severity
    seconds: float | None
    copies: int
    fallback_copies: int


def deliveries(harness, arrivals):
    """Every alert at every destination that it was routed to."""
    arrived, done = _arrivals(arrivals), harness.deliveries
    fallbacks = defaultdict(list)
    for part in done.at:
        key, _, number = part.rpartition("#")
        if "#for-" in key and number == "1":
            event, _, others = key.partition("#")
            fallbacks[event, others.rpartition("#for-")[2]].append(part)
    for message in {each.key: each for each in harness.messages()}.values():
        event = message.notification.key
        if message.fallback_for or message.updates_only or event not in arrived:
            continue
        part, instead = f"{message.key}#1", fallbacks[event, message.destination]
        times = [done.at[each] - arrived[event] for each in (part, *instead) if each in done.at]
        copies = max(done.copies[f"{message.key}#{number}"] for number in range(1, 6))
        by_fallback = sum(done.copies[each] for each in instead)
        severity = message.notification.severity
        yield Delivery(event, message.destination, severity, min(times, default=None), copies, by_fallback)


def _arrivals(arrivals):
    """When the first event of each alert arrived, by the key of its notification."""
    times = {}
    for each in arrivals:
        for call in calls_of(each.body):
            times[call.delivery_key] = min(START + each.at, times.get(call.delivery_key, float("inf")))
    return times


def at_each(found):
    """Seconds until an alert was at a destination or its fallback, by severity; infinite for a lost one."""
    by_severity = defaultdict(list)
    for each in found:
        by_severity[each.severity].append(float("inf") if each.seconds is None else each.seconds)
    return by_severity


def violations(found):
    """What exceeds the bounds when the fallbacks answer: copies, and the time of `late`."""
    for each in found:
        if each.copies > MAX_UNCERTAIN_POSTS or each.fallback_copies > 1:
            yield f"too many copies: {each}"
    yield from late(found)


def late(found):
    """Alerts of severity critical and high that were nowhere within their time, and any that was lost."""
    for each in found:
        if each.seconds is None or each.seconds > DELIVERY_SECONDS.get(each.severity, float("inf")):
            yield f"too late: {each}"


GROUPS = {
    "critical": (Severity.CRITICAL,),
    "high": (Severity.HIGH,),
    "others": (Severity.MEDIUM, Severity.LOW, Severity.INFO),
}
KINDS = {"slack_webhook": SlackWebhook, "slack_app": SlackApp, "sns": SnsTopic}
COLUMNS = ("alerts", "one copy", "most copies", "by fallback", *GROUPS)


def by_kind(found, settings):
    """The kinds of destinations, and what was delivered to those of each."""
    for name, kind in KINDS.items():
        own = [each for each in found if isinstance(settings.destinations[each.destination], kind)]
        if own:
            yield f"kind {name}", own


def row(found):
    """The values of `COLUMNS`; the times are median, worst. `one copy` is a share of the alerts in the destination."""
    there = [each for each in found if each.copies]
    one = sum(each.copies == 1 for each in there)
    times = at_each(found)
    return (
        f"{len({each.key for each in found})}",
        f"{100 * one / len(there):.2f} %",
        f"{max(each.copies for each in found)}",
        f"{max(each.fallback_copies for each in found)}",
        *(_seconds([second for each in severities for second in times[each]]) for severities in GROUPS.values()),
    )


def table(rows):
    """Rows of a name and the values of `COLUMNS`, with times in seconds."""
    lines = [("", *COLUMNS), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(value.rjust(width) for value, width in zip(line, widths, strict=True)) for line in lines)


def _seconds(values):
    return f"{median(values):.0f}, {max(values):.0f} s" if values else "none"
