"""Several alerts of one account and one actor as one message, worst first, every rule of each in it.

A critical alert is never folded: it keeps a message of its own.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from gatewatch.model import Message, Severity
from gatewatch.rollup_text import together

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST, _MOST = 3, 10


def foldable(messages: Sequence[Message]) -> tuple[Message, ...]:
    """As many of the first messages as go together; none when it is not worth it. Their order stays."""
    if not messages or not is_foldable(messages[0]):
        return ()
    who = (messages[0].account_id, messages[0].actor)
    chosen: list[Message] = []
    for each in takewhile(lambda each: is_foldable(each) and (each.account_id, each.actor) == who, messages[:_MOST]):
        if len(chosen) >= 1 and _folded_body([*chosen, each]) is None:
            break
        chosen.append(each)
    return tuple(chosen) if len(chosen) >= _FEWEST else ()


def is_foldable(message: Message) -> bool:
    is_whole = message.parts == 1 and message.instead_of is None
    return is_whole and bool(message.actor) and message.severity is not Severity.CRITICAL


def folded(messages: Sequence[Message]) -> Message:
    """One message for those that `foldable` chose."""
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
