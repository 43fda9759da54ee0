"""The languages of messages."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "ko", "ja"]
LANGUAGES: tuple[Language, ...] = ("en", "ko", "ja")
