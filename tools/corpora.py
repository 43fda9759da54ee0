"""A table of what gatewatch reports of a folder of CloudTrail files, and of what it does not: coverage and noise.

`make corpora DIR=...` prints it as Markdown, for instance of the logs of an attack simulation or of a quiet week. Each
file or folder in DIR is one row. gatewatch ships no such files.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.paths import ROOT
from gatewatch.config.settings import load_settings
from gatewatch.errors import ConfigurationError, UndecodableError
from gatewatch.events.changes.registry import specs_of
from gatewatch.events.decoding import decode, parse
from gatewatch.events.files import MAX_DOCUMENT_BYTES, SUFFIXES, find_files
from gatewatch.events.gunzip import GZIP_ERRORS, open_gzip
from gatewatch.model.api_call import ApiCall
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.model.alert import Alert

_READS = ("Get", "List", "Describe", "Head", "Lookup", "BatchGet", "Search", "AssumeRole")
_NOISE = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
_MAX_NAME, _MAX_ROWS = 60, 30
_UNREADABLE: tuple[type[Exception], ...] = (OSError, EOFError, *GZIP_ERRORS)
_CODE = {ord(each): "'" for each in "`|"}


class Tally(Struct):
    """What one file or folder of the corpus has. `rows` are the lines of `gatewatch replay`, by severity."""

    records: int = 0
    writes: int = 0
    watched: int = 0
    rows: Counter[Severity] = field(default_factory=Counter)
    reported: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def worst(self) -> str:
        return max(self.rows, key=lambda each: each.rank).value if self.rows else "-"

    def count(self, call: ApiCall, alert: Alert | None) -> None:
        """Count one call. A write that gives no row is silent."""
        name = f"{call.event_source.partition('.')[0]} {call.event_name}"
        self.records += 1
        self.writes += (is_write := _is_write(call))
        self.watched += bool(specs_of(call))
        if alert:
            self.rows.update(each.assessment.severity for each in alert.changes)
            self.reported[name] += len(alert.changes)
        elif is_write:
            self.silent[name] += 1


def tally(folder: Path, assessor: Assessor) -> dict[str, Tally]:
    """The tallies of what is directly in a folder, by name. Raises `ConfigurationError` for a missing folder."""
    found: dict[str, Tally] = {}
    for path in find_files([folder]):
        name = path.relative_to(folder).parts[0] if path != folder else path.name
        _add(found.setdefault(name, Tally()), path, assessor)
    return found


def _add(counted: Tally, path: Path, assessor: Assessor) -> None:
    for document in _documents(path):
        if isinstance(document, UndecodableError):
            counted.problems.append(str(document))
            continue
        for decoded in decode(document, str(path)):
            if isinstance(decoded, ApiCall):
                counted.count(decoded, assess_call(decoded, assessor))
            elif isinstance(decoded, UndecodableError):
                counted.problems.append(str(decoded))


def _documents(path: Path) -> Iterator[object]:
    """Every JSON document of a file, or the reason why there is none: the whole text is one, or each line is."""
    try:
        with path.open("rb") as stream:
            plain = open_gzip(stream) if stream.peek(2)[:2] == b"\x1f\x8b" else stream
            text = plain.read(MAX_DOCUMENT_BYTES + 1)
    except _UNREADABLE as error:
        yield UndecodableError(str(path), f"cannot be read ({error})")
        return
    if len(text) > MAX_DOCUMENT_BYTES:
        yield UndecodableError(str(path), f"is larger than {MAX_DOCUMENT_BYTES // 1024**2} MiB uncompressed")
        return
    whole = _parsed(text, str(path))
    lines = text.splitlines()
    if not isinstance(whole, UndecodableError) or len(lines) < 2:  # noqa: PLR2004  a single line is no JSON Lines
        yield whole
        return
    yield from (_parsed(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip())


def _parsed(text: bytes, where: str) -> object:
    try:
        return parse(text, where)
    except UndecodableError as error:
        return error


def _is_write(call: ApiCall) -> bool:
    """By the record where it says so, else by the name."""
    is_read = call.record.get("readOnly")
    return not is_read if isinstance(is_read, bool) else not call.event_name.startswith(_READS)


def table(tallies: dict[str, Tally]) -> Iterator[str]:
    """The Markdown lines."""
    yield "| Part | Records | Writes | Watched | Worst | critical | high | medium | low | info | Unread |"
    yield "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, each in sorted(tallies.items()):
        yield f"| {_safe(name)} | {_numbers(each)} |"
    total = _sum(tallies.values())
    yield f"| **all** | {_numbers(total)} |"
    noise = sum(total.rows[each] for each in _NOISE)
    reported = sum(1 for each in tallies.values() if any(each.rows[one] for one in _NOISE))
    yield f"\nParts with a row of low or more: {reported} of {len(tallies)}."
    yield f"Rows of low or more: {noise}, {_rate(noise, total.records)} per 1,000 records."
    yield from _most("Rows by call", "Rows", total.reported)
    yield from _most("Writes that give no row", "Times", total.silent)


def _numbers(each: Tally) -> str:
    rows = [str(each.rows[one]) for one in (*_NOISE, Severity.INFO)]
    return " | ".join(
        (str(each.records), str(each.writes), str(each.watched), each.worst, *rows, str(len(each.problems)))
    )


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for each in tallies:
        total.records += each.records
        total.writes += each.writes
        total.watched += each.watched
        total.problems += each.problems
        for counted, more in ((total.rows, each.rows), (total.reported, each.reported), (total.silent, each.silent)):
            counted.update(more)  # type: ignore[arg-type]
    return total


def _rate(count: int, records: int) -> str:
    return f"{1000 * count / records:.1f}" if records else "0"


def _most(title: str, what: str, counted: Counter[str]) -> Iterator[str]:
    shown = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:_MAX_ROWS]
    yield f"\n## {title}\n\n| Call | {what} |\n| --- | ---: |"
    yield from (f"| `{_safe(name)}` | {count} |" for name, count in shown)
    if len(counted) > len(shown):
        yield f"\nand {len(counted) - len(shown)} more"


def _safe(name: str) -> str:
    """Names come from the files: no line break, column or code span ends in them."""
    return sanitize(name, _MAX_NAME).translate(_CODE)


def main(arguments: Sequence[str]) -> int:
    """Return the exit status: 0, 2 for wrong usage or configuration, 3 when something could not be read."""
    parser = argparse.ArgumentParser(prog="make corpora DIR=", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help=f"files that end in {', '.join(SUFFIXES)}")
    parser.add_argument("--config", type=Path, default=ROOT, help="folder of accounts.yaml and policy.yaml")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings(options.config / "accounts.yaml", options.config / "policy.yaml")
        tallies = tally(options.folder, Assessor(settings, InMemoryRuleHistory()))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.writelines(f"{line}\n" for line in table(tallies))
    problems = [problem for each in tallies.values() for problem in each.problems]
    sys.stderr.writelines(f"{sanitize(problem, 200)}\n" for problem in problems)
    return 3 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
