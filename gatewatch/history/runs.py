"""A run over an archive: its plan, which batches are done, and workers on this machine."""

from __future__ import annotations

import gzip
import zlib
from concurrent.futures import FIRST_COMPLETED, wait
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.errors import ConfigurationError, GatewatchError
from gatewatch.history.batches import Batch, BatchResult, FileAssessor, assess_batch, plan_batches, result_name
from gatewatch.history.entries import Problem, unpack_entries
from gatewatch.history.processes import cores, process_pool
from gatewatch.history.storage import absolute, is_below
from gatewatch.model.typed_decoding import decode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from gatewatch.config.settings import Settings
    from gatewatch.history.entries import Entry
    from gatewatch.history.storage import Storage

    OpenStorage = Callable[[str], Storage]  # from a location


class MissingBatchesError(GatewatchError):
    """A run is not complete."""


class Run(Struct, frozen=True):
    """`logs` and `results` are locations: a folder or `s3://bucket/prefix`."""

    name: str
    logs: str
    results: str


def plan_name(run: str) -> str:
    return f"runs/{run}/batches.json"


def _logs_name(run: str) -> str:
    return f"runs/{run}/logs.json"


def plan(run: Run, open_storage: OpenStorage) -> list[Batch]:
    """Return the batches of a run: those that it was started with, or new ones for the files that are there now.

    Raises `ConfigurationError` when there are no log files, when results would be read as logs, or when the run was
    started with other logs.
    """
    check_target(run.results, run.logs)
    if not (batches := planned(run, open_storage)):
        return new_plan(run.logs, open_storage)
    logs = started_with(run, open_storage)
    if not (is_below(run.logs, logs) and is_below(logs, run.logs)):
        raise ConfigurationError(f"run {run.name} was started with {logs}; choose another --run for {run.logs}.")
    return batches


def check_target(location: str, logs: str) -> None:
    """Raises `ConfigurationError` for a location whose files the next run would read as logs."""
    if is_below(location, logs):
        raise ConfigurationError(f"{location}: is inside {logs}; write the results beside the logs.")


def new_plan(logs: str, open_storage: OpenStorage) -> list[Batch]:
    """Return the batches of the log files at a location. Raises `ConfigurationError` when there are none."""
    batches = list(plan_batches(open_storage(logs).files()))
    if not batches:
        raise ConfigurationError(f"{logs}: has no CloudTrail log files.")
    return batches


def planned(run: Run, open_storage: OpenStorage) -> list[Batch]:
    text = open_storage(run.results).read(plan_name(run.name))
    return decode_json(text, list[Batch]) if text else []


def started(run: Run, open_storage: OpenStorage) -> list[Batch]:
    """The batches of a run that was started. Raises `MissingBatchesError` when it was not."""
    if batches := planned(run, open_storage):
        return batches
    raise MissingBatchesError(f"run {run.name} is not in {run.results}; gatewatch history start begins it.")


def started_with(run: Run, open_storage: OpenStorage) -> str:
    """The location of the logs of a run that was started."""
    text = open_storage(run.results).read(_logs_name(run.name))
    return decode_json(text, str) if text else run.logs


def save_plan(run: Run, batches: list[Batch], open_storage: OpenStorage) -> None:
    """Write an array of batches, one a worker: the item reader of the state machine reads it."""
    results = open_storage(run.results)
    results.write(_logs_name(run.name), msgspec.json.encode(absolute(run.logs)))
    results.write(plan_name(run.name), msgspec.json.encode(batches))


def finished(run: Run, open_storage: OpenStorage) -> set[str]:
    """The result files that are there."""
    folder = result_name(run.name, 0).rpartition("/")[0]
    names: set[str] = set()
    for each in open_storage(run.results).files(f"{folder}/"):
        if not each.name.startswith(f"{folder}/"):
            break
        names.add(each.name)
    return names


def unfinished(run: Run, batches: list[Batch], open_storage: OpenStorage) -> list[Batch]:
    done = finished(run, open_storage)
    return [each for each in batches if result_name(run.name, each.number) not in done]


def entries_in_order(run: Run, open_storage: OpenStorage, *, partial: bool = False) -> Iterator[Entry]:
    """Yield the entries of all batches; with `partial` a batch that is not done is a problem in its place.

    Raises `MissingBatchesError` before the first entry when a batch is not done otherwise.
    """
    batches = started(run, open_storage)
    missing = {each.number for each in unfinished(run, batches, open_storage)}
    if missing and not partial:
        counts = f"{len(missing)} of {len(batches)}"
        raise MissingBatchesError(
            f"run {run.name}: {counts} batches are not done; start it again, which does only those, or add --partial."
        )
    results = open_storage(run.results)
    for each in batches:
        if each.number in missing:
            yield Problem(each.last, f"batch {each.number} is not done: {each.files} log files up to here are missing")
        else:
            yield from _entries_of(results, result_name(run.name, each.number))


def _entries_of(results: Storage, name: str) -> Iterator[Entry]:
    try:
        yield from unpack_entries(results.read(name) or b"")
    except (EOFError, gzip.BadGzipFile, zlib.error, msgspec.DecodeError) as error:
        where = f"{results.location.rstrip('/')}/{name}"
        raise MissingBatchesError(f"{where}: is damaged or of another version; delete it and start again.") from error


def work(
    run: Run, batches: list[Batch], settings: Settings, open_storage: OpenStorage, jobs: int = 0
) -> Iterator[BatchResult]:
    """Assess batches in `jobs` processes of this machine (0: one per core); yield each result as it is done.

    Raises `ProcessEndedError` when the system ends one; the batches that are done stay.
    `open_storage` is called in the processes, so it must be a function of a module.
    """
    with process_pool(jobs or cores(), _start, run, settings, open_storage) as pool:
        waiting: set[Future[BatchResult]] = {pool.submit(_work, each) for each in batches}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (each.result() for each in done)


class _Worker:
    """What a process keeps between batches."""

    run: Run
    assessor: FileAssessor
    open_storage: OpenStorage


def _start(run: Run, settings: Settings, open_storage: OpenStorage) -> None:
    _Worker.run, _Worker.assessor, _Worker.open_storage = run, FileAssessor(settings), staticmethod(open_storage)


def _work(batch: Batch) -> BatchResult:
    run, open_storage = _Worker.run, _Worker.open_storage
    return assess_batch(run.name, batch, open_storage(run.logs), open_storage(run.results), _Worker.assessor)
