"""How many decisions the judges made that nobody of this project wrote. `make judges` prints the numbers."""

from __future__ import annotations

import re
from collections import Counter

from support.paths import ROOT

_ROW = re.compile(r"^\| [^|]*`([\w@/.-]+)`[^|]* \| [^|]+ \| ([\d,]+) \|", re.MULTILINE)
_COUNTED: Counter[str] = Counter()


def count(judge: str, decisions: int = 1) -> None:
    """Count decisions of a judge, named as in the table of docs/testing.md."""
    _COUNTED[judge] += decisions


def documented() -> dict[str, int]:
    """The least number of decisions of each judge, from docs/testing.md."""
    page = (ROOT / "docs" / "testing.md").read_text("utf-8")
    return {judge: int(number.replace(",", "")) for judge, number in _ROW.findall(page)}


def lines() -> list[str]:
    """A line for each judge, with the least number of the table."""
    least = documented()
    return [
        f"{judge}: {_COUNTED[judge]:,} decisions, at least {least.get(judge, 0):,}"
        for judge in [*least, *(_COUNTED.keys() - least)]
    ]


def missing() -> list[str]:
    """The judges that made fewer decisions than the table says."""
    return [judge for judge, least in documented().items() if _COUNTED[judge] < least]
