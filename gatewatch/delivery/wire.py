"""Wire form of the outbox: a version, and the message as compressed MessagePack. Other versions are refused."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from typing import TypeVar

import msgspec
from msgspec import Struct

from gatewatch.errors import UndecodableError
from gatewatch.model.message import OutboxMessage
from gatewatch.model.typed_decoding import decode_msgpack

# Raise it when a release can no longer read what the one before wrote; messages of the old form go to the DLQ then.
VERSION = 1
_MAX_BYTES = 16 * 1024 * 1024
_T = TypeVar("_T")


def encode_message(message: OutboxMessage) -> str:
    """`1:` and Base64, as SQS takes text only."""
    return f"{VERSION}:{b64encode(pack(message)).decode()}"


def decode_message(body: str) -> OutboxMessage:
    """Raises `UndecodableError` for another version, and for a body that is no message."""
    version, separator, packed = body.partition(":")
    if separator and version != str(VERSION) and version.isdigit():
        raise UndecodableError("outbox", f"has version {version}, this release reads version {VERSION}")
    try:
        return unpack(b64decode(packed, validate=True), OutboxMessage)
    except (msgspec.DecodeError, zlib.error, ValueError) as error:
        raise UndecodableError("outbox", f"holds no message ({type(error).__name__})") from error


def pack(value: Struct) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(value))


def unpack(packed: bytes, kind: type[_T]) -> _T:
    """Raises `msgspec.DecodeError`, `zlib.error` or `ValueError`."""
    return decode_msgpack(zlib.decompressobj().decompress(packed, _MAX_BYTES), kind)
