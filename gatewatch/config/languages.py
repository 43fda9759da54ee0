"""The languages that messages are worded in."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "ko", "ja"]
LANGUAGES: tuple[Language, ...] = ("en", "ko", "ja")
