"""The report: rows by account and year, open intervals, and queries of the documentation."""

from __future__ import annotations

import gzip
import json
import re

import msgspec
import pytest

from gatewatch.alerts.pipeline import Assessor
from gatewatch.alerts.replay import replay_documents
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.errors import ConfigurationError, UndecodableError
from gatewatch.events.files import find_files, read_file
from gatewatch.history.entries import Assessed, Problem, assessed, english_labels
from gatewatch.history.formats import JsonLinesFormat, ParquetFormat
from gatewatch.history.intervals import Intervals
from gatewatch.history.partitions import Partitions
from gatewatch.history.report import write_report
from gatewatch.history.storage import FolderStorage
from gatewatch.model.exposure import ExposureChange, RuleRef
from gatewatch.rendering.json_rows import Row
from support.paths import ROOT
from support.trails import write_trail

GROUP = "111122223333/us-east-1/sg-1"
SSH = RuleRef(shape="ingress tcp 22-22 0.0.0.0/0")
DAY = 86_400


def opened(event_id: str, at: float, *rules: RuleRef, **more) -> ExposureChange:
    return ExposureChange(event_id=event_id, group_key=GROUP, at=at, actor="alice", opened=rules or (SSH,), **more)


def closed(event_id: str, at: float, *rules: RuleRef) -> ExposureChange:
    return ExposureChange(event_id=event_id, group_key=GROUP, at=at, actor="bob", closed=rules or (SSH,))


def intervals(*changes: ExposureChange) -> list[tuple[str, str | None]]:
    """Opening and closing event of each interval."""
    found = Intervals()
    for each in changes:
        found.add(each)
    return [(each.opened_event, each.closed_event) for each in found.all()]


@pytest.fixture(scope="module")
def entries(tmp_path_factory, settings) -> list[Assessed | Problem]:
    folder = tmp_path_factory.mktemp("trail")
    write_trail(folder)
    documents = (document for path in find_files([folder]) for document in read_file(path))
    found = replay_documents(documents, Assessor(settings, InMemoryRuleHistory()))
    english = english_labels()
    return [_entry(each, english) for each in found]


def _entry(result, english) -> Assessed | Problem:
    if hasattr(result, "changes"):
        return assessed(result, english)
    return Problem(result.where, result.reason if isinstance(result, UndecodableError) else "unrecognized")


def lines(path) -> list[dict]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.splitlines()]


def test_an_interval_has_its_opener_and_its_closer() -> None:
    found = Intervals()
    found.add(opened("one", 0))
    found.add(closed("two", 90))
    assert [msgspec.to_builtins(each) for each in found.all()] == [
        {
            "account_id": "111122223333",
            "region": "us-east-1",
            "resource": "sg-1",
            "rule": SSH.shape,
            "opened_at": "1970-01-01T00:00:00Z",
            "opened_by": "alice",
            "opened_event": "one",
            "closed_at": "1970-01-01T00:01:30Z",
            "closed_by": "bob",
            "closed_event": "two",
            "ended": "closed",
        }
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([opened("a", 1)], [("a", None)]),
        ([closed("b", 1)], []),
        ([closed("b", 5), opened("a", 1)], [("a", "b")]),
        ([opened("a", 1), opened("a", 1), closed("b", 5), closed("b", 5)], [("a", "b")]),
        ([opened("a", 1), closed("b", 5), opened("c", 7), closed("d", 9)], [("a", "b"), ("c", "d")]),
        ([opened("a", 1), closed("b", 5, RuleRef(shape="ingress tcp 80-80 0.0.0.0/0"))], [("a", None)]),
        ([opened("a", 1, RuleRef("sgr-1", SSH.shape)), closed("b", 2, RuleRef("sgr-1"))], [("a", "b")]),
        ([opened("a", 1, RuleRef("sgr-1", SSH.shape)), closed("b", 2, RuleRef("sgr-2", SSH.shape))], [("a", None)]),
        (
            [opened("a", 1), ExposureChange(event_id="b", group_key=GROUP, at=2, actor="bob", closes_others=True)],
            [("a", "b")],
        ),
    ],
)
def test_openings_and_closings_are_paired_in_any_order(changes, expected) -> None:
    assert intervals(*changes) == expected
    assert intervals(*reversed(changes)) == expected


def test_the_report_has_every_row_once_by_account_and_year(entries, tmp_path) -> None:
    report = write_report(entries, FolderStorage(tmp_path), JsonLinesFormat())
    rows = [row for path in (tmp_path / "rows").rglob("*.gz") for row in lines(path)]
    expected = [row for each in entries if isinstance(each, Assessed) for row in each.rows]
    assert sorted(map(str, rows)) == sorted(str(json.loads(msgspec.json.encode(row))) for row in expected)
    for path in (tmp_path / "rows").rglob("*.gz"):
        account, year = (part.partition("=")[2] for part in path.parts[-3:-1])
        assert {row["account_id"] for row in lines(path)} == {account} or account == "unknown"
        assert {row["time"][:4] for row in lines(path)} == {year} or year == "unknown"
    assert sum(each.rows for each in report.by_account_and_year) == len(rows)
    assert report.problems == len(lines(tmp_path / "problems.jsonl")) == 2


