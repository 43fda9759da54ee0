r"""Half characters in JSON: CloudTrail cuts long texts, at times between the two `\u` escapes of one character."""

from __future__ import annotations

import re

# One escape at a time, so that `\\ud800` (a backslash and a word) is left alone. Only a lone surrogate is in the group.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def has_lone_surrogates(text: bytes) -> bool:
    return b"\\ud" in text.lower() and any(each[1] for each in _ESCAPE.finditer(text))


def without_lone_surrogates(text: bytes) -> bytes:
    """Return JSON with `?` in place of each lone surrogate."""
    return _ESCAPE.sub(lambda each: b"?" if each[1] else each[0], text)
