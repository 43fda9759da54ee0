"""Lists of records: a table or lines for people, JSON or CSV for programs."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

import msgspec
import typer

from gatewatch.cli.options import ListFormat
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from msgspec import Struct

    Row = TypeVar("Row", bound=Struct)

_MAX_CELL = 2000
_STARTS_FORMULA = tuple("=+-@＝＋－＠")


def print_list(
    rows: Sequence[Row], kind: type[Row], output: ListFormat, style_of: Callable[[Row], str] = lambda _: ""
) -> None:
    """Print rows of one kind. `style_of` gives the rich style of a row of a table.

    A table folds long cells on a terminal; in a pipe every row is one line with tabs. JSON is one array. A list in a
    cell is separated by semicolons. In CSV a text that a spreadsheet would take for a formula begins with an
    apostrophe.
    """
    if output is ListFormat.JSON:
        typer.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
    elif output is ListFormat.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(kind.__struct_fields__)
        writer.writerows(map(_csv_cells, rows))
    elif sys.stdout.isatty():
        _print_table([(_cells(row), style_of(row)) for row in rows], kind)
    else:
        header = [_heading(name) for name in kind.__struct_fields__]
        sys.stdout.writelines("\t".join(cells) + "\n" for cells in ([header, *map(_cells, rows)] if rows else []))


def _print_table(rows: Sequence[tuple[list[str], str]], kind: type[Struct]) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(*(Column(_heading(name), overflow="fold") for name in kind.__struct_fields__))
    for cells, style in rows:
        table.add_row(*map(Text, cells), style=style)
    if rows:
        Console().print(table)


def _heading(name: str) -> str:
    return name.replace("_", " ")


def _csv_cells(row: Struct) -> list[str]:
    pairs = zip(msgspec.structs.astuple(row), _cells(row), strict=True)
    return [_inert(text) if isinstance(value, str | tuple) else text for value, text in pairs]


def _inert(text: str) -> str:
    """Return a text that no spreadsheet evaluates (OWASP, "CSV Injection")."""
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text


def _cells(row: Struct) -> list[str]:
    return [_cell(value) for value in msgspec.structs.astuple(row)]


def _cell(value: object) -> str:
    text = "; ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
    return sanitize(text, _MAX_CELL)
