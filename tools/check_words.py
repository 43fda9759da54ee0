"""Checks that code, templates and documentation use the terms of docs/glossary.md: `make lint` runs it.

`banned-words.regex` has the words that are not allowed anywhere. BANNED_NAMES are allowed in prose, but not as names in
Python code.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = Path(__file__).resolve().parent
BANNED = re.compile((_HERE / "banned-words.regex").read_text("utf-8").strip(), re.IGNORECASE)
BANNED_NAMES = frozenset({"rest", "standing", "trial"})
SLOGAN = "Who opened which gate in which of your AWS accounts: within minutes, in Slack, without noise."
_IGNORED = ("tools/banned-words.regex", "tools/check_words.py", "tests/tools/test_check_words.py")
_NOT_OURS = ("requirements/", "package-lock.json", ".png", "tests/golden/")  # locks, images, text of events
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def findings(name: str, text: str) -> Iterator[str]:
    """Yield `file:line: word` for each banned word of a text."""
    for number, line in enumerate(text.splitlines(), 1):
        if line != SLOGAN:
            yield from (f"{name}:{number}: {match[0]}" for match in BANNED.finditer(line))
    if name.endswith(".py"):
        yield from (f"{name}:{line}: {word}" for line, word in _names(text) if _parts(word) & BANNED_NAMES)


def _names(code: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string


def _parts(name: str) -> set[str]:
    """Split snake_case and CamelCase."""
    return {part.lower() for part in _PARTS.findall(name)}


def tracked(root: Path) -> Iterator[Path]:
    """Yield the files of the repository that are checked."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],  # noqa: S607  git of the developer
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if name not in _IGNORED and not any(part in name for part in _NOT_OURS) and (root / name).is_file():
            yield root / name


def main() -> int:
    root = _HERE.parent
    found = [
        finding
        for path in tracked(root)
        for finding in findings(path.relative_to(root).as_posix(), path.read_text("utf-8"))
    ]
    sys.stdout.writelines(f"{finding}\n" for finding in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
