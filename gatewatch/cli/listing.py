"""Lists as a table for people, or as JSON or CSV for programs."""

from __future__ import annotations

import csv
import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msgspec import Struct

_MAX_CELL = 2000
_PIPE_WIDTH = 1000


class ListFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Format = Annotated[ListFormat, typer.Option("--format", help="table, json (one array) or csv.")]


def print_list(rows: Sequence[Struct], kind: type[Struct], output: ListFormat) -> None:
    """Print rows of one kind as JSON or CSV; a list in a CSV cell is separated by semicolons."""
    if output is ListFormat.JSON:
        typer.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(kind.__struct_fields__)
    for row in rows:
        writer.writerow(_cell(getattr(row, name)) for name in kind.__struct_fields__)


def wide_console() -> Console:
    """Return a console that cuts nothing: as wide as the terminal, and wider than any table in a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=_PIPE_WIDTH)


def _cell(value: object) -> str:
    text = "; ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
    return sanitize(text, _MAX_CELL)
