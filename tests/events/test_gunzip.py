"""Decompression gives what `gzip` gives, by zlib and by ISA-L."""

import gzip
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.events.gunzip import open_gzip

isal_zlib = pytest.importorskip("isal.isal_zlib")
BODY = b'{"Records":[]}\n' * 1000
ONE = gzip.compress(BODY, mtime=0)
MIDDLE = len(ONE) // 2


LIBRARIES = pytest.mark.parametrize("library", [zlib, isal_zlib], ids=["zlib", "isal"])


def opened(compressed: bytes, library):
    return open_gzip(io.BytesIO(compressed), library.decompressobj)


@LIBRARIES
@pytest.mark.parametrize(
    "compressed",
    [ONE, ONE + ONE, ONE + b"\0" * 100_000, ONE + b"\0" * 70_000 + ONE, gzip.compress(b"", mtime=0)],
    ids=["one member", "two members", "zeros at the end", "zeros between", "empty"],
)
def test_whole_files_are_read_as_gzip_reads_them(compressed, library) -> None:
    assert opened(compressed, library).read() == gzip.decompress(compressed)


@LIBRARIES
@pytest.mark.parametrize("length", [1, 5, MIDDLE, len(ONE) - 9, len(ONE) - 1])
def test_a_truncated_file_ends_with_an_eof_error(length, library) -> None:
    with pytest.raises(EOFError):
        opened(ONE[:length], library).read()


@LIBRARIES
def test_what_is_before_the_truncated_end_is_read(library) -> None:
    stream = opened(ONE[:-9], library)
    assert [stream.readline() for _ in range(1000)] == BODY.splitlines(keepends=True)
    with pytest.raises(EOFError):
        stream.readline()


@LIBRARIES
@pytest.mark.parametrize(
    "compressed",
    [ONE[:-8] + b"aaaaaaaa", ONE[:20] + b"\xff" * 8 + ONE[28:], ONE + b"no gzip at all", ONE[:2] + b"\7" + ONE[3:]],
    ids=["check sum", "body", "trailer", "method"],
)
def test_a_damaged_file_is_an_error(compressed, library) -> None:
    with pytest.raises((library.error, EOFError)):
        opened(compressed, library).read()


@LIBRARIES
@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=4), st.integers(1, 300_000))
def test_any_members_are_read_in_any_steps(library, parts, size) -> None:
    stream = opened(b"".join(map(gzip.compress, parts)), library)
    found = b""
    while chunk := stream.read(size):
        found += chunk
    assert found == b"".join(parts)


@LIBRARIES
def test_a_bomb_is_read_in_bounded_steps(library) -> None:
    stream = opened(gzip.compress(b"0" * 50_000_000), library)
    assert len(stream.read1(1000)) <= 2 * 1024 * 1024
