"""Files, folders and standard input -> parsed documents, one at a time.

Compression and form are decided from the content. JSON Lines are read line by line, so a folder of any size needs
the memory of its largest document. What cannot be read comes out as an error in its place; the rest still comes.
"""

from __future__ import annotations

import gzip
import io
import zlib
from typing import IO, TYPE_CHECKING, Any, cast

from msgspec import Struct

from gatewatch.errors import ConfigurationError, UndecodableError
from gatewatch.events.changes.registry import may_matter
from gatewatch.events.decode import parse
from gatewatch.events.prefilter import skim

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SUFFIXES = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz")
_GZIP = b"\x1f\x8b"


class Document(Struct, frozen=True):
    """Parsed JSON, and where it stood: `file`, or `file:line`."""

    where: str
    content: Any


def files(paths: Iterable[Path]) -> list[Path]:
    """The files to read, those of a folder by sorted path. Raises `ConfigurationError` for a path that is not there."""
    found: list[Path] = []
    for path in paths:
        if not _is_there(path):
            raise ConfigurationError(f"{path}: is not there; name a file or a folder that is.")
        found.extend(_in_folder(path) if path.is_dir() else [path])
    return found


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise ConfigurationError(f"{path}: cannot be looked at ({error.strerror}).") from error


def _in_folder(folder: Path) -> list[Path]:
    return sorted(each for each in folder.rglob("*") if each.name.endswith(_SUFFIXES) and each.is_file())


def documents_of_file(path: Path) -> Iterator[Document | UndecodableError]:
    try:
        with path.open("rb") as stream:
            yield from documents(stream, str(path))
    except OSError as error:
        yield UndecodableError(str(path), f"cannot be read ({error.strerror or error})")


def documents(stream: IO[bytes], name: str) -> Iterator[Document | UndecodableError]:
    """Everything in a stream of bytes, gzip or not."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
    is_gzip = buffered.peek(2)[:2] == _GZIP
    plain: Iterable[bytes] = gzip.GzipFile(fileobj=buffered) if is_gzip else buffered
    try:
        yield from _documents(plain, name)
    except EOFError:
        yield UndecodableError(name, "is a truncated gzip")
    except (gzip.BadGzipFile, zlib.error) as error:
        yield UndecodableError(name, f"is a damaged gzip ({error})")


def _documents(stream: Iterable[bytes], name: str) -> Iterator[Document | UndecodableError]:
    lines = ((number, line) for number, line in enumerate(stream, start=1) if line.strip(b"\xef\xbb\xbf \t\r\n"))
    number, first = next(lines, (0, b""))
    if not first:
        yield UndecodableError(name, "is empty")
        return
    opening = _parsed(first, f"{name}:{number}")
    if isinstance(opening, Document):
        yield opening
        yield from (_parsed(line, f"{name}:{number}") for number, line in lines)
        return
    rest = list(lines)
    yield from _whole([(number, first), *rest], name) if rest else [UndecodableError(name, opening.reason)]


def _whole(lines: list[tuple[int, bytes]], name: str) -> Iterator[Document | UndecodableError]:
    """The first line is no document: all of it is one, or these are JSON Lines and the first is broken."""
    whole = _parsed(b"".join(line for _, line in lines), name)
    if isinstance(whole, Document):
        yield whole
        return
    single = [_parsed(line, f"{name}:{number}") for number, line in lines]
    is_lines = any(isinstance(each, Document) and isinstance(each.content, dict | list) for each in single)
    yield from single if is_lines else [whole]


def _parsed(text: bytes, where: str) -> Document | UndecodableError:
    """A log is looked over first: of most archives one record in a thousand is worth building."""
    skimmed = skim(text, may_matter)
    try:
        return Document(where, parse(text, where) if skimmed is None else {"Records": skimmed})
    except UndecodableError as error:
        return error
