"""Several alerts of one account and one actor as one message, worst first, every rule of each in it.

A critical alert is never folded: it keeps a message of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gatewatch.delivery.rollup_blocks import together
from gatewatch.model.message import Message
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST, _MOST = 3, 10


def foldable(messages: Sequence[Message]) -> tuple[int, ...]:
    """The places of those that go together with the first, in their order; none when it is not worth it.

    What another actor did may stand between them: it is told later then, unless the order says something.
    """
    if not messages or not is_foldable(messages[0]):
        return ()
    chosen, left = [0], list[Message]()
    for place, each in enumerate(messages[1:_MOST], start=1):
        before = [messages[known] for known in chosen]
        folds = _goes_with(before, each) and all(_may_swap(each, other) for other in left)
        if folds and _folded_body([*before, each]) is not None:
            chosen.append(place)
        else:
            left.append(each)
    return tuple(chosen) if len(chosen) >= FEWEST else ()


def _goes_with(chosen: Sequence[Message], other: Message) -> bool:
    is_same_actor = (other.account_id, other.actor) == (chosen[0].account_id, chosen[0].actor)
    return is_same_actor and is_foldable(other) and all(each.key != other.key for each in chosen)


def _may_swap(one: Message, other: Message) -> bool:
    """Of two messages about one group the later says how it stands, and one without a group may be about any.

    Nothing of one account is about another.
    """
    if one.account_id != other.account_id:
        return True
    return bool(one.about) and bool(other.about) and one.about != other.about


def is_foldable(message: Message) -> bool:
    is_whole = message.parts == 1 and message.instead_of is None
    return is_whole and bool(message.actor) and message.severity is not Severity.CRITICAL


def folded(messages: Sequence[Message]) -> Message:
    """One message for those that go together."""
    worst = _worst_first(messages)[0]
    return msgspec.structs.replace(
        worst,
        key=f"{messages[0].key}+{len(messages) - 1}",
        body=_folded_body(messages) or worst.body,
        gates=tuple(gate for each in messages for gate in each.gates),
        folded=tuple(messages),
    )


def _worst_first(messages: Sequence[Message]) -> list[Message]:
    return sorted(messages, key=lambda each: -each.severity.rank)


def _folded_body(messages: Sequence[Message]) -> str | None:
    opened = sum(1 for each in messages for gate in each.gates if gate.opened)
    return together([(each.key, each.body) for each in _worst_first(messages)], opened)
