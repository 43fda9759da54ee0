"""Bad days of one destination, each by itself: nothing else goes wrong, and what it does must cost nobody else."""

import json
import random
from dataclasses import dataclass, replace

from chaos.clock import START
from chaos.faults import Dice
from chaos.harness import Harness
from chaos.scenario import SPAN, Arrival, flood, scenario

HOUR = 3600
DAY = 86_400


@dataclass(frozen=True)
class Incident:
    """`fault(hours, random)` is what Slack does at `channel`; `stretch` makes the events arrive over a longer time."""

    name: str
    channel: str
    fault: object
    stretch: float = 1.0
    flood: int = 0


def _from_to(first, last, fault, share=1.0):
    return lambda hours, random: fault if first <= hours < last and random.random() < share else None


def _late_by(first, last, share):
    slow = _from_to(first, last, "", share)
    return lambda hours, random: None if slow(hours, random) is None else f"answers after {random.uniform(5, 15):.1f} s"


INCIDENTS = (
    Incident("no fault", "", _from_to(0, 0, "")),
    Incident("takes the post, never answers", "sec-prod", _from_to(0.5, 1.5, "never answers")),
    Incident("half the answers after the timeout", "sec-prod", _from_to(0.5, 1.5, "answers after the timeout", 0.5)),
    Incident("the same of a Slack app", "C0123456789", _from_to(0.5, 1.5, "answers after the timeout", 0.5)),
    Incident("half the answers after 5 to 15 s", "sec-prod", _late_by(0.5, 1.5, 0.5)),
    Incident("one 429 with Retry-After a day", "sec-prod", "once"),
    Incident("429 with a day for six hours", "sec-prod", _from_to(0.5, 6.5, f"429 with Retry-After {DAY}")),
    Incident("down for a night", "sec-prod", _from_to(0.5, 10.5, "connection refused"), stretch=4.0),
    Incident("flood of refused 1,000-rule calls", "", _from_to(0, 0, ""), flood=200),
)


def simulate_incident(incident, count, seed, harness=Harness):
    """A harness after `count` events during an incident, and what arrived."""
    dice = random.Random(seed)  # noqa: S311
    asked = [] if incident.fault == "once" else None

    def weather(harness, channel, _key):
        hours = (harness.clock.now - START) / HOUR
        if channel != incident.channel:
            return None
        if asked is None:
            return incident.fault(hours, dice)
        if asked or hours < 0.5:
            return None
        asked.append(hours)
        return f"429 with Retry-After {DAY}"

    arrivals = [replace(each, at=each.at * incident.stretch) for each in scenario(count, seed)]
    if incident.flood:
        arrivals += [Arrival(SPAN / 2 + at, json.dumps(event), "event") for at, event in flood(incident.flood)]
    chaos = harness(Dice(seed), weather)
    chaos.arrive(arrivals)
    chaos.run()
    return chaos, arrivals
