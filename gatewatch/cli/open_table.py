"""What stands open as a table of a terminal: five columns of several lines, which fit into 80 characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.exposure import Origin
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from gatewatch.digest.open_now import OpenRow

_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow"}
_ORIGINS = {Origin.OLDER: "older than gatewatch", Origin.NO_EVENT: "no event reported it"}
_KINDS = {
    "prefix_lists": "entry {}",
    "snapshots": "{} EBS snapshot",
    "images": "{} image",
    "databases": "{} database",
    "database_snapshots": "{} DB snapshot",
    "database_cluster_snapshots": "{} DB cluster snapshot",
    "buckets": "{} bucket",
}
_ID, _NAME = 21, 40  # columns of `tcp 22 from 0.0.0.0/0` and of the id of a group; of most names
_MAX_VALUE = 128


def print_open_table(rows: Sequence[OpenRow], console: Console) -> None:
    """Print a table as wide as the console; at 80 columns ids and addresses are not broken."""
    from rich.table import Column, Table
    from rich.text import Text

    wide = max(_ID, min(_NAME, console.width // 4))
    widths = {"severity": 8, "open": wide, "account": 14, "since": None, "reachable": 9}
    columns = (Column(name, overflow="fold", width=width) for name, width in widths.items())
    table = Table(*columns, box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="underline")
    for row in rows:
        severity, *others = ("\n".join(_visible(lines)) for lines in _cells(row))
        table.add_row(Text(severity, _STYLES.get(row.severity, "")), *map(Text, others))
        table.add_row()
    console.print(table)


def _visible(lines: Iterable[str]) -> list[str]:
    return [sanitize(each, _MAX_VALUE) for each in lines if each]


def _cells(row: OpenRow) -> Iterable[Iterable[str]]:
    yield (row.severity,)
    yield _KINDS.get(row.kind, "{}").format(row.allows), row.name, row.resource
    yield (row.alias if row.alias != row.account else ""), row.account, row.region
    yield (
        _age(row.days),
        _opener(row),
        row.owner and f"owner {row.owner}",
        row.exception and f"exception {row.exception}",
    )
    yield row.reachable.replace("_", " "), row.layer and f"({row.layer.replace('_', ' ')})"


def _age(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days" if days else "today"


def _opener(row: OpenRow) -> str:
    return f"by {row.opened_by}" if row.opened_by else _ORIGINS[Origin(row.origin)]
