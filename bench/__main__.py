"""`make bench`: measure everything, print a table, write build/bench.json and docs/performance.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.table import Table

from bench import measures, road
from bench.corpus import ROOT

if TYPE_CHECKING:
    from bench.measures import Row

_PAGE = ROOT / "docs" / "performance.md"


def measure(*, long: bool) -> dict[str, list[Row]]:
    sections = {"Per event, warm": list(measures.per_event(rounds=15))}
    with road.opened() as (deployed, inbox):
        sections["Cold start"] = list(measures.cold_start(9, lambda name: road.variables(deployed, inbox, name)))
        sections["Road"] = [*road.events_a_second(deployed, inbox), *measures.burst()]
    sections["Replay"] = list(measures.archive(1000 if long else 200, rounds=3))
    sections["Growth"] = list(measures.growth(1_000_000 if long else 10_000))
    return sections


def show(sections: dict[str, list[Row]]) -> None:
    table = Table("measure", "floor", "gatewatch", "figure", "goal")
    for name, rows in sections.items():
        table.add_section()
        table.add_row(f"[bold]{name}[/bold]")
        for row in rows:
            style = "" if row.met is None else "green" if row.met else "yellow"
            table.add_row(
                row.what, row.floor, row.subject, f"[{style}]{row.figure}[/]" if style else row.figure, row.goal
            )
    Console(width=150).print(table)


def page(sections: dict[str, list[Row]], command: str) -> str:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    lines = [
        "# Performance",
        "",
        "Written by the bench itself. Figures are ratios against a floor that took turns with the measured code in the",
        "same run, because machines are noisy; seconds are only there to give a feeling.",
        "",
        f"- Command: `{command}`",
        f"- Machine: {machine}",
        f"- Day: {datetime.now(UTC):%Y-%m-%d}",
    ]
    for name, rows in sections.items():
        lines += [
            "",
            f"## {name}",
            "",
            "| Measure | Floor | gatewatch | Figure | Goal | Met |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {row.what} | {row.floor} | {row.subject} | {row.figure} | {row.goal} | {_met(row)} |" for row in rows
        ]
    return "\n".join(lines) + "\n"


def _met(row: Row) -> str:
    return "" if row.met is None else "yes" if row.met else "no"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="a gigabyte of archive, a million events")
    parser.add_argument("--page", action="store_true", help="write docs/performance.md as well")
    arguments = parser.parse_args()
    sections = measure(long=arguments.long)
    show(sections)
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "bench.json").write_bytes(msgspec.json.format(msgspec.json.encode(sections)))
    if arguments.page:
        notes = _PAGE.read_text("utf-8").partition("\n## Notes\n") if _PAGE.exists() else ("", "", "")
        _PAGE.write_text(
            page(sections, "make bench" + (" LONG=1" if arguments.long else "")) + "".join(notes[1:]), "utf-8"
        )
    return 0


sys.exit(main())
