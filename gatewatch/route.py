"""Alert -> the destinations that hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewatch.model import Alert
    from gatewatch.settings import Match, Settings


def route(alert: Alert, settings: Settings) -> tuple[str, ...]:
    """The account's own destinations, then those of every route that matches; each once."""
    routed = [name for each in settings.routes if _matches(alert, each.match) for name in each.to]
    return tuple(dict.fromkeys([*alert.account.destinations, *routed]))


def _matches(alert: Alert, match: Match) -> bool:
    facts = (
        (match.account, alert.account.id),
        (match.environment, alert.account.environment),
        (match.region, alert.call.region),
        (match.family, alert.worst.change.family),
    )
    named = all(wanted is None or wanted == actual for wanted, actual in facts)
    return named and alert.severity.rank >= match.min_severity.rank
