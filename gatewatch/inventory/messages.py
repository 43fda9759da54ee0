"""Notices of the sweep: what changed without an event, and what was open when the hub first looked."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec import json

from gatewatch.inventory.coverage import GapKind
from gatewatch.model.message import addressed
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity
from gatewatch.rendering.time_text import utc_minute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gatewatch.config.settings import Settings
    from gatewatch.inventory.coverage import Gap
    from gatewatch.inventory.likely_call import LikelyCall
    from gatewatch.inventory.model import AccountInventory, OpenItem, RegionInventory
    from gatewatch.model.message import OutboxMessage

MAX_LINES = 25
_MAX_ALIAS = 80
_MAX_PARAGRAPH = 7
# Of gaps, so that a paragraph usually fits the 3,000 characters that Slack takes; the doctor lists all.
_MAX_GAP_LINES, _MAX_ACCOUNTS, _MAX_REGIONS, _MAX_SHORT_ALIAS = 10, 5, 20, 30


def silent_change_key(inventory: RegionInventory) -> str:
    """Return the key of the alert about the rules of a reading that are to be reported."""
    content = [inventory.account_id, inventory.region, sorted(inventory.unreported.items())]
    return _key("silent-change", content)


def silent_change_messages(
    inventory: RegionInventory, items: Sequence[OpenItem], calls: Mapping[str, LikelyCall], settings: Settings
) -> list[OutboxMessage]:
    """Return the alert about rules that opened without an event. `calls` are likely calls by group id."""
    worst = max((each.severity for each in items), key=lambda each: each.rank)
    account = settings.account(inventory.account_id)
    values = {"account": f"{account.alias[:_MAX_ALIAS]} {inventory.account_id}", "region": inventory.region}
    notice = OperatorNotice(
        key=silent_change_key(inventory),
        kind=NoticeKind.DIFFERENT,
        severity=worst,
        language=account.language,
        title=Sentence("silent_change_title", values),
        paragraphs=(
            (Sentence("silent_change"),),
            *_in_paragraphs(_limited([_line(each, calls.get(each.group.id or "")) for each in items])),
            (Sentence("silent_change_next", {"command": "gatewatch open"}),),
        ),
        account_id=inventory.account_id,
        subjects=len(items),
    )
    return addressed(notice, settings.default_destinations)


def report_messages(
    new: Sequence[AccountInventory],
    regions: Sequence[RegionInventory],
    gaps: Sequence[Gap],
    settings: Settings,
    started: float,
) -> list[OutboxMessage]:
    """Return the report of the sweep that started at a time, in seconds since 1970; nothing without new facts.

    `new`: accounts that were read for the first time. Their open items are summed up, the critical ones are listed.
    """
    if not (new or gaps):
        return []
    paragraphs = [*(_baseline(new, regions, settings) if new else ()), *_gap_paragraphs(gaps, settings)]
    notice = OperatorNotice(
        key=_key("sweep", started),  # a report that is made again, after a process ended, is no second message
        kind=NoticeKind.REMINDER,
        severity=Severity.INFO,
        language=settings.defaults.language,
        title=Sentence("baseline_title" if new else "sweep_gaps_title"),
        paragraphs=tuple(each for each in paragraphs if each),
    )
    return addressed(notice, settings.default_destinations)


def _baseline(
    accounts: Sequence[AccountInventory], regions: Sequence[RegionInventory], settings: Settings
) -> Iterator[Sequence[Sentence]]:
    ids = {each.account_id for each in accounts}
    items = [(region, item) for region in regions if region.account_id in ids for item in region.items]
    counts = Counter(item.severity for _, item in items)
    numbers = {each.value: str(counts[each]) for each in (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)}
    count = sum(each.account_id in ids for each in regions)
    yield (Sentence("baseline", {"accounts": str(len(ids)), "regions": str(count), **numbers}),)
    critical = [_place(region, item, settings) for region, item in items if item.severity is Severity.CRITICAL]
    yield from _in_paragraphs(_limited(critical))
    yield (Sentence("baseline_next", {"command": "gatewatch open"}),)


def _gap_paragraphs(gaps: Sequence[Gap], settings: Settings) -> Iterator[Sequence[Sentence]]:
    for kind in GapKind:
        if found := [each for each in gaps if each.kind is kind]:
            yield (Sentence(f"sweep_gaps_{kind}"), *_limited(_gap_lines(found, settings), _MAX_GAP_LINES))
    if gaps:
        yield (Sentence("sweep_gaps_next", {"command": "gatewatch doctor"}),)


def _gap_lines(gaps: Sequence[Gap], settings: Settings) -> list[Sentence]:
    """Return one line for all accounts with the same gap: a Region is usually missing in many of them."""
    accounts: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for each in gaps:
        accounts[each.regions, each.reason].append(each.account_id)
    return [_gap_line(regions, reason, ids, settings) for (regions, reason), ids in accounts.items()]


def _gap_line(regions: Sequence[str], reason: str, account_ids: Sequence[str], settings: Settings) -> Sentence:
    names = [f"{settings.account(each).alias[:_MAX_SHORT_ALIAS]} {each}" for each in account_ids]
    values = {"accounts": _enumeration(names, _MAX_ACCOUNTS), "regions": _enumeration(regions, _MAX_REGIONS)}
    key = "sweep_gap_regions" if regions else "sweep_gap_accounts"
    return Sentence(f"{key}_reason" if reason else key, {**values, "reason": reason})


def _enumeration(names: Sequence[str], limit: int) -> str:
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" (+{more})" if more > 0 else "")


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


def _group(item: OpenItem) -> str:
    return " ".join(each for each in (item.group.name, item.group.id) if each)


def _in_paragraphs(lines: tuple[Sentence, ...]) -> Iterator[tuple[Sentence, ...]]:
    """Yield a few lines at a time: Slack takes 3,000 characters a section, and cuts the rest."""
    return (lines[start : start + _MAX_PARAGRAPH] for start in range(0, len(lines), _MAX_PARAGRAPH))


def _limited(lines: Sequence[Sentence], limit: int = MAX_LINES) -> tuple[Sentence, ...]:
    more = len(lines) - limit
    shown = tuple(lines[:limit])
    return (*shown, Sentence("more_lines", {"count": str(more)})) if more > 0 else shown


def _key(kind: str, content: object) -> str:
    return f"{kind}-{hashlib.sha256(json.encode(content)).hexdigest()[:32]}"
