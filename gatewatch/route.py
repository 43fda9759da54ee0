"""Alert -> the destinations that hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.patterns import fits

if TYPE_CHECKING:
    from gatewatch.model import Alert
    from gatewatch.settings import Match, Settings


def route(alert: Alert, settings: Settings) -> tuple[str, ...]:
    """The account's own destinations, then those of every route that matches; each once."""
    routed = [name for each in settings.routes if matches(alert, each.match) for name in each.to]
    return tuple(dict.fromkeys([*alert.account.destinations, *routed]))


def matches(alert: Alert, match: Match) -> bool:
    groups = [each.change.group for each in alert.changes]
    families = (match.family,) if isinstance(match.family, str) else match.family
    named = (
        fits(match.account, alert.account.id)
        and fits(match.environment, alert.account.environment)
        and fits(match.region, alert.call.region)
        and fits(match.actor, alert.call.actor.name)
        and fits(match.group, *(text for group in groups for text in (group.id, group.name)))
        and (families is None or any(each.change.family in families for each in alert.changes))
    )
    return named and match.min_severity.rank <= alert.severity.rank <= match.max_severity.rank
