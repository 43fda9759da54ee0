"""Roles that one caller created and deleted within an hour, as deployments and their tests do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.digest.activity import AlertSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LIFETIME = timedelta(hours=1)


class ShortLife(Struct, frozen=True):
    """The creation of a role and its deletion. They are counted as one change, the more severe of the two."""

    role: str
    created: AlertSummary
    deleted: AlertSummary

    @property
    def counted(self) -> AlertSummary:
        return max(self.created, self.deleted, key=lambda each: each.worst.rank)

    @property
    def uncounted(self) -> AlertSummary:
        return self.deleted if self.counted is self.created else self.created


def short_lives(summaries: Iterable[AlertSummary]) -> Iterator[ShortLife]:
    """Yield each role that was deleted within an hour of its creation, in one account by one actor."""
    created: dict[tuple[str, str, str], AlertSummary] = {}
    for summary in sorted(summaries, key=lambda each: each.at):
        if summary.role is None:
            continue
        key = (summary.account, summary.actor, summary.role.name)
        if summary.role.is_created:
            created[key] = summary
        elif (start := created.pop(key, None)) and summary.at - start.at <= _LIFETIME:
            yield ShortLife(summary.role.name, start, summary)
