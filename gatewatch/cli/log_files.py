"""What `gatewatch replay` reads: files of folders, objects of S3, standard input."""

from __future__ import annotations

import io
import sys
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import ConfigurationError, UndecodableError
from gatewatch.events.files import SUFFIXES, find_files, read_documents, read_file

if TYPE_CHECKING:
    from gatewatch.aws.s3 import S3Object
    from gatewatch.events.files import Document

STDIN = Path("-")
_S3 = "s3:"  # the first part of a path s3://bucket/prefix


class LogFile(Struct, frozen=True):
    """A file, or an object whose content is read already. `size` is in bytes as stored."""

    name: str
    size: int
    content: Path | bytes | UndecodableError

    def documents(self) -> Iterator[Document | UndecodableError]:
        if isinstance(self.content, Path):
            yield from read_file(self.content)
        elif isinstance(self.content, bytes):
            yield from read_documents(io.BytesIO(self.content), self.name)
        else:
            yield self.content


class LogFiles(Struct, frozen=True):
    """The files of one path. `count` and `size` are of all of them; `read` yields them in order."""

    count: int
    size: int
    read: Callable[[], Iterator[LogFile]]


def log_files(path: Path) -> LogFiles:
    """Find the files of a path. Raises `ConfigurationError` for one that does not exist or cannot be listed."""
    if path.parts[:1] == (_S3,):
        return _of_s3(path)
    files = [LogFile(str(each), _size(each), each) for each in find_files([path])]
    return LogFiles(len(files), sum(each.size for each in files), lambda: iter(files))


def _size(path: Path) -> int:
    """Size in bytes; 0 when it is unknown, because reading the file reports the error."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _of_s3(path: Path) -> LogFiles:
    """The prefix is listed twice, before and while it is read, so that a million keys need no memory."""
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.s3 import read_ahead

    s3 = Aws().s3
    sizes = array("Q", (each.size for each in _listed(s3, path)))
    if not sizes:
        raise ConfigurationError(f"{_location(path)}: has no objects that end in {', '.join(SUFFIXES)}.")

    def read() -> Iterator[LogFile]:
        for each, content in read_ahead(s3, _listed(s3, path)):
            yield LogFile(each.name, each.size, content)

    return LogFiles(len(sizes), sum(sizes), read)


def _listed(s3: object, path: Path) -> Iterator[S3Object]:
    """The objects of a prefix as a folder, or the one object that the path names."""
    from gatewatch.aws.s3 import list_objects

    bucket, *names = path.parts[1:] or ("",)
    prefix = "/".join(names)
    is_folder = bool(prefix) and not prefix.endswith(SUFFIXES)
    try:
        yield from list_objects(s3, bucket, f"{prefix}/" if is_folder else prefix, SUFFIXES)
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else str(error)
        raise ConfigurationError(f"{_location(path)}: cannot be listed ({code}).") from error


def _location(path: Path) -> str:
    return f"s3://{'/'.join(path.parts[1:])}"


def stdin() -> BinaryIO:
    """Standard input in binary. A shell can start a program without one (`<&-`); then sys.stdin is None."""
    stream: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise ConfigurationError("standard input: is closed; name a file or a folder.")
    return stream
