"""The chain, in one visible place: bytes → ApiCall → Change → Assessment → Alert → Message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field

from gatewatch.alerts.enrichment import enrich
from gatewatch.alerts.exposures import gate_of, group_of
from gatewatch.alerts.failed_sign_ins import FailedSignIns, Failures
from gatewatch.alerts.lookup.context import NOTHING_SEEN, Surroundings, completed, surrounded
from gatewatch.alerts.routing import route
from gatewatch.alerts.rule_history import Memory, recalled
from gatewatch.alerts.severity.assess import assess
from gatewatch.alerts.suppression import Excepted, excepted, moment
from gatewatch.config.settings import Settings
from gatewatch.events.changes.registry import changes_of
from gatewatch.model.alert import Alert
from gatewatch.model.message import Message
from gatewatch.rendering.message_bodies import Bodies
from gatewatch.rendering.slack import Templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change
    from gatewatch.model.exposure import Gate


class Judge(Struct, frozen=True):
    """What turns a call into an alert: the policy, and what is remembered of rules and of failed log-ins."""

    settings: Settings
    memory: Memory
    failures: Failures = field(default_factory=FailedSignIns)


def alert_of(call: ApiCall, judge: Judge) -> Alert | None:
    """The alert of one call; None for a call of no supported family."""
    changes = changes_of(call)
    if not changes:
        return None
    known = recalled(changes, call, judge.memory)
    return _judged(call, judge.failures.counted(known, call, judge.settings.judgement.sign_in), judge.settings)


def _judged(call: ApiCall, changes: Sequence[Change], settings: Settings) -> Alert:
    return enrich(call, assess(changes, settings.judgement), settings)


class Hub(Struct, frozen=True):
    """The whole chain's needs: to judge, to route and to word. `attributed` names gatewatch's own work as such.

    `look` asks the account of an alert what its call does not say.
    """

    settings: Settings
    memory: Memory
    templates: Templates
    failures: Failures = field(default_factory=FailedSignIns)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    attributed: Callable[[Alert], Alert] = lambda alert: alert
    look: Callable[[Alert], Surroundings] | None = None

    @property
    def judge(self) -> Judge:
        return Judge(self.settings, self.memory, self.failures)


class Worded(Struct, frozen=True):
    """An alert and what each destination is told of it; what exceptions made of it, and how many changes they mute.

    `judged` is the alert before any exception.
    """

    judged: Alert
    alert: Alert
    messages: tuple[Message, ...]
    muted: int = 0
    exceptions: tuple[str, ...] = ()


def worded(call: ApiCall, hub: Hub) -> Worded | None:
    """None for a call of no supported family."""
    alert = alert_of(call, hub.judge)
    if alert is None:
        return None
    judged = hub.attributed(alert)
    told = _excepted(judged, hub)
    seen = hub.look(told.alert) if hub.look and _is_told(told, hub) else NOTHING_SEEN
    changes = tuple(each.change for each in alert.changes)
    if (whole := completed(changes, seen)) != changes:
        judged = hub.attributed(_judged(call, whole, hub.settings))
        told = _excepted(judged, hub)
    messages = () if told.is_silent else tuple(_worded(told.alert, seen, hub))
    return Worded(judged, told.alert, messages, told.muted, told.applied)


def _excepted(alert: Alert, hub: Hub) -> Excepted:
    return excepted(alert, hub.settings.exceptions, moment(alert, hub.now()))


def _is_told(told: Excepted, hub: Hub) -> bool:
    return not told.is_silent and bool(route(told.alert, hub.settings))


def _worded(judged: Alert, seen: Surroundings, hub: Hub) -> Iterator[Message]:
    """Who hears of it is decided by what was judged; what was seen is only told."""
    alert = surrounded(judged, seen)
    bodies = Bodies(alert, hub.templates, hub.settings)
    gate = gate_of(alert, hub.templates.labels[alert.account.language])
    for destination in route(judged, hub.settings):
        yield from _messages(alert, destination, bodies.of(destination), gate)


def _messages(alert: Alert, destination: str, bodies: Sequence[str], gate: Gate | None) -> Iterator[Message]:
    """The messages of an alert, each with its own key in the ledger; the first one tells of the gate."""
    about = group_of(alert)
    for number, body in enumerate(bodies, start=1):
        key = f"{alert.call.delivery_key}#{destination}#{number}"
        yield Message(
            key=key,
            destination=destination,
            body=body,
            event_id=alert.call.event_id,
            account_id=alert.account.id,
            severity=alert.severity,
            part=number,
            parts=len(bodies),
            event_time=alert.call.time.timestamp() if alert.call.time else None,
            gates=(msgspec.structs.replace(gate, key=key),) if gate and number == 1 else (),
            actor=alert.call.actor.name,
            about=about,
        )
