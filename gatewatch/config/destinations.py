"""`destinations:` and `routes:` of policy.yaml."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from gatewatch.config.formats import EVENT_BUS
from gatewatch.config.patterns import Patterns, pattern_list
from gatewatch.config.quiet_hours import QuietHours
from gatewatch.config.unit_paths import unit_path_problems
from gatewatch.model.change import Action, Family
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_DURATION = re.compile(r"^([1-9][0-9]{0,3})([mh])\Z", re.ASCII)
_UNITS = {"m": 60, "h": 3600}
_LONGEST_ESCALATION = 24 * 3600
_LONGEST_PACE = 60  # seconds; with more, a critical alert behind a few others is late
_EXAMPLE_BUS = "arn:aws:events:eu-west-1:111122223333:event-bus/security"
# The destination that needs no configuration: the alerts topic of the hub's stack, unless policy.yaml redefines it.
HUB_TOPIC = "alerts"


class SecretRef(Struct, frozen=True, forbid_unknown_fields=True):
    """The name of a secret: an SSM SecureString parameter or a Secrets Manager secret."""

    ssm: str | None = None
    secret: str | None = None


class DeliverySettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`fallback`: the destination of messages that this one does not accept. `pace` of a kind is in seconds."""

    fallback: str = HUB_TOPIC
    quiet: QuietHours | None = None


class SlackWebhook(DeliverySettings, frozen=True, tag_field="kind", tag="slack_webhook"):
    url: SecretRef
    pace: float = 1.0


class SlackApp(DeliverySettings, frozen=True, tag_field="kind", tag="slack_app"):
    channel: str
    token: SecretRef
    pace: float = 1.0


class SnsTopic(DeliverySettings, frozen=True, tag_field="kind", tag="sns"):
    """`topic` is an ARN, or `alerts` for the topic of the hub's stack."""

    topic: str = HUB_TOPIC
    pace: float = 0.0


class Teams(DeliverySettings, frozen=True, tag_field="kind", tag="teams"):
    """`url`: the webhook of a workflow of Microsoft Teams."""

    url: SecretRef
    pace: float = 1.0


class Webhook(DeliverySettings, frozen=True, tag_field="kind", tag="webhook"):
    """`signing_key`: the secret with which receivers check that a request is from gatewatch."""

    url: SecretRef
    signing_key: SecretRef
    pace: float = 0.0


class PagerDuty(DeliverySettings, frozen=True, tag_field="kind", tag="pagerduty"):
    """`routing_key`: that of an integration "Events API v2". `service_region`: where the PagerDuty account is."""

    routing_key: SecretRef
    service_region: Literal["us", "eu"] = "us"
    pace: float = 0.0


class EventBus(DeliverySettings, frozen=True, tag_field="kind", tag="eventbridge"):
    """`bus` is the ARN of an event bus in the Region of the hub."""

    bus: str
    pace: float = 0.0


Destination = SlackWebhook | SlackApp | SnsTopic | Teams | Webhook | PagerDuty | EventBus


