"""`policy.yaml` `destinations:` and `routes:` -> who hears of what, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.patterns import Patterns
from gatewatch.config.quiet_hours import QuietHours
from gatewatch.model.change import Family
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

# The destination that needs no configuration: the topic `alerts` of the hub's stack, unless policy.yaml redefines it.
HUB_TOPIC = "alerts"


class SecretRef(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is kept: an SSM SecureString parameter or a Secrets Manager secret. Never the secret."""

    ssm: str | None = None
    secret: str | None = None


class SlackWebhook(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="slack_webhook"):
    """`pace`: seconds from one message to the next. `fallback`: who is told what this channel would not take."""

    url: SecretRef
    pace: float = 1.0
    fallback: str = HUB_TOPIC
    quiet: QuietHours | None = None


class SlackApp(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="slack_app"):
    channel: str
    token: SecretRef
    pace: float = 1.0
    fallback: str = HUB_TOPIC
    quiet: QuietHours | None = None


class SnsTopic(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="sns"):
    """`topic` is an ARN, or `alerts`, the topic of the hub's own stack."""

    topic: str = HUB_TOPIC
    pace: float = 0.0
    fallback: str = HUB_TOPIC
    quiet: QuietHours | None = None


Destination = SlackWebhook | SlackApp | SnsTopic


class Match(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything named must agree; what is not named matches anything. Several are a list, and `*` stands for any.

    A call with several changes matches by any one of them, and its severity is that of its worst.
    """

    account: Patterns | None = None
    environment: Patterns | None = None
    region: Patterns | None = None
    family: Family | tuple[Family, ...] | None = None
    group: Patterns | None = None
    actor: Patterns | None = None
    min_severity: Severity = Severity.INFO
    max_severity: Severity = Severity.CRITICAL


class Route(Struct, frozen=True, forbid_unknown_fields=True):
    to: tuple[str, ...]
    match: Match = Match()

    @property
    def takes_everything(self) -> bool:
        return bool(self.to) and self.match == Match()


def destination_problems(destination: Destination, known: Collection[str]) -> Iterator[str]:
    """The key and a sentence for all that is wrong; `known` are the names of destinations."""
    for key, ref in _secrets(destination):
        if (ref.ssm is None) == (ref.secret is None):
            yield f"{key}: write either {{ssm: /path}} or {{secret: name}}."
    for key, sentence in destination.quiet.problems() if destination.quiet else ():
        yield f"quiet.{key}: {sentence}"
    yield from (f"fallback: {each}" for each in unknown((destination.fallback,), known))


def route_problems(route: Route, known: Collection[str]) -> Iterator[str]:
    """Likewise."""
    if not route.to:
        yield "to: names no destination; write one, or take the route away."
    yield from (f"to: {each}" for each in unknown(route.to, known))
    if route.match.min_severity.rank > route.match.max_severity.rank:
        yield "match: min_severity is above max_severity, so it takes nothing; swap them."
    for key in ("account", "environment", "region", "family", "group", "actor"):
        if getattr(route.match, key) == ():
            yield f"match.{key}: is an empty list, which takes nothing; leave it out or name something."


def unknown(names: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """A sentence for each name that no destination has."""
    for name in names:
        if name not in known:
            defined = ", ".join(sorted(known)) or "none yet"
            yield f'"{name}" is no destination; write one that policy.yaml defines ({defined}).'


def _secrets(destination: Destination) -> tuple[tuple[str, SecretRef], ...]:
    if isinstance(destination, SlackWebhook):
        return (("url", destination.url),)
    return (("token", destination.token),) if isinstance(destination, SlackApp) else ()
