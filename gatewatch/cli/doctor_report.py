"""Findings as a table for a person, and as an exit status for a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from gatewatch.monitoring.doctor.model import Finding, Light
from gatewatch.rendering.escaping import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

_STYLES = {Light.GREEN: "green", Light.YELLOW: "yellow", Light.RED: "bold red", Light.GREY: "dim"}
_LONGEST = 300


def report(findings: Iterable[Finding], console: Console, *, everything: bool) -> int:
    """Print the table; answer 1 when something is broken, else 0."""
    found = list(findings)
    shown = [each for each in found if everything or each.light is not Light.GREEN]
    if shown:
        console.print(_table(shown))
    counts = ", ".join(f"{sum(each.light is light for each in found)} {light}" for light in Light)
    console.print(f"{len(found)} findings: {counts}")
    return int(any(each.light is Light.RED for each in found))


def _table(findings: Iterable[Finding]) -> Table:
    table = Table("where", "what", "", "finding", "what to do")
    for each in findings:
        light = Text(each.light, _STYLES[each.light])
        table.add_row(*map(_text, (each.where, each.what)), light, *map(_text, (each.said, each.remedy)))
    return table


def _text(value: str) -> Text:
    return Text(clean(value, _LONGEST))
