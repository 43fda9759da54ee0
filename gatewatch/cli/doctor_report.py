"""The results of `gatewatch doctor` as a table, and its exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from gatewatch.monitoring.doctor.model import CheckResult, CheckStatus
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

_STYLES = {
    CheckStatus.OK: "green",
    CheckStatus.WARNING: "yellow",
    CheckStatus.ERROR: "bold red",
    CheckStatus.SKIPPED: "dim",
}
_MAX_CELL = 300


def report(results: Iterable[CheckResult], console: Console, *, everything: bool) -> int:
    """Print the table; return 1 when there is an error, else 0."""
    found = list(results)
    shown = [each for each in found if everything or each.status is not CheckStatus.OK]
    if shown:
        console.print(_table(shown))
    counts = ", ".join(f"{sum(each.status is status for each in found)} {status}" for status in CheckStatus)
    console.print(f"{len(found)} checks: {counts}")
    return int(any(each.status is CheckStatus.ERROR for each in found))


def _table(results: Iterable[CheckResult]) -> Table:
    table = Table("where", "check", "status", "detail", "what to do")
    for each in results:
        status = Text(each.status, _STYLES[each.status])
        table.add_row(*map(_text, (each.where, each.check)), status, *map(_text, (each.detail, each.remedy)))
    return table


def _text(value: str) -> Text:
    return Text(sanitize(value, _MAX_CELL))
