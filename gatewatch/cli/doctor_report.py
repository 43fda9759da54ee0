"""The results of `gatewatch doctor`, and its exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from msgspec import Struct

from gatewatch.cli.listing import print_list
from gatewatch.cli.options import ListFormat
from gatewatch.monitoring.doctor.model import CheckResult, CheckStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

_STYLES = {
    CheckStatus.OK: "green",
    CheckStatus.WARNING: "yellow",
    CheckStatus.ERROR: "bold red",
    CheckStatus.SKIPPED: "dim",
}


class CheckRow(Struct, frozen=True, kw_only=True):
    """One check of the list."""

    where: str
    check: str
    status: CheckStatus
    detail: str
    what_to_do: str


def print_results(results: Iterable[CheckResult], output: ListFormat, *, everything: bool) -> int:
    """Print the results and their numbers; return 1 when there is an error, else 0."""
    found = list(results)
    rows = [_row(each) for each in found if everything or each.status is not CheckStatus.OK]
    print_list(rows, CheckRow, output, lambda row: _STYLES[row.status])
    counts = ", ".join(f"{sum(each.status is status for each in found)} {status}" for status in CheckStatus)
    typer.echo(f"{len(found)} checks: {counts}", err=output is not ListFormat.TABLE)
    return int(any(each.status is CheckStatus.ERROR for each in found))


def _row(each: CheckResult) -> CheckRow:
    return CheckRow(where=each.where, check=each.check, status=each.status, detail=each.detail, what_to_do=each.remedy)
