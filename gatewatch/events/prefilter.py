"""A quick look over a CloudTrail log: most records of an archive are of no family, and need not be built to know it.

The look is exact: it reads the names where CloudTrail writes them, over the whole text, and whatever is not plainly
a log of records is left to be read whole. So it can lose nothing; it only saves the building of values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

if TYPE_CHECKING:
    from collections.abc import Callable


class _Head(Struct, gc=False):
    """What makes an object a record and nothing else (`decode`), and what says whose it is."""

    eventName: str  # noqa: N815  CloudTrail's spelling
    eventSource: str  # noqa: N815  CloudTrail's spelling
    eventVersion: str  # noqa: N815  CloudTrail's spelling
    detail: Raw | UnsetType = UNSET


class _Heads(Struct, forbid_unknown_fields=True):
    """A log file and nothing more: `{"Records": […]}`."""

    Records: list[_Head]


class _Records(Struct):
    Records: list[Raw]


_LOG = re.compile(rb'\s*\{\s*"Records"')
_HEAD = msgspec.json.Decoder(_Head)
_HEADS = msgspec.json.Decoder(_Heads)
_RECORDS = msgspec.json.Decoder(_Records)


def skim(text: bytes, may_matter: Callable[[str, str], bool]) -> list[Any] | None:
    """The records of a log, or of one line of it, that may matter; None when the text must be read whole.

    `may_matter` is asked for each pair of `eventSource` and `eventName`.
    """
    if not _is_utf8(text):
        return None
    try:
        return _skimmed(text, may_matter)
    except (msgspec.DecodeError, RecursionError):
        return None


def _skimmed(text: bytes, may_matter: Callable[[str, str], bool]) -> list[Any] | None:
    if not _LOG.match(text):
        head = _HEAD.decode(text)
        return None if head.detail is not UNSET or may_matter(head.eventSource, head.eventName) else []
    heads = _HEADS.decode(text).Records
    if any(head.detail is not UNSET for head in heads):
        return None
    wanted = [number for number, head in enumerate(heads) if may_matter(head.eventSource, head.eventName)]
    if not wanted:
        return []
    records = _RECORDS.decode(text).Records
    return [msgspec.json.decode(records[number]) for number in wanted]


def _is_utf8(text: bytes) -> bool:
    """What the quick look skips over it does not check; the encoding is checked here."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
