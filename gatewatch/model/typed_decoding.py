"""Decoding of JSON, MessagePack and YAML into types, safe in threads.

msgspec 0.22 ends the process when two threads inspect one `Struct` type for the first time at once, so decoders are
made one at a time and kept.
"""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any, TypeVar, cast

import msgspec

_T = TypeVar("_T")
_MAKING = Lock()


def decode_json(text: bytes | str, kind: type[_T]) -> _T:
    """Raises `msgspec.DecodeError`."""
    return cast("_T", _decoder(msgspec.json.Decoder, kind).decode(text))


def decode_msgpack(packed: bytes, kind: type[_T]) -> _T:
    """Raises `msgspec.DecodeError`."""
    return cast("_T", _decoder(msgspec.msgpack.Decoder, kind).decode(packed))


def convert(value: Any, kind: type[_T]) -> _T:
    """Convert decoded JSON or YAML. Raises `msgspec.ValidationError`."""
    _decoder(msgspec.json.Decoder, kind)  # the types are inspected here
    return msgspec.convert(value, kind)


def _decoder(factory: Any, kind: Any) -> Any:
    with _MAKING:
        return _new_decoder(factory, kind)


@cache
def _new_decoder(factory: Any, kind: Any) -> Any:
    return factory(kind)
