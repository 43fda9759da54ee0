"""What was seen of groups lately, so that a group whose rules are changed one by one is looked at once."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from gatewatch.alerts.lookup.context import NOTHING_SEEN, Surroundings
from gatewatch.model.security_group import NO_GROUP, Group

if TYPE_CHECKING:
    from gatewatch.alerts.lookup.context import Question

_FRESH_SECONDS = 60.0
_LOOKS, _NAMES = 50, 5_000  # a look may hold a thousand rules

Place = tuple[str, str, str]
Value = TypeVar("Value")


class SeenLately:
    """A group keeps its name and its VPC. All else is told only as it was after the call, and not long ago."""

    def __init__(self) -> None:
        self._looks: OrderedDict[Place, Surroundings] = OrderedDict()
        self._names: OrderedDict[Place, Group] = OrderedDict()

    def of(self, question: Question, called: float, now: float) -> Surroundings:
        place, oldest = _place(question), max(called, now - _FRESH_SECONDS)
        look = self._looks.get(place, NOTHING_SEEN)
        return Surroundings(
            group=self._names.get(place, NO_GROUP),
            attached=look.attached if look.attached and look.attached.at.timestamp() >= oldest else None,
            rules=look.rules if look.rules and look.rules.at.timestamp() >= oldest else None,
        )

    def keep(self, question: Question, seen: Surroundings) -> None:
        _put(self._looks, _place(question), seen, _LOOKS)
        if seen.group.id:
            _put(self._names, _place(question), seen.group, _NAMES)


def _place(question: Question) -> Place:
    return question.account_id, question.region, question.group_id


def _put(kept: OrderedDict[Place, Value], place: Place, value: Value, most: int) -> None:
    kept.pop(place, None)
    kept[place] = value
    while len(kept) > most:
        kept.popitem(last=False)
