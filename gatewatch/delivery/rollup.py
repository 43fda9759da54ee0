"""Roll-ups: several alerts of one account and actor as one message.

A critical alert is never rolled up: it keeps a message of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.message import OutboxMessage, Rollup
from gatewatch.model.notification import AlertNotification
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


MIN_MESSAGES, _MAX_MESSAGES = 3, 10


def plan_rollup(
    messages: Sequence[OutboxMessage],
    is_whole: Callable[[OutboxMessage], bool],
    fits: Callable[[Rollup], bool],
) -> tuple[int, ...]:
    """The indexes of the messages that are rolled up with the first; empty when there are fewer than three.

    Alerts of other actors may stand between them: they are delivered afterwards, unless their order matters.
    `is_whole` says whether a message has one part, `fits` whether the channel accepts a roll-up.
    """
    if not messages or not _is_candidate(messages[0], is_whole):
        return ()
    chosen, skipped = [0], list[OutboxMessage]()
    for index, each in enumerate(messages[1:_MAX_MESSAGES], start=1):
        before = [messages[known] for known in chosen]
        joins = _belongs_to(before, each) and _is_candidate(each, is_whole)
        joins = joins and all(_may_swap(each, other) for other in skipped)
        if joins and fits(Rollup((*before, each))):
            chosen.append(index)
        else:
            skipped.append(each)
    return tuple(chosen) if len(chosen) >= MIN_MESSAGES else ()


def can_be_grouped(message: OutboxMessage) -> bool:
    """Whether an alert may be shown in a roll-up or in the thread of another one."""
    notification = message.notification
    if not isinstance(notification, AlertNotification) or message.fallback_for or message.updates_only:
        return False
    has_more = bool(notification.sections or notification.banners)  # which a roll-up would not show
    return bool(notification.actor) and notification.severity is not Severity.CRITICAL and not has_more


def _is_candidate(message: OutboxMessage, is_whole: Callable[[OutboxMessage], bool]) -> bool:
    return can_be_grouped(message) and is_whole(message)


def _belongs_to(chosen: Sequence[OutboxMessage], other: OutboxMessage) -> bool:
    first, wanted = chosen[0].notification, other.notification
    is_same_actor = (wanted.account_id, wanted.actor) == (first.account_id, first.actor)
    return is_same_actor and all(each.key != other.key for each in chosen)


def _may_swap(one: OutboxMessage, other: OutboxMessage) -> bool:
    """The later of two messages about one group shows its state; one without a group may be about any group.

    Messages of different accounts are about different groups.
    """
    if one.notification.account_id != other.notification.account_id:
        return True
    group, other_group = _group_key(one), _group_key(other)
    return bool(group) and bool(other_group) and group != other_group


def _group_key(message: OutboxMessage) -> str:
    notification = message.notification
    return notification.group_key if isinstance(notification, AlertNotification) else ""
