"""Batches of log files: how they are planned, and what a worker does with one of them."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.replay import replay_unordered
from gatewatch.alerts.unordered import unordered_assessor
from gatewatch.aws.s3 import MAX_BYTES
from gatewatch.errors import GatewatchError, UndecodableError
from gatewatch.events.files import SUFFIXES, read_documents
from gatewatch.history.entries import CallInOrder, Problem, english_labels, entry_of_result, pack_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.config.settings import Settings
    from gatewatch.events.files import Document
    from gatewatch.history.entries import Entry
    from gatewatch.history.storage import Storage, StoredFile

# A worker reads 25 MB of gzip, some 300 MB of logs, in seconds; its entries are a few megabytes.
BATCH_BYTES, BATCH_FILES = 25_000_000, 2_000
# Folders of an organization trail beside CloudTrail: digests, Insight events, network activity.
_OTHER_LOGS = "CloudTrail-"


class Batch(Struct, frozen=True):
    """The log files after one name, up to and including another. `size` is in bytes as stored."""

    number: int
    after: str
    last: str
    files: int
    size: int


class BatchResult(Struct, frozen=True):
    """What a worker reports; its entries are in the results. `in_order` are calls that need earlier files."""

    number: int
    files: int = 0
    size: int = 0
    entries: int = 0
    in_order: int = 0
    problems: int = 0


class UnreadableBatchError(GatewatchError):
    """The cause is outside of the files, such as a missing permission: the batch is to be repeated."""


def is_log(name: str) -> bool:
    """Whether a file holds records of API calls, by the layout of a trail."""
    return name.endswith(SUFFIXES) and not any(part.startswith(_OTHER_LOGS) for part in name.split("/")[:-1])


def plan_batches(files: Iterable[StoredFile]) -> Iterator[Batch]:
    """Divide log files, in their order, into batches of about BATCH_BYTES."""
    number, after = 0, ""
    batch = Batch(0, "", "", 0, 0)
    for each in files:
        if not is_log(each.name):
            continue
        if batch.files and (batch.size + each.size > BATCH_BYTES or batch.files == BATCH_FILES):
            yield batch
            number, after = number + 1, batch.last
            batch = Batch(number, after, "", 0, 0)
        batch = Batch(number, after, each.name, batch.files + 1, batch.size + each.size)
    if batch.files:
        yield batch


def result_name(run: str, number: int) -> str:
    return f"runs/{run}/batches/{number:08}.jsonl.gz"


class FileAssessor:
    """Assesses single files. It keeps nothing from one file to the next."""

    def __init__(self, settings: Settings) -> None:
        self._assessor = unordered_assessor(settings)
        self._english = english_labels()

    def entries(self, name: str, content: bytes | UndecodableError) -> Iterator[Entry]:
        """Yield what a file holds, from its bytes alone; an error in place of the bytes is a problem."""
        documents: Iterable[Document | UndecodableError] = (
            read_documents(io.BytesIO(content), name) if isinstance(content, bytes) else [content]
        )
        for result in replay_unordered(documents, self._assessor):
            yield entry_of_result(result, self._english)


def assess_batch(run: str, batch: Batch, logs: Storage, results: Storage, assessor: FileAssessor) -> BatchResult:
    """Assess the files of a batch and write its entries. A repeat writes the same bytes under the same name.

    Raises `UnreadableBatchError`, and writes nothing, when no file can be read.
    """
    counts: Counter[type[Entry]] = Counter()
    packed = pack_entries(_counted(_entries(batch, logs, assessor), counts))
    results.write(result_name(run, batch.number), packed)
    return BatchResult(batch.number, batch.files, batch.size, counts.total(), counts[CallInOrder], counts[Problem])


def _counted(entries: Iterable[Entry], counts: Counter[type[Entry]]) -> Iterator[Entry]:
    for each in entries:
        counts[type(each)] += 1
        yield each


def _entries(batch: Batch, logs: Storage, assessor: FileAssessor) -> Iterator[Entry]:
    """What the files hold. That a file of the plan is not there any more is a problem."""
    listed = unreadable = 0
    folder = logs.location.rstrip("/")
    for file, content in logs.read_files(_files(batch, logs)):
        listed += 1
        unreadable += isinstance(content, UndecodableError) and file.size <= MAX_BYTES
        yield from assessor.entries(f"{folder}/{file.name}", content)
    where = f"{folder}/{batch.last}"
    if unreadable == listed:
        raise UnreadableBatchError(f"{where}: none of the {batch.files} log files up to here can be read.")
    if listed < batch.files:
        yield Problem(where, f"{batch.files - listed} of {batch.files} log files up to here are not there any more")


def _files(batch: Batch, logs: Storage) -> Iterator[StoredFile]:
    for each in logs.files(batch.after):
        if each.name.encode() > batch.last.encode():
            return
        if is_log(each.name):
            yield each
