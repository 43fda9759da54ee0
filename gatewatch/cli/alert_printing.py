"""Read events from files or standard input, run the pipeline, and give each alert to a printer."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, cast

from rich.console import Console
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TimeRemainingColumn, TransferSpeedColumn

from gatewatch.alerts.context.sources import configured_source
from gatewatch.alerts.pipeline import Assessor
from gatewatch.alerts.replay import replay_documents
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.cli.log_files import STDIN, log_files, stdin
from gatewatch.cli.parallel import results_of_files, workers
from gatewatch.config.settings import load_settings
from gatewatch.errors import UndecodableError
from gatewatch.events.decoding import UnrecognizedDocument
from gatewatch.events.files import read_documents
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gatewatch.cli.log_files import LogFiles
    from gatewatch.cli.options import LanguageOption
    from gatewatch.cli.parallel import Printed, Workers
    from gatewatch.cli.printing import BytesPrinter, Printer

UNDECODABLE = 3
_MAX_LINE = 2000


def load_assessor(accounts: Path, policy: Path, language: LanguageOption | None) -> Assessor:
    """An assessor with the settings of both files. Raises `ConfigurationError`."""
    settings = load_settings(accounts, policy, language.value if language else None)
    return Assessor(settings, InMemoryRuleHistory(), context=configured_source(settings))


def print_alerts(
    printer: Printer,
    paths: list[Path],
    assessor: Assessor,
    jobs: int = 1,
    make_printer: Callable[[], Printer] | None = None,
) -> int:
    """Print the alert of every event; return exit status 0, or 3 when something could not be decoded.

    With several `jobs`, `make_printer` makes the same printer in each process. A closed pipe
    (`gatewatch replay … | head`) ends the output without an error.
    """
    try:
        return _print_all(printer, paths, assessor, jobs if make_printer else 1, make_printer or (lambda: printer))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _print_all(
    printer: Printer, paths: list[Path], assessor: Assessor, jobs: int, make_printer: Callable[[], Printer]
) -> int:
    """Missing paths are reported before any is read. Processes are started before the progress, which is a thread."""
    console = Console(stderr=True, highlight=False)
    found = [None if path == STDIN else log_files(path) for path in paths or [STDIN]]
    undecodable = 0
    with workers(filter(None, found), assessor, jobs, make_printer) as started, _progress(console) as progress:
        for result in _results(found, assessor, started, progress):
            if isinstance(result, UndecodableError):
                undecodable += 1
                console.print(sanitize(f"gatewatch: {result}", _MAX_LINE), style="red", markup=False, soft_wrap=True)
            elif isinstance(result, UnrecognizedDocument):
                message = f"gatewatch: {result.where}: unrecognized document, skipped"
                console.print(sanitize(message, _MAX_LINE), style="yellow", markup=False, soft_wrap=True)
            elif isinstance(result, bytes):
                cast("BytesPrinter", printer).write(result)
            else:
                printer.alert(result)
    printer.close()
    return UNDECODABLE if undecodable else 0


def _results(
    found: list[LogFiles | None], assessor: Assessor, started: Workers | None, progress: Progress
) -> Iterator[Printed]:
    """Results of all paths in their order; None is standard input, which is read once."""
    task = progress.add_task("reading", total=None if None in found else sum(each.size for each in found if each))
    for index, files in enumerate(found):
        if files is not None:
            yield from results_of_files(files, assessor, started, partial(progress.advance, task))
        elif None not in found[:index]:
            yield from replay_documents(read_documents(stdin(), "standard input"), assessor)


def _progress(console: Console) -> Progress:
    """A line with bytes and the time left on standard error, unless the output goes to the same terminal."""
    columns = (
        SpinnerColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal or sys.stdout.isatty())
