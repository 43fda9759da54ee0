"""Reads files, folders and standard input into parsed documents, one at a time.

Compression and form are decided from the content. JSON Lines are read line by line, so a folder of any size needs
the memory of its largest document, which may have MAX_DOCUMENT_BYTES. An unreadable document is yielded as an error in
its place.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, cast

from msgspec import Struct

from gatewatch.errors import ConfigurationError, UndecodableError
from gatewatch.events.changes.registry import may_be_relevant
from gatewatch.events.decoding import parse
from gatewatch.events.gunzip import GZIP_ERRORS, open_gzip
from gatewatch.events.prefilter import relevant_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# CloudTrail log files have at most about 50 MB uncompressed. A larger document may be a gzip bomb.
MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
_TOO_LARGE = f"is larger than {MAX_DOCUMENT_BYTES // 1024**2} MiB uncompressed; split it, or use JSON Lines"
SUFFIXES = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz")
_GZIP = b"\x1f\x8b"


class Document(Struct, frozen=True):
    """Parsed JSON and its position: `file`, or `file:line`."""

    where: str
    content: Any


def find_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files to read, those of a folder in the order of their paths as text.

    Raises `ConfigurationError` for a missing path.
    """
    found: list[Path] = []
    for path in paths:
        if not _exists(path):
            raise ConfigurationError(f"{path}: does not exist; name an existing file or folder.")
        found.extend(_in_folder(path) if path.is_dir() else [path])
    return found


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name that is too long, a folder without permission
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}).") from error


def _in_folder(folder: Path) -> list[Path]:
    found = (each for each in folder.rglob("*") if each.name.endswith(SUFFIXES) and each.is_file())
    return sorted(found, key=lambda each: each.as_posix())  # as S3 lists them


def read_file(path: Path) -> Iterator[Document | UndecodableError]:
    try:
        with path.open("rb") as stream:
            yield from read_documents(stream, str(path))
    except OSError as error:
        yield UndecodableError(str(path), f"cannot be read ({error.strerror or error})")


def read_documents(stream: IO[bytes], name: str) -> Iterator[Document | UndecodableError]:
    """Yield every document of a stream of bytes, gzip or not."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
    plain = open_gzip(buffered) if buffered.peek(2)[:2] == _GZIP else buffered
    try:
        yield from _documents(plain, name)
    except _DocumentTooLarge:
        yield UndecodableError(name, _TOO_LARGE)
    except EOFError:
        yield UndecodableError(name, "is a truncated gzip")
    except GZIP_ERRORS as error:
        yield UndecodableError(name, f"is a damaged gzip ({error})")


class _DocumentTooLarge(Exception):  # noqa: N818 - never leaves this module
    """A document has more than MAX_DOCUMENT_BYTES."""


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(MAX_DOCUMENT_BYTES + 1):
        if len(line) > MAX_DOCUMENT_BYTES:
            raise _DocumentTooLarge
        yield line


def _documents(stream: IO[bytes], name: str) -> Iterator[Document | UndecodableError]:
    lines = (
        (number, line) for number, line in enumerate(_lines(stream), start=1) if line.strip(b"\xef\xbb\xbf \t\r\n")
    )
    number, first = next(lines, (0, b""))
    if not first:
        yield UndecodableError(name, "is empty")
        return
    try:
        yield from _parsed(first, f"{name}:{number}")
    except UndecodableError as error:
        remaining = _collect(lines, MAX_DOCUMENT_BYTES - len(first))
        yield from _whole([(number, first), *remaining], name) if remaining else [UndecodableError(name, error.reason)]
        return
    for number, line in lines:
        yield from _parsed_line(line, f"{name}:{number}")


def _collect(lines: Iterable[tuple[int, bytes]], limit: int) -> list[tuple[int, bytes]]:
    collected = []
    for number, line in lines:
        limit -= len(line)
        if limit < 0:
            raise _DocumentTooLarge
        collected.append((number, line))
    return collected


def _whole(lines: list[tuple[int, bytes]], name: str) -> list[Document | UndecodableError]:
    """The first line alone is not a document: the whole text is one, or it is JSON Lines with a broken first line."""
    try:
        return _parsed(b"".join(line for _, line in lines), name)
    except UndecodableError as error:
        single = [_parsed_line(line, f"{name}:{number}") for number, line in lines]
        return [each for found in single for each in found] if any(map(_is_event, single)) else [error]


def _is_event(found: list[Document | UndecodableError]) -> bool:
    """Whether a line is an object or an array; nothing was found in an object without relevant records."""
    return not found or any(isinstance(each, Document) and isinstance(each.content, dict | list) for each in found)


def _parsed_line(text: bytes, where: str) -> list[Document | UndecodableError]:
    try:
        return _parsed(text, where)
    except UndecodableError as error:
        return [error]


def _parsed(text: bytes, where: str) -> list[Document | UndecodableError]:
    """Parse one text; of a log, each relevant record is a document. Raises `UndecodableError`."""
    records = relevant_records(text, may_be_relevant)
    if records is None:
        return [Document(where, parse(text, where))]
    return [_parsed_record(record, f"{where}.Records[{number}]") for number, record in records]


def _parsed_record(text: bytes, where: str) -> Document | UndecodableError:
    try:
        return Document(where, parse(text, where))
    except UndecodableError as error:
        return error
