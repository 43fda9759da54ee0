"""Reading many objects of S3: listing, and parallel gets in order with a bound on what is in memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import UndecodableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

THREADS = 16
_PART_BYTES = 8 * 1024 * 1024
# Enough for sixteen gets of half a megabyte each, and a small share of the memory of a process.
_AHEAD_BYTES = 32 * 1024 * 1024
_MIN_COUNTED_BYTES = 64 * 1024  # of a small object, for what it costs besides its content


class S3Object(Struct, frozen=True):
    """An object of a listing. `size` is in bytes."""

    bucket: str
    key: str
    size: int
    etag: str = ""

    @property
    def name(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def list_objects(s3: Any, bucket: str, prefix: str, suffixes: tuple[str, ...], after: str = "") -> Iterator[S3Object]:
    """Yield the objects of a prefix whose keys come after one, in the order of S3: by UTF-8 bytes.

    Raises `ClientError` or `BotoCoreError`.
    """
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after):
        for each in page.get("Contents", ()):
            if each["Key"].endswith(suffixes):
                yield S3Object(bucket, each["Key"], each["Size"], each["ETag"])


def read_ahead(s3: Any, objects: Iterable[S3Object]) -> Iterator[tuple[S3Object, bytes | UndecodableError]]:
    """Yield objects with their content, in order. A large one is read in parts; a failed one is yielded as its error.

    No more is read while about 32 MB wait to be taken, so memory does not grow with the number of objects.
    """
    waiting: deque[tuple[S3Object, list[Future[bytes]]]] = deque()
    ahead = 0
    with ThreadPoolExecutor(THREADS) as pool:
        for each in objects:
            while waiting and ahead + _counted(each) > _AHEAD_BYTES:
                ahead -= _counted(waiting[0][0])
                yield _taken(*waiting.popleft())
            waiting.append((each, [pool.submit(_part, s3, each, start) for start in _starts(each)]))
            ahead += _counted(each)
        while waiting:
            yield _taken(*waiting.popleft())


def _counted(each: S3Object) -> int:
    return max(each.size, _MIN_COUNTED_BYTES)


def _starts(each: S3Object) -> range:
    return range(0, max(each.size, 1), _PART_BYTES)


def _part(s3: Any, each: S3Object, start: int) -> bytes:
    """One part; `IfMatch` refuses parts of two versions of an object."""
    if each.size <= _PART_BYTES:
        only: bytes = s3.get_object(Bucket=each.bucket, Key=each.key)["Body"].read()
        return only
    span = f"bytes={start}-{min(start + _PART_BYTES, each.size) - 1}"
    part: bytes = s3.get_object(Bucket=each.bucket, Key=each.key, Range=span, IfMatch=each.etag)["Body"].read()
    return part


def _taken(each: S3Object, parts: list[Future[bytes]]) -> tuple[S3Object, bytes | UndecodableError]:
    try:
        return each, b"".join(part.result() for part in parts)
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        return each, UndecodableError(each.name, f"cannot be read ({code})")
