"""Which destinations a notification is sent to. Alerts, remediations and access keys have the same routes."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.patterns import matches_patterns, matches_tags, pattern_list
from gatewatch.config.unit_paths import is_in_unit
from gatewatch.model.account import Account
from gatewatch.model.change import Action, Family
from gatewatch.model.security_group import Group
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from gatewatch.config.destinations import Match, Route
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert

_FAMILY_AND_ACTION, _GROUP = attrgetter("change.family", "change.action"), attrgetter("change.group")


class RoutingFacts(Struct, frozen=True, kw_only=True):
    """What routes match. An unknown fact matches a wildcard only.

    `changes` have no value that a caller writes: the name of the API decides both.
    """

    account: Account
    severity: Severity
    changes: frozenset[tuple[Family, Action]]
    region: str | None = None
    actor: str | None = None
    groups: tuple[Group, ...] = ()


def route(alert: Alert, settings: Settings) -> tuple[str, ...]:
    """Return the destinations of an alert."""
    return destinations_of(routing_facts(alert), settings)


def escalating_routes(alert: Alert, settings: Settings) -> tuple[Route, ...]:
    """Return the routes that an alert matches and that escalate it."""
    candidates = [each for each in settings.routes if each.escalate]
    facts = routing_facts(alert) if candidates else None
    return tuple(each for each in candidates if facts and matches(facts, each.match))


def routing_facts(alert: Alert) -> RoutingFacts:
    return RoutingFacts(
        account=alert.account,
        severity=alert.severity,
        changes=frozenset(map(_FAMILY_AND_ACTION, alert.changes)),
        region=alert.call.region,
        actor=alert.call.actor.name,
        groups=tuple(map(_GROUP, alert.changes)),
    )


def destinations_of(facts: RoutingFacts, settings: Settings) -> tuple[str, ...]:
    """Return the account's own destinations, then those of every matching route, without duplicates."""
    routed = [name for each in settings.routes if matches(facts, each.match) for name in each.to]
    return tuple(dict.fromkeys([*facts.account.destinations, *routed]))


def matches(facts: RoutingFacts, match: Match) -> bool:
    if facts.severity not in match.severities or match.changes.isdisjoint(facts.changes):
        return False
    return match.is_of_any_call or (
        (match.account is None or matches_patterns(match.account, facts.account.id))
        and (match.environment is None or matches_patterns(match.environment, facts.account.environment))
        and (match.region is None or matches_patterns(match.region, facts.region))
        and (match.ou is None or any(is_in_unit(facts.account.ou, each) for each in pattern_list(match.ou)))
        and (not match.tags or matches_tags(match.tags, facts.account.tags.items()))
        and (match.actor is None or matches_patterns(match.actor, facts.actor))
        and (match.group is None or any(matches_patterns(match.group, each.id, each.name) for each in facts.groups))
    )
