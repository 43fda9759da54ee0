"""What the commands of the command line do at a desk: read files, run the pipeline, hand each result to a printer."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gatewatch.alerts.pipeline import Judge
from gatewatch.alerts.replay import replay
from gatewatch.alerts.rule_history import RecentRules
from gatewatch.cli.parallel import documents_of_files
from gatewatch.cli.what_if import WhatIf
from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.config.settings import load_deployable, load_settings
from gatewatch.errors import ConfigurationError, UndecodableError
from gatewatch.events.decode import Foreign
from gatewatch.events.files import documents, files
from gatewatch.monitoring.reminders import BEFORE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from gatewatch.cli.app import LanguageOption
    from gatewatch.config.settings import Settings
    from gatewatch.events.files import Document
    from gatewatch.model.alert import Alert

UNDECODABLE = 3
_STDIN = Path("-")


class Printer(Protocol):
    def alert(self, alert: Alert) -> None: ...

    def close(self) -> None: ...


def judge(accounts: Path, policy: Path, language: LanguageOption | None) -> Judge:
    return Judge(load_settings(accounts, policy, language.value if language else None), RecentRules())


def replay_to(printer: Printer, paths: list[Path], judge: Judge, jobs: int = 1) -> int:
    """Print every alert; the exit status says whether everything could be decoded.

    A reader that went away (`gatewatch replay … | head`) has seen enough, which is no error.
    """
    try:
        return _print_all(printer, _documents(paths, jobs), judge)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _print_all(printer: Printer, found: Iterable[Document | UndecodableError], judge: Judge) -> int:
    console = Console(stderr=True, highlight=False)
    undecodable = 0
    with _progress(console) as progress:
        task = progress.add_task("reading", total=None)
        for result in replay(_counted(found, progress, task), judge):
            if isinstance(result, UndecodableError):
                undecodable += 1
                console.print(f"gatewatch: {result}", style="red", markup=False, soft_wrap=True)
            elif isinstance(result, Foreign):
                sentence = f"gatewatch: {result.where}: is an object of no form that is known here; passed over"
                console.print(sentence, style="yellow", markup=False, soft_wrap=True)
            else:
                printer.alert(result)
    printer.close()
    return UNDECODABLE if undecodable else 0


def _documents(paths: list[Path], jobs: int) -> Iterator[Document | UndecodableError]:
    """Every path is looked at before the first is read; standard input can be read only once."""
    named = [path for path in paths if path != _STDIN]
    found = iter([files([path]) for path in named])
    for index, path in enumerate(paths or [_STDIN]):
        if path == _STDIN:
            yield from documents(_stdin(), "standard input") if path not in paths[:index] else ()
        else:
            yield from documents_of_files(next(found), jobs)


def _stdin() -> BinaryIO:
    """A shell may start a program without one (`<&-`), and then Python has none either."""
    stream: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise ConfigurationError("standard input: is closed; name a file or a folder.")
    return stream


def _progress(console: Console) -> Progress:
    """Seen only by a person who waits: on a terminal, and on standard error."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} documents"), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _counted(
    found: Iterable[Document | UndecodableError], progress: Progress, task: object
) -> Iterator[Document | UndecodableError]:
    for document in found:
        yield document
        progress.advance(task)  # type: ignore[arg-type]


def check(accounts: Path, policy: Path, now: datetime) -> None:
    """Raises `ConfigurationError`; otherwise says what the files amount to, and what is odd about them."""
    settings = load_deployable(accounts, policy)
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{accounts} and {policy} are good: {len(settings.accounts)} accounts, "
        f"{len(set(settings.destinations) - {HUB_TOPIC})} destinations, {len(settings.routes)} routes, "
        f"{len(settings.exceptions)} exceptions."
    )
    for note in _notes(settings, now):
        console.print(f"note: {note}", markup=False)


def _notes(settings: Settings, now: datetime) -> Iterator[str]:
    used = {name for each in settings.routes for name in each.to}
    used.update(name for account in settings.accounts.values() for name in account.destinations)
    used.update(settings.digest.to)
    for name in sorted(set(settings.destinations) - used - {HUB_TOPIC}):
        yield f"destination {name} is named by no route, no account and no digest."
    for each in settings.exceptions:
        if not each.holds(now):
            yield f"exception {each.id} of {each.owner} expired on {each.expires} and holds no more; take it away."
        elif not each.holds(now + BEFORE):
            yield f"exception {each.id} of {each.owner} runs out on {each.expires}."


def what_if(accounts: Path, policy: Path, paths: list[Path]) -> int:
    """What the policy would have done to past events; the exit status says whether all could be decoded."""
    found = Judge(load_deployable(accounts, policy), RecentRules())
    return replay_to(WhatIf(found.settings), paths, found)
