"""Prefilter of CloudTrail logs: drops records of no family before their values are built.

Only the names of each record are decoded; the records that remain are returned as JSON, each by itself. A record
without readable names always remains, so one odd record costs only its own parse. A text that is not clearly a log
of records is left to the full reader.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gatewatch.events.surrogates import has_lone_surrogates, without_lone_surrogates

if TYPE_CHECKING:
    from collections.abc import Callable

    IsRelevant = Callable[[str, str], bool]


class _RecordHeader(Struct, gc=False):
    """The keys that make an object a record (see `decode`) and name its call."""

    eventName: str  # noqa: N815  CloudTrail's spelling
    eventSource: str  # noqa: N815  CloudTrail's spelling
    eventVersion: str  # noqa: N815  CloudTrail's spelling
    detail: Raw | UnsetType = UNSET


class _LogHeaders(Struct, forbid_unknown_fields=True):
    """A log file without other keys: `{"Records": […]}`."""

    Records: list[_RecordHeader]


class _RawLog(Struct, forbid_unknown_fields=True):
    Records: list[Raw]


_LOG = re.compile(rb'\s*\{\s*"Records"')
_RECORD_HEADER = msgspec.json.Decoder(_RecordHeader)
_LOG_HEADERS = msgspec.json.Decoder(_LogHeaders)
_RAW_LOG = msgspec.json.Decoder(_RawLog)


def relevant_records(text: bytes, is_relevant: IsRelevant) -> list[tuple[int, bytes]] | None:
    """Return position and JSON of the relevant records of a log; None when the text needs the full reader.

    A line that is a record itself gives no records when it is not relevant, else None. `is_relevant` is called with
    `eventSource` and `eventName`. Lone surrogates are replaced, as `parse` does.
    """
    try:
        return _filter(text, is_relevant)
    except msgspec.ValidationError:
        return None
    except msgspec.DecodeError:
        return relevant_records(without_lone_surrogates(text), is_relevant) if has_lone_surrogates(text) else None
    except RecursionError:
        return None


def _filter(text: bytes, is_relevant: IsRelevant) -> list[tuple[int, bytes]] | None:
    if not _LOG.match(text):
        return None if _is_wanted(text, is_relevant) else []
    wanted = _wanted_positions(text, is_relevant)
    if wanted == []:
        return []
    records = _RAW_LOG.decode(text).Records
    if wanted is None:
        wanted = [number for number, each in enumerate(records) if _is_wanted(bytes(each), is_relevant)]
    return [(number, bytes(records[number])) for number in wanted]


def _wanted_positions(text: bytes, is_relevant: IsRelevant) -> list[int] | None:
    """Positions of the records that matter, in one pass; None when the records must be looked at one by one.

    The header decoder skips values without checking their encoding, so that is checked here.
    """
    if not _is_utf8(text):
        return None
    try:
        headers = _LOG_HEADERS.decode(text).Records
    except msgspec.ValidationError:  # well-formed JSON, with a member that has no names
        return None
    names = [(each.eventSource, each.eventName) for each in headers]
    relevant = {each for each in set(names) if is_relevant(*each)}
    return [number for number, each in enumerate(headers) if names[number] in relevant or each.detail is not UNSET]


def _is_wanted(text: bytes, is_relevant: IsRelevant) -> bool:
    """Whether a record matters or cannot be read; raises `DecodeError` for what is not JSON."""
    if not _is_utf8(text):
        return True
    try:
        header = _RECORD_HEADER.decode(text)
    except msgspec.ValidationError:
        return True
    return header.detail is not UNSET or is_relevant(header.eventSource, header.eventName)


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
