"""Notices of the sweep: what changed without an event, and what was open when the hub first looked."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import json

from gatewatch.model.message import addressed
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity
from gatewatch.rendering.time_text import utc_minute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatewatch.config.settings import Settings
    from gatewatch.inventory.likely_call import LikelyCall
    from gatewatch.inventory.model import AccountInventory, OpenItem, RegionInventory
    from gatewatch.model.message import OutboxMessage

_MAX_LINES = 25
_MAX_ALIAS = 80


def silent_change_messages(
    inventory: RegionInventory, items: Sequence[OpenItem], calls: Mapping[str, LikelyCall], settings: Settings
) -> list[OutboxMessage]:
    """Return the alert about rules that opened without an event. `calls` are likely calls by group id."""
    worst = max((each.severity for each in items), key=lambda each: each.rank)
    account = settings.account(inventory.account_id)
    values = {"account": f"{account.alias[:_MAX_ALIAS]} {inventory.account_id}", "region": inventory.region}
    notice = OperatorNotice(
        key=_key("silent-change", [inventory.account_id, inventory.region, inventory.at, [i.identity for i in items]]),
        kind=NoticeKind.DIFFERENT,
        severity=worst,
        language=account.language,
        title=Sentence("silent_change_title", values),
        paragraphs=(
            (Sentence("silent_change"),),
            _limited([_line(each, calls.get(each.group.id or "")) for each in items]),
            (Sentence("silent_change_next", {"command": "gatewatch open"}),),
        ),
        account_id=inventory.account_id,
    )
    return addressed(notice, settings.default_destinations)


def baseline_messages(
    accounts: Sequence[AccountInventory], regions: Sequence[RegionInventory], settings: Settings
) -> list[OutboxMessage]:
    """Return the summary of the first sweep: how much is open, the critical ones, and what could not be read."""
    items = [(region, item) for region in regions for item in region.items]
    counts = Counter(item.severity for _, item in items)
    critical = [_place(region, item, settings) for region, item in items if item.severity is Severity.CRITICAL]
    failed = [_failed(each, settings) for each in accounts if each.error]
    numbers = {each.value: str(counts[each]) for each in (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)}
    total = {"accounts": str(sum(not each.error for each in accounts)), "regions": str(len(regions)), **numbers}
    paragraphs = [
        (Sentence("baseline", total),),
        _limited(critical),
        _limited(failed),
        (Sentence("baseline_next", {"command": "gatewatch open"}),),
    ]
    notice = OperatorNotice(
        key=_key("baseline", [total, [each.account_id for each in accounts]]),
        kind=NoticeKind.REMINDER,
        severity=Severity.INFO,
        language=settings.defaults.language,
        title=Sentence("baseline_title"),
        paragraphs=tuple(each for each in paragraphs if each),
    )
    return addressed(notice, settings.default_destinations)


def _line(item: OpenItem, call: LikelyCall | None) -> Sentence:
    values = {"text": item.text, "group": _group(item)}
    if call is None:
        return Sentence("silent_change_line", values)
    by = {"call": call.name, "person": call.actor, "time": utc_minute(int(call.at.timestamp()))}
    return Sentence("silent_change_line_call", values | by)


def _place(region: RegionInventory, item: OpenItem, settings: Settings) -> Sentence:
    alias = settings.account(region.account_id).alias[:_MAX_ALIAS]
    return Sentence(
        "baseline_line",
        {"account": alias, "region": region.region, "group": _group(item) or item.resource_id, "text": item.text},
    )


def _failed(account: AccountInventory, settings: Settings) -> Sentence:
    alias = settings.account(account.account_id).alias[:_MAX_ALIAS]
    return Sentence("baseline_unread", {"account": f"{alias} {account.account_id}", "text": account.error})


def _group(item: OpenItem) -> str:
    return " ".join(each for each in (item.group.name, item.group.id) if each)


def _limited(lines: Sequence[Sentence]) -> tuple[Sentence, ...]:
    more = len(lines) - _MAX_LINES
    shown = tuple(lines[:_MAX_LINES])
    return (*shown, Sentence("more_lines", {"count": str(more)})) if more > 0 else shown


def _key(kind: str, content: object) -> str:
    return f"{kind}-{hashlib.sha256(json.encode(content)).hexdigest()[:32]}"
