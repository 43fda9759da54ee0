"""The rows that Spark writes are those of a replay. Needs Java 17 and the extra `spark`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest

from gatewatch.alerts.pipeline import Assessor
from gatewatch.alerts.replay import replay_documents
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.events.files import find_files, read_file
from gatewatch.history.entries import assessed, english_labels
from gatewatch.history.formats import parquet_values
from gatewatch.history.spark import write_rows
from gatewatch.model.alert import Alert
from support.trails import TRUNCATED, write_trail

_OLDEST_JAVA = 17


def why_not() -> str:
    """Why Spark cannot run here; empty where it can."""
    try:
        import pyspark  # noqa: F401, PLC0415
    except ImportError:
        return "pyspark is not installed: install the extra gatewatch[spark]"
    java = shutil.which("java")
    text = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr if java else ""
    version = re.search(r'version "(\d+)', text)
    return "" if version and int(version[1]) >= _OLDEST_JAVA else f"Spark needs Java {_OLDEST_JAVA} or later"


MISSING = why_not()


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@pytest.mark.filterwarnings("default")
def test_spark_writes_the_rows_of_a_replay(settings, tmp_path, monkeypatch) -> None:
    from pyspark.sql import SparkSession  # noqa: PLC0415

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    write_trail(tmp_path / "logs")
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .getOrCreate()
    )
    try:
        written = write_rows(session, f"{tmp_path}/logs/*/*/*/*/*/*/*/*.gz", str(tmp_path / "rows"), settings)
        table = session.read.parquet(str(tmp_path / "rows"))
        found = [each.asDict() for each in table.collect()]
    finally:
        session.stop()
    files = [path for path in find_files([tmp_path / "logs"]) if "CloudTrail" in path.parts]
    documents = (document for path in files for document in read_file(path))
    english = english_labels()
    results = list(replay_documents(documents, Assessor(settings, InMemoryRuleHistory())))
    rows = [row for each in results if isinstance(each, Alert) for row in assessed(each, english).rows]
    assert written.rows == len(rows) > 100
    assert sorted(map(in_columns, found)) == sorted(in_columns(parquet_values(row)) for row in rows)
    assert [(each.where, each.reason) for each in written.problems] == [
        (f"file:{tmp_path}/logs/{TRUNCATED}", "is a truncated gzip")
    ]


def in_columns(row: dict) -> str:
    """A row with its columns in one order. Spark reads an empty account as null."""
    return json.dumps(row | {"account_id": row["account_id"] or None}, sort_keys=True)
