r"""Valid JSON beyond what a parser here reads: numbers such as `1e999`, and values nested hundreds of levels deep.

A caller may write both into a policy, which CloudTrail records as an object. One such record would make a whole log
file unreadable.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_NUMBER = re.compile(_TEXT + rb"|(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)", re.DOTALL)
_BRACKET = re.compile(_TEXT + rb"|([\[{])|([\]}])", re.DOTALL)
_MAX_DIGITS = 300
_MAX_DEPTH = 200  # parameters of AWS are a few dozen levels deep


def with_large_numbers_as_text(text: bytes) -> bytes:
    return _NUMBER.sub(lambda each: b'"%b"' % each[1] if each[1] and _is_large(each[1]) else each[0], text)


def _is_large(number: bytes) -> bool:
    return len(number) > _MAX_DIGITS or math.isinf(float(number))


def without_deep_values(text: bytes) -> bytes:
    """Return JSON with null in place of what is nested too deeply."""
    return b"".join(_shallow_parts(text))


def _shallow_parts(text: bytes) -> Iterator[bytes]:
    depth, kept_from = 0, 0
    for found in _BRACKET.finditer(text):
        if found[1]:
            depth += 1
            if depth == _MAX_DEPTH:
                yield text[kept_from : found.start()] + b"null"
        elif found[2]:
            if depth == _MAX_DEPTH:
                kept_from = found.end()
            depth -= 1
    if depth < _MAX_DEPTH:
        yield text[kept_from:]
