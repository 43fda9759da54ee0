"""Reading many objects of S3: listing, and parallel gets in order with a bound on what is in memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct
from urllib3.exceptions import HTTPError

from gatewatch.errors import UndecodableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

THREADS = 16
_PART_BYTES = 8 * 1024 * 1024
# Enough for sixteen gets of half a megabyte each, and a small share of the memory of a process.
_AHEAD_BYTES = 32 * 1024 * 1024
# A log file of CloudTrail has at most a few megabytes. A function has 1.8 GB, and an object is in memory twice.
MAX_BYTES = 256 * 1024 * 1024
TOO_LARGE = f"is larger than {MAX_BYTES // 1024**2} MiB as stored, and no log file of CloudTrail"
_REPEATS = 3  # botocore repeats a request, but not the reading of its answer
_INTERRUPTED = (BotoCoreError, HTTPError, OSError)
# Every other object would fail too.
_CREDENTIAL_CODES = frozenset({"ExpiredToken", "InvalidAccessKeyId", "InvalidToken"})
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

    An object of more than MAX_BYTES is not read, which is an error too. No more is read while about 32 MB wait to be
    taken, so memory does not grow with the number of objects. Raises `ClientError` for expired credentials.
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
    return 0 if each.size > MAX_BYTES else max(each.size, _MIN_COUNTED_BYTES)


def _starts(each: S3Object) -> range:
    return range(0, 0 if each.size > MAX_BYTES else max(each.size, 1), _PART_BYTES)


def _part(s3: Any, each: S3Object, start: int) -> bytes:
    """One part; `IfMatch` refuses parts of two versions of an object."""
    if each.size <= _PART_BYTES:
        return _content(s3, Bucket=each.bucket, Key=each.key)
    span = f"bytes={start}-{min(start + _PART_BYTES, each.size) - 1}"
    return _content(s3, Bucket=each.bucket, Key=each.key, Range=span, IfMatch=each.etag)


def _content(s3: Any, **request: str) -> bytes:
    """Get an object, again when the connection ends before its end."""
    for _ in range(_REPEATS):
        body = s3.get_object(**request)["Body"]
        with suppress(*_INTERRUPTED):
            return bytes(body.read())
    return bytes(s3.get_object(**request)["Body"].read())


def _taken(each: S3Object, parts: list[Future[bytes]]) -> tuple[S3Object, bytes | UndecodableError]:
    if not parts:
        return each, UndecodableError(each.name, TOO_LARGE)
    try:
        return each, b"".join(part.result() for part in parts)
    except (ClientError, *_INTERRUPTED) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        if code in _CREDENTIAL_CODES:
            raise
        return each, UndecodableError(each.name, f"cannot be read ({code})")
