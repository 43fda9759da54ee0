"""Decompression of gzip: by ISA-L where the package isal is installed (extra `fast`), else by zlib."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, cast

Decompressor = Callable[[int], Any]  # from window bits to an object as zlib's

try:
    from isal import isal_zlib
except ImportError:
    _DECOMPRESSOR: Decompressor = zlib.decompressobj
    GZIP_ERRORS: tuple[type[Exception], ...] = (zlib.error,)
else:
    _DECOMPRESSOR = isal_zlib.decompressobj
    GZIP_ERRORS = (cast("type[Exception]", isal_zlib.error),)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP = 31  # window bits: 32 KiB, with the header and the checksum of gzip
_READ_BYTES = 64 * 1024
_BUFFER_BYTES = 1024 * 1024  # a line of a log has megabytes


class _Members(io.RawIOBase):
    """The members of a gzip file, one after the other. What can be decompressed of a truncated one is returned."""

    def __init__(self, stream: IO[bytes], decompressor: Decompressor) -> None:
        self._stream = stream
        self._decompressor = decompressor
        self._member = decompressor(_GZIP)
        self._unread = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        chunk = self._chunk(len(memoryview(buffer)))
        memoryview(buffer)[: len(chunk)] = chunk
        return len(chunk)

    def _chunk(self, size: int) -> bytes:
        while not self._member.eof or self._begins_another():
            compressed = self._unread or self._stream.read(_READ_BYTES)
            chunk: bytes = self._member.decompress(compressed, size)
            self._unread = self._member.unconsumed_tail
            if chunk:
                return chunk
            if not compressed and not self._member.eof:
                raise EOFError
        return b""

    def _begins_another(self) -> bool:
        """Whether there is another member; zeros may follow the last one."""
        self._unread = self._member.unused_data.lstrip(b"\0")
        while not self._unread and (compressed := self._stream.read(_READ_BYTES)):
            self._unread = compressed.lstrip(b"\0")
        self._member = self._decompressor(_GZIP) if self._unread else self._member
        return bool(self._unread)


def open_gzip(stream: IO[bytes], decompressor: Decompressor = _DECOMPRESSOR) -> IO[bytes]:
    """Return the decompressed stream. Reading it raises `EOFError` at a truncated end, else one of `GZIP_ERRORS`."""
    return io.BufferedReader(_Members(stream, decompressor), _BUFFER_BYTES)