class Match(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Every given criterion must match; patterns may be a list, with `*` and `?`.

    `ou` are paths: an account in the unit or below it matches. `tags` are patterns of the values of account tags.
    A call with several changes matches when one of them has the family and the action. Its severity is the highest of
    its changes.
    """

    account: Patterns | None = None
    environment: Patterns | None = None
    region: Patterns | None = None
    family: Family | tuple[Family, ...] | None = None
    action: Action | tuple[Action, ...] | None = None
    group: Patterns | None = None
    actor: Patterns | None = None
    ou: str | tuple[str, ...] | None = None
    tags: dict[str, Patterns] = {}
    min_severity: Severity = Severity.INFO
    max_severity: Severity = Severity.CRITICAL

    @cached_property
    def severities(self) -> frozenset[Severity]:
        return frozenset(each for each in Severity if self.min_severity.rank <= each.rank <= self.max_severity.rank)

    @cached_property
    def changes(self) -> frozenset[tuple[Family, Action]]:
        """Return the families and actions of which a call must have one."""
        families = [each for each in Family if self.family is None or each in pattern_list(self.family)]
        actions = [each for each in Action if self.action is None or each in pattern_list(self.action)]
        return frozenset(product(families, actions))

    @cached_property
    def is_of_any_call(self) -> bool:
        """Whether nothing is given but severity, family and action."""
        others = (self.account, self.environment, self.region, self.group, self.actor, self.ou)
        return not self.tags and all(each is None for each in others)


class RouteEscalation(Struct, frozen=True, forbid_unknown_fields=True):
    """`after` is such as 15m or 2h. Closing what an alert opened stops the escalation as well."""

    after: str
    to: str
    unless: Literal["acknowledged"] = "acknowledged"

    @property
    def seconds(self) -> int:
        """Return the time after the arrival of the event; 0 for an invalid one."""
        found = _DURATION.match(self.after)
        return int(found[1]) * _UNITS[found[2]] if found else 0

    def problems(self, own: Collection[str], known: Collection[str]) -> Iterator[str]:
        """Yield `key: sentence` for every problem. `own` are the destinations of the route, `known` all names."""
        if not 0 < self.seconds <= _LONGEST_ESCALATION:
            yield f'escalate.after: "{self.after}" is not a time of up to a day; write one such as 15m or 2h.'
        yield from (f"escalate.to: {each}" for each in undefined_destinations((self.to,), known))
        if self.to in own:
            yield f'escalate.to: "{self.to}" gets the alert already; write another destination.'


class Route(Struct, frozen=True, forbid_unknown_fields=True):
    to: tuple[str, ...]
    match: Match = Match()
    escalate: RouteEscalation | None = None

    @property
    def takes_low_and_above(self) -> bool:
        """Whether every alert of severity low and above matches."""
        return bool(self.to) and self.match in (Match(), Match(min_severity=Severity.LOW))


def destination_problems(destination: Destination, known: Collection[str]) -> Iterator[str]:
    """Yield `key: sentence` for every problem; `known` are the names of destinations."""
    for key, ref in secrets_of(destination).items():
        if (ref.ssm is None) == (ref.secret is None):
            yield f"{key}: write either {{ssm: /path}} or {{secret: name}}."
    if not 0 <= destination.pace <= _LONGEST_PACE:
        yield f"pace: {destination.pace:g} is not a number of seconds from 0 to {_LONGEST_PACE}; write one such as 1."
    if isinstance(destination, EventBus) and not EVENT_BUS.match(destination.bus):
        yield f'bus: "{destination.bus}" is not the ARN of an event bus; write one such as {_EXAMPLE_BUS}.'
    for key, sentence in destination.quiet.problems() if destination.quiet else ():
        yield f"quiet.{key}: {sentence}"
    yield from (f"fallback: {each}" for each in undefined_destinations((destination.fallback,), known))


def route_problems(route: Route, known: Collection[str]) -> Iterator[str]:
    """Yield `key: sentence` for every problem; `known` are the names of destinations."""
    if not route.to:
        yield "to: names no destination; write one, or remove the route."
    yield from (f"to: {each}" for each in undefined_destinations(route.to, known))
    yield from route.escalate.problems(route.to, known) if route.escalate else ()
    if route.match.min_severity.rank > route.match.max_severity.rank:
        yield "match: min_severity is above max_severity, so nothing matches; swap them."
    for path in pattern_list(route.match.ou):
        yield from (f"match.ou: {each}" for each in unit_path_problems(path))
    for key in ("account", "environment", "region", "family", "action", "group", "actor", "ou"):
        if getattr(route.match, key) == ():
            yield f"match.{key}: is an empty list, which matches nothing; leave it out or write a value."


def undefined_destinations(names: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each name that no destination has."""
    for name in names:
        if name not in known:
            defined = ", ".join(sorted(known)) or "none yet"
            yield f'"{name}" is not a destination; write one that policy.yaml defines ({defined}).'


def secrets_of(destination: Destination) -> dict[str, SecretRef]:
    """Return the secrets of a destination by the key that names each."""
    values = {key: getattr(destination, key) for key in destination.__struct_fields__}
    return {key: value for key, value in values.items() if isinstance(value, SecretRef)}
