"""Emoji shortcodes that alerts use; any other shortcode stays as written."""

from __future__ import annotations

import re

EMOJI = {
    "rotating_light": "🚨",
    "red_circle": "🔴",
    "large_orange_circle": "🟠",
    "large_yellow_circle": "🟡",
    "large_green_circle": "🟢",
    "large_blue_circle": "🔵",
    "white_circle": "⚪",
    "black_circle": "⚫",
    "no_entry": "⛔",
    "no_entry_sign": "🚫",
    "warning": "⚠️",
    "white_check_mark": "✅",
    "heavy_check_mark": "✔️",
    "x": "❌",
    "lock": "🔒",
    "unlock": "🔓",
    "key": "🔑",
    "shield": "🛡️",
    "bell": "🔔",
    "no_bell": "🔕",
    "eyes": "👀",
    "mag": "🔍",
    "information_source": "\N{INFORMATION SOURCE}\N{VARIATION SELECTOR-16}",
    "link": "🔗",
    "clock1": "🕐",
    "globe_with_meridians": "🌐",
    "bust_in_silhouette": "👤",
    "arrow_right": "➡️",
    "arrow_left": "⬅️",
    "heavy_plus_sign": "\N{HEAVY PLUS SIGN}",
    "heavy_minus_sign": "\N{HEAVY MINUS SIGN}",
}
SHORTCODE = ":(?:" + "|".join(re.escape(name) for name in EMOJI) + "):"
_SHORTCODE = re.compile(SHORTCODE)


def with_emoji(text: str) -> str:
    return _SHORTCODE.sub(lambda match: EMOJI[match[0].strip(":")], text)
