"""Which destinations an alert is sent to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.config.patterns import matches_patterns, pattern_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.destinations import Match
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert


def route(alert: Alert, settings: Settings) -> tuple[str, ...]:
    """Return the account's own destinations, then those of every matching route, without duplicates."""
    routed = [name for each in settings.routes if matches(alert, each.match) for name in each.to]
    return tuple(dict.fromkeys([*alert.account.destinations, *routed]))


def matches(alert: Alert, match: Match) -> bool:
    return (
        match.min_severity.rank <= alert.severity.rank <= match.max_severity.rank
        and matches_patterns(match.account, alert.account.id)
        and matches_patterns(match.environment, alert.account.environment)
        and matches_patterns(match.region, alert.call.region)
        and matches_patterns(match.actor, alert.call.actor.name)
        and (match.group is None or matches_patterns(match.group, *_group_names(alert)))
        and (match.family is None or any(each.change.family in pattern_list(match.family) for each in alert.changes))
    )


def _group_names(alert: Alert) -> Iterator[str | None]:
    for each in alert.changes:
        yield each.change.group.id
        yield each.change.group.name
