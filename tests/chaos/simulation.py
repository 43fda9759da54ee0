"""The big run: a day's faults by seed over a virtual clock."""

from chaos.clock import START
from chaos.faults import Dice
from chaos.harness import Harness
from chaos.scenario import scenario

HOUR = 3600
SLACK = (
    *((f"429 with Retry-After {seconds}", 0.008) for seconds in (0, 1, 3, 30, 120)),
    ("429 without Retry-After", 0.015),
    ("500", 0.008),
    ("503", 0.008),
    ("502 page of a proxy", 0.004),
    ("200 page of a proxy", 0.004),
    ("ok:false, for now", 0.006),
    ("connection refused", 0.008),
    ("reset before the body", 0.006),
    ("slow beyond the timeout", 0.006),
    ("answer reset mid-body", 0.003),
    ("answer too slow", 0.002),
    ("invalid_blocks", 0.003),
    ("ok:false, for good", 0.002),
    ("redirect", 0.001),
)
# (channel, from, to, what it says): hours from the beginning.
OUTAGES = (
    ("sec-prod", 0.6, 1.0, "503"),
    ("oncall", 1.2, 7.0, "connection refused"),
    ("sec-all", 1.5, 1.55, "no_service"),
    ("payments", 0.2, 0.25, "channel_not_found"),
    ("C0123456789", 0.4, 0.45, "channel_not_found"),
)


def weather(harness, channel, key):
    hours = (harness.clock.now - START) / HOUR
    for name, first, last, fault in OUTAGES:
        if channel == name and first <= hours < last:
            harness.fate.note(f"outage: {fault}", key)
            return fault
    return harness.fate.slack(channel, key)


def simulate(count, seed, *, kill=0.0008, throttle=0.01, **harness):
    """A harness after `count` events, and what arrived."""
    dice = Dice(seed, kill=kill, throttle=throttle, lose=0.001, slack=SLACK)
    arrivals = scenario(count, seed)
    for each in arrivals:
        if each.kind != "event":
            dice.injected[f"event: {each.kind}"] += 1
    chaos = Harness(dice, weather, ghost=0.01, **harness)
    chaos.arrive(arrivals)
    chaos.run(until=START + 0.5 * HOUR)
    chaos.rotate()
    chaos.run()
    return chaos, arrivals
