"""What a worker finds in its files, one entry a line: assessed alerts, and calls that need earlier files."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.alerts.exposures import exposure_change_of
from gatewatch.alerts.resource_exposures import resource_exposure_of
from gatewatch.config.paths import TEMPLATES
from gatewatch.events.decoding import UnrecognizedDocument
from gatewatch.model.alert import Alert
from gatewatch.model.api_call import ApiCall
from gatewatch.model.exposure import ExposureChange
from gatewatch.rendering.json_rows import Row, rows
from gatewatch.rendering.text.labels import load_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.errors import UndecodableError
    from gatewatch.rendering.text.labels import Labels


class Assessed(Struct, frozen=True, tag="assessed"):
    """The rows of one call, as `gatewatch replay --format json` prints them, and what it opened or closed."""

    rows: tuple[Row, ...]
    exposure_change: ExposureChange | None = None


class CallInOrder(Struct, frozen=True, tag="call"):
    """A call that is assessed when the calls of all earlier files are known."""

    call: ApiCall


class Problem(Struct, frozen=True, tag="problem"):
    """What could not be decoded, by `file:line`."""

    where: str
    reason: str


Entry = Assessed | CallInOrder | Problem
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Entry)


def english_labels() -> Labels:
    """Labels of the reasons in rows, which are in English for every account."""
    return load_labels(TEMPLATES, "en")


def assessed(alert: Alert, english: Labels) -> Assessed:
    return Assessed(tuple(rows(alert, english)), exposure_change_of(alert) or resource_exposure_of(alert))


def entry_of_result(result: Alert | ApiCall | UnrecognizedDocument | UndecodableError, english: Labels) -> Entry:
    match result:
        case Alert():
            return assessed(result, english)
        case ApiCall():
            return CallInOrder(result)
        case UnrecognizedDocument():
            return Problem(result.where, "unrecognized document, skipped")
        case _:
            return Problem(result.where, result.reason)


def pack_entries(entries: Iterable[Entry]) -> bytes:
    """Return gzip of one JSON object a line; the same entries give the same bytes."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
    lines = (compressor.compress(_ENCODER.encode(each) + b"\n") for each in entries)
    return b"".join(lines) + compressor.flush()


def unpack_entries(packed: bytes) -> Iterator[Entry]:
    """Raises `EOFError` for what has no end or nothing, `msgspec.DecodeError` for a line that is no entry."""
    if not packed:
        raise EOFError
    return (_DECODER.decode(line) for line in gzip.decompress(packed).splitlines())
