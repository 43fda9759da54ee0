"""`gatewatch demo` and `gatewatch up`: everything on this machine, without an AWS account."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    page: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the inbox page.")] = Path(
        "build/demo/inbox.html"
    ),
) -> None:
    """Run the whole pipeline once on this machine.

    Needs no AWS account: it starts a local AWS with two member accounts, and a local Slack inbox.
    """
    from gatewatch.cli.open_items import print_report
    from gatewatch.cli.options import ListFormat
    from gatewatch.local.demo import run

    raise typer.Exit(run.demo(page, lambda report: print_report(report, ListFormat.TABLE)))


def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the inbox; 0 takes any free port.")] = 8400,
) -> None:
    """Run the demo and keep running until Ctrl-C.

    The inbox is at http://127.0.0.1:8400/; its buttons work. build/demo/hub.env has variables for commands in another
    terminal.
    """
    from gatewatch.local.demo import run

    raise typer.Exit(run.up(port, Path("build/demo/hub.env")))
