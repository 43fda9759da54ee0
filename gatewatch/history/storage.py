"""Where logs are read and results are written: a folder, or a prefix of an S3 bucket. Names are relative to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError
from msgspec import Struct

from gatewatch.aws.s3 import MAX_BYTES, TOO_LARGE, S3Object, list_objects, read_ahead
from gatewatch.errors import ConfigurationError, UndecodableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_S3 = "s3://"


class StoredFile(Struct, frozen=True):
    """`size` is in bytes."""

    name: str
    size: int
    etag: str = ""


class Storage(Protocol):
    @property
    def location(self) -> str: ...

    def files(self, after: str = "") -> Iterator[StoredFile]:
        """Yield the files whose names come after one, in the order of their UTF-8 bytes."""
        ...

    def read_files(self, files: Iterable[StoredFile]) -> Iterator[tuple[StoredFile, bytes | UndecodableError]]: ...

    def read(self, name: str) -> bytes | None:
        """Return None when there is no such file."""
        ...

    def write(self, name: str, content: bytes) -> None: ...


class FolderStorage:
    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def location(self) -> str:
        return str(self._root)

    def files(self, after: str = "") -> Iterator[StoredFile]:
        found = ((path, path.relative_to(self._root).as_posix()) for path in self._root.rglob("*") if path.is_file())
        for name, path in sorted((_utf8(name), path) for path, name in found):
            if name > after.encode():
                yield StoredFile(name.decode(), path.stat().st_size)

    def read_files(self, files: Iterable[StoredFile]) -> Iterator[tuple[StoredFile, bytes | UndecodableError]]:
        for each in files:
            path = self._root / each.name
            try:
                yield each, UndecodableError(str(path), TOO_LARGE) if each.size > MAX_BYTES else path.read_bytes()
            except OSError as error:
                yield each, UndecodableError(str(path), f"cannot be read ({error.strerror})")

    def read(self, name: str) -> bytes | None:
        path = self._root / name
        return path.read_bytes() if path.exists() else None

    def write(self, name: str, content: bytes) -> None:
        """Write a whole file or none: an interrupted worker leaves no partial result."""
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")  # two programs may continue one run
        partial.write_bytes(content)
        partial.replace(path)


def _utf8(name: str) -> bytes:
    """Names are in the plan of a run, which is JSON. Raises `ConfigurationError` for one that cannot be."""
    try:
        return name.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name!r}: the name of this file is not UTF-8; rename or move it.") from None


class S3Storage:
    def __init__(self, s3: Any, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @property
    def location(self) -> str:
        return f"{_S3}{self._bucket}/{self._prefix}"

    def files(self, after: str = "") -> Iterator[StoredFile]:
        start = f"{self._prefix}{after}" if after else ""
        for each in list_objects(self._s3, self._bucket, self._prefix, ("",), start):
            yield StoredFile(each.key.removeprefix(self._prefix), each.size, each.etag)

    def read_files(self, files: Iterable[StoredFile]) -> Iterator[tuple[StoredFile, bytes | UndecodableError]]:
        objects = (S3Object(self._bucket, self._prefix + each.name, each.size, each.etag) for each in files)
        for each, content in read_ahead(self._s3, objects):
            yield StoredFile(each.key.removeprefix(self._prefix), each.size, each.etag), content

    def read(self, name: str) -> bytes | None:
        try:
            content: bytes = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return content

    def write(self, name: str, content: bytes) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=content)


def storage_of(location: str, s3: Any) -> Storage:
    """The storage of a folder or of `s3://bucket/prefix`. Raises `ConfigurationError` for a bucket without a name."""
    if not location.startswith(_S3):
        return FolderStorage(Path(location))
    bucket, _, prefix = location.removeprefix(_S3).partition("/")
    if not bucket:
        raise ConfigurationError(f"{location}: name a bucket, as in s3://bucket/prefix.")
    return S3Storage(s3, bucket, prefix)


def is_below(location: str, folder: str) -> bool:
    """Whether a location is a folder or prefix, or below it."""
    return _whole(location).startswith(_whole(folder))


def absolute(location: str) -> str:
    """A location that is the same from every working directory."""
    return location if location.startswith(_S3) else str(Path(location).absolute())


def _whole(location: str) -> str:
    return f"{absolute(location).rstrip('/')}/"
