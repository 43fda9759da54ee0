"""Alert -> the destinations that hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.config.patterns import fits, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.destinations import Match
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert


def route(alert: Alert, settings: Settings) -> tuple[str, ...]:
    """The account's own destinations, then those of every route that matches; each once."""
    routed = [name for each in settings.routes if matches(alert, each.match) for name in each.to]
    return tuple(dict.fromkeys([*alert.account.destinations, *routed]))


def matches(alert: Alert, match: Match) -> bool:
    return (
        match.min_severity.rank <= alert.severity.rank <= match.max_severity.rank
        and fits(match.account, alert.account.id)
        and fits(match.environment, alert.account.environment)
        and fits(match.region, alert.call.region)
        and fits(match.actor, alert.call.actor.name)
        and (match.group is None or fits(match.group, *_group_names(alert)))
        and (match.family is None or any(each.change.family in listed(match.family) for each in alert.changes))
    )


def _group_names(alert: Alert) -> Iterator[str | None]:
    for each in alert.changes:
        yield each.change.group.id
        yield each.change.group.name
