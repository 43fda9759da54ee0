"""Prefilter of CloudTrail logs: drops records of no family before their values are built.

The filter is exact. It decodes only the names of each record, and leaves any text that is not clearly a log of
records to the full reader.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

if TYPE_CHECKING:
    from collections.abc import Callable


class _RecordHeader(Struct, gc=False):
    """The keys that make an object a record (see `decode`) and name its call."""

    eventName: str  # noqa: N815  CloudTrail's spelling
    eventSource: str  # noqa: N815  CloudTrail's spelling
    eventVersion: str  # noqa: N815  CloudTrail's spelling
    detail: Raw | UnsetType = UNSET


class _LogHeaders(Struct, forbid_unknown_fields=True):
    """A log file without other keys: `{"Records": […]}`."""

    Records: list[_RecordHeader]


class _RawLog(Struct):
    Records: list[Raw]


_LOG = re.compile(rb'\s*\{\s*"Records"')
_RECORD_HEADER = msgspec.json.Decoder(_RecordHeader)
_LOG_HEADERS = msgspec.json.Decoder(_LogHeaders)
_RAW_LOG = msgspec.json.Decoder(_RawLog)


def relevant_records(text: bytes, is_relevant: Callable[[str, str], bool]) -> list[Any] | None:
    """Return the relevant records of a log, or of one line of it; None when the text needs the full reader.

    `is_relevant` is called with the `eventSource` and the `eventName` of each record.
    """
    if not _is_utf8(text):
        return None
    try:
        return _filter(text, is_relevant)
    except (msgspec.DecodeError, RecursionError):
        return None


def _filter(text: bytes, is_relevant: Callable[[str, str], bool]) -> list[Any] | None:
    if not _LOG.match(text):
        header = _RECORD_HEADER.decode(text)
        return None if header.detail is not UNSET or is_relevant(header.eventSource, header.eventName) else []
    headers = _LOG_HEADERS.decode(text).Records
    if any(each.detail is not UNSET for each in headers):
        return None
    wanted = [number for number, each in enumerate(headers) if is_relevant(each.eventSource, each.eventName)]
    if not wanted:
        return []
    records = _RAW_LOG.decode(text).Records
    return [msgspec.json.decode(records[number]) for number in wanted]


def _is_utf8(text: bytes) -> bool:
    """The header decoder skips values without validating them, so the encoding is checked here."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