def test_the_summary_counts_what_was_opened_closed_and_open_at_the_end_of_each_year(tmp_path) -> None:
    changes = [opened("a", 0), closed("b", 400 * DAY), opened("c", 800 * DAY)]
    report = write_report([Assessed((), each) for each in changes], FolderStorage(tmp_path), JsonLinesFormat())
    counts = [(each.year, each.opened, each.closed, each.open_at_end) for each in report.by_account_and_year]
    assert counts == [("1970", 1, 0, 1), ("1971", 0, 1, 0), ("1972", 1, 0, 1)]


def test_a_report_is_not_written_over_another(entries, tmp_path) -> None:
    """The rows of both would be counted."""
    write_report(entries, FolderStorage(tmp_path / "one"), JsonLinesFormat())
    with pytest.raises(ConfigurationError, match="has a report already"):
        write_report(entries, FolderStorage(tmp_path / "one"), ParquetFormat())
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "z.txt").write_text("beside")
    write_report(entries, FolderStorage(tmp_path / "two"), JsonLinesFormat())


def test_an_empty_run_has_an_empty_report(tmp_path) -> None:
    assert write_report([], FolderStorage(tmp_path), JsonLinesFormat()).by_account_and_year == ()


def test_rows_of_a_hostile_record_stay_in_the_folder_of_the_report(entries, tmp_path) -> None:
    row = next(each.rows[0] for each in entries if isinstance(each, Assessed))
    hostile = msgspec.structs.replace(row, account_id="../../etc", time="9/../..", from_port=10**30)
    for row_format in (JsonLinesFormat(), ParquetFormat()):
        partitions = Partitions(FolderStorage(tmp_path / "report"), row_format)
        partitions.add(hostile)
        partitions.close()
    found = [path.relative_to(tmp_path).parent.as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert set(found) == {"report/rows/account_id=unknown/year=unknown"}


def test_parquet_has_the_values_of_the_rows(entries, tmp_path) -> None:
    duckdb = pytest.importorskip("duckdb")
    write_report(entries, FolderStorage(tmp_path), ParquetFormat())
    table = duckdb.read_parquet(f"{tmp_path}/rows/*/*/*.parquet", hive_partitioning=True)
    assert set(table.columns) == {*Row.__struct_fields__, "year"}
    found = {(row["event_id"], row["peer"], row["severity"]) for row in _dicts(table)}
    rows = [row for each in entries if isinstance(each, Assessed) for row in each.rows]
    assert found == {(row.event_id, row.peer, row.severity) for row in rows}
    assert len(table) == len(rows)


def _dicts(table) -> list[dict]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]


HISTORY = (ROOT / "docs" / "history.md").read_text("utf-8")


def table_of_athena() -> str:
    return HISTORY.partition("CREATE EXTERNAL TABLE gatewatch_rows (")[2].partition("\n)")[0]


def queries() -> list[str]:
    section = HISTORY.partition("### DuckDB")[2].partition("\n### ")[0]
    return re.findall(r"```sql\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("query", queries(), ids=range(len(queries())))
def test_the_queries_of_the_documentation_run_in_duckdb(query, entries, tmp_path, monkeypatch) -> None:
    duckdb = pytest.importorskip("duckdb")
    write_report(entries, FolderStorage(tmp_path), ParquetFormat())
    monkeypatch.chdir(tmp_path)
    assert duckdb.sql(query).fetchall()


def test_the_columns_of_athena_are_those_of_the_rows() -> None:
    columns = [each.split()[0].strip("`") for each in table_of_athena().split(",")]
    assert columns == [each for each in Row.__struct_fields__ if each != "account_id"]


def test_the_types_of_athena_are_those_of_parquet(entries, tmp_path) -> None:
    duckdb = pytest.importorskip("duckdb")
    write_report(entries, FolderStorage(tmp_path), ParquetFormat())
    columns = re.findall(r"`?(\w+)`? (string|bigint|boolean|array<string>)", table_of_athena())
    path = next(str(each) for each in tmp_path.rglob("*.parquet"))
    found = duckdb.read_parquet(path, hive_partitioning=False)
    names = {"string": "VARCHAR", "bigint": "BIGINT", "boolean": "BOOLEAN", "array<string>": "VARCHAR[]"}
    assert [(name, names[kind]) for name, kind in columns] == list(
        zip(found.columns, map(str, found.types), strict=True)
    )


def test_the_folders_of_athena_are_those_of_the_report(entries, tmp_path) -> None:
    """Partition projection computes the folders, so a wrong template finds nothing and reports no error."""
    write_report(entries, FolderStorage(tmp_path), ParquetFormat())
    (template,) = re.findall(r"'storage.location.template' = 's3://RESULTS/report/(.*)'", HISTORY)
    first, last = re.search(r"'projection.year.range' = '(\d+),(\d+)'", HISTORY).groups()
    folders = {each.parent.relative_to(tmp_path).as_posix() + "/" for each in tmp_path.rglob("*.parquet")}
    known = [re.fullmatch(r".*account_id=(\d+)/year=(\d+)/", each) for each in folders if "unknown" not in each]
    assert len(known) > 1
    for each in known:
        account, year = each.groups()
        assert template.replace("${account_id}", account).replace("${year}", year) == each[0]
        assert first <= year <= last
