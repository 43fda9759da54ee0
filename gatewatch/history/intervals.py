"""What stood open, from when to when, and who opened and closed it."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.delivery.exposure_history import ExposureClosed, ExposureOpened, closings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.exposure import ExposureChange


class OpenInterval(Struct, frozen=True, order=True):
    """`resource` is a security group or `setting/resource`, `rule` what was open in it.

    Times are RFC 3339. What is still open has no end; `ended` is `closed`, `narrowed` or empty.
    """

    account_id: str
    region: str
    resource: str
    rule: str
    opened_at: str
    opened_by: str
    opened_event: str
    closed_at: str | None = None
    closed_by: str | None = None
    closed_event: str | None = None
    ended: str = ""


class _Group(Struct):
    """Openings and closings of one group or setting; the closings by the rule that they name."""

    openings: set[ExposureOpened]
    by_rule: dict[str, set[ExposureClosed]]
    of_others: set[ExposureClosed]

    def end_of(self, opened: ExposureOpened) -> ExposureClosed | None:
        named = self.by_rule.get(opened.rule.rule_id, set()) | self.by_rule.get(opened.rule.shape, set())
        return min((each for each in named | self.of_others if each.closes(opened)), default=None)


class Intervals:
    """Collects changes in any order; a change that comes twice counts once."""

    def __init__(self) -> None:
        self._groups: defaultdict[str, _Group] = defaultdict(lambda: _Group(set(), defaultdict(set), set()))

    def add(self, change: ExposureChange) -> None:
        group = self._groups[change.group_key]
        key = change.event_id
        group.openings.update(ExposureOpened(change.at, key, each, change.actor, key) for each in change.opened)
        for closing in closings_of(key, change):
            if closing.closes_others:
                group.of_others.add(closing)
            for name in filter(None, (closing.rule.rule_id, closing.rule.shape)):
                group.by_rule[name].add(closing)

    def all(self) -> Iterator[OpenInterval]:
        """Yield the intervals by account, Region, resource and time."""
        for group_key in sorted(self._groups):
            group = self._groups[group_key]
            for opened in sorted(group.openings):
                yield _interval(group_key, opened, group.end_of(opened))


def _interval(group_key: str, opened: ExposureOpened, end: ExposureClosed | None) -> OpenInterval:
    account_id, region, resource = group_key.split("/", 2)
    return OpenInterval(
        account_id,
        region,
        resource,
        opened.rule.shape or opened.rule.rule_id,
        _time(opened.at),
        opened.actor,
        opened.event_id,
        *((_time(end.at), end.actor, end.key, end.how) if end else ()),
    )


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
