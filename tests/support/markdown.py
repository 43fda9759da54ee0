"""Reads the project's Markdown pages: code blocks, commands and inline code."""

from __future__ import annotations

import re

from support.paths import ROOT

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}


def blocks(text: str, language: str) -> list[str]:
    """Return the content of the fenced blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """Return the commands of the console blocks; in a block with output they are the lines after `$`."""
    return [line for block in blocks(text, "console") for line in _commands(block.splitlines())]


def _commands(lines: list[str]) -> list[str]:
    prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return prompted or lines


def inline_code(text: str) -> list[str]:
    """Return what is in single back-ticks outside fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
