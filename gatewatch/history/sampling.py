"""How fast a worker is, measured on some of the log files that a run would read."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.errors import ConfigurationError
from gatewatch.history.batches import is_log
from gatewatch.history.entries import pack_entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.history.batches import FileAssessor
    from gatewatch.history.storage import Storage

_GZIP = b"\x1f\x8b"
_MEGABYTE = 1e6
# The processor of a Lambda worker may be slower, and a worker waits for S3.
_WORKER_SHARE = 0.5


class Sample(Struct, frozen=True):
    """`stored` and `logs` are bytes before and after decompression, `seconds` of processor time on this machine."""

    files: int
    stored: int
    logs: int
    seconds: float

    @property
    def compression(self) -> float:
        return round(self.logs / self.stored, 1)

    @property
    def megabytes_per_second(self) -> float:
        """Of a worker, less than what was measured."""
        return round(self._measured * _WORKER_SHARE, 1)

    @property
    def _measured(self) -> float:
        return self.logs / _MEGABYTE / self.seconds

    @property
    def line(self) -> str:
        sizes = (
            f"{self.stored / _MEGABYTE:,.1f} MB stored × {self.compression:g} = {self.logs / _MEGABYTE:,.1f} MB of logs"
        )
        here = f"{sizes} ÷ {self.seconds:.2f} s of processor time = {self._measured:.1f} MB/s on this machine"
        return f"sample of {self.files} files: {here}, × {_WORKER_SHARE:g} for a worker"


def measure_sample(
    logs: Storage, files: int, count: int, assessor: FileAssessor, clock: Callable[[], float] = time.process_time
) -> Sample:
    """Assess `count` of all `files`, evenly spaced. Raises `ConfigurationError` when none of them can be read."""
    found = (each for each in logs.files() if is_log(each.name))
    chosen = islice(found, 0, None, max(1, files // count))
    start = clock()
    contents = (
        content for _, content in logs.read_files(islice(chosen, count)) if isinstance(content, bytes) and content
    )
    sizes = [(len(each), _size_of_logs(each), len(pack_entries(assessor.entries("", each)))) for each in contents]
    if not sizes:
        raise ConfigurationError(f"{logs.location}: none of the log files of the sample can be read.")
    stored, uncompressed, _ = map(sum, zip(*sizes, strict=True))
    return Sample(len(sizes), stored, uncompressed, max(clock() - start, 1e-6))


def _size_of_logs(content: bytes) -> int:
    """A gzip file ends with its uncompressed size (RFC 1952, ISIZE)."""
    return int.from_bytes(content[-4:], "little") if content.startswith(_GZIP) else len(content)
