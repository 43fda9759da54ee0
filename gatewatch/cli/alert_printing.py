"""Read events from files or standard input, run the pipeline, and give each alert to a printer."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gatewatch.alerts.pipeline import Assessor
from gatewatch.alerts.replay import replay_documents
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.cli.parallel import documents_of_files
from gatewatch.config.settings import load_settings
from gatewatch.errors import ConfigurationError, UndecodableError
from gatewatch.events.decoding import UnrecognizedDocument
from gatewatch.events.files import find_files, read_documents
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.cli.options import LanguageOption
    from gatewatch.events.files import Document
    from gatewatch.model.alert import Alert

UNDECODABLE = 3
_STDIN = Path("-")
_MAX_LINE = 2000


class Printer(Protocol):
    def alert(self, alert: Alert) -> None: ...

    def close(self) -> None: ...


def load_assessor(accounts: Path, policy: Path, language: LanguageOption | None) -> Assessor:
    """An assessor with the settings of both files. Raises `ConfigurationError`."""
    return Assessor(load_settings(accounts, policy, language.value if language else None), InMemoryRuleHistory())


def print_alerts(printer: Printer, paths: list[Path], assessor: Assessor, jobs: int = 1) -> int:
    """Print the alert of every event; return exit status 0, or 3 when a document could not be decoded.

    A closed pipe (`gatewatch replay … | head`) ends the output without an error.
    """
    try:
        return _print_all(printer, _documents(paths, jobs), assessor)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _print_all(printer: Printer, found: Iterable[Document | UndecodableError], assessor: Assessor) -> int:
    console = Console(stderr=True, highlight=False)
    undecodable = 0
    with _progress(console) as progress:
        task = progress.add_task("reading", total=None)
        for result in replay_documents(_with_progress(found, progress, task), assessor):
            if isinstance(result, UndecodableError):
                undecodable += 1
                console.print(sanitize(f"gatewatch: {result}", _MAX_LINE), style="red", markup=False, soft_wrap=True)
            elif isinstance(result, UnrecognizedDocument):
                message = f"gatewatch: {result.where}: unrecognized document, skipped"
                console.print(sanitize(message, _MAX_LINE), style="yellow", markup=False, soft_wrap=True)
            else:
                printer.alert(result)
    printer.close()
    return UNDECODABLE if undecodable else 0


def _documents(paths: list[Path], jobs: int) -> Iterator[Document | UndecodableError]:
    """Documents of all paths in their order. Missing paths are reported before any is read; stdin is read once."""
    named = [path for path in paths if path != _STDIN]
    found = iter([find_files([path]) for path in named])
    for index, path in enumerate(paths or [_STDIN]):
        if path == _STDIN:
            yield from read_documents(_stdin(), "standard input") if path not in paths[:index] else ()
        else:
            yield from documents_of_files(next(found), jobs)


def _stdin() -> BinaryIO:
    """Standard input in binary. A shell can start a program without one (`<&-`); then sys.stdin is None."""
    stream: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise ConfigurationError("standard input: is closed; name a file or a folder.")
    return stream


def _progress(console: Console) -> Progress:
    """A progress line on standard error, unless the output goes to the same terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} documents"), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal or sys.stdout.isatty())


def _with_progress(
    found: Iterable[Document | UndecodableError], progress: Progress, task: object
) -> Iterator[Document | UndecodableError]:
    for document in found:
        yield document
        progress.advance(task)  # type: ignore[arg-type]
