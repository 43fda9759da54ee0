"""docs/testing.md: every judge of its table is counted by a test that `make judges` runs."""

from __future__ import annotations

import re

import pytest

from support import judges
from support.paths import ROOT, TESTS

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def test_the_table_names_the_judges_that_the_tests_count():
    counted = {
        name
        for path in TESTS.rglob("*.py")
        for name in re.findall(r'judges\.count\("([^"]+)"', path.read_text("utf-8"))
    }
    assert judges.documented().keys() == counted
    assert min(judges.documented().values()) > 0


def test_make_judges_runs_the_files_that_count():
    (listed,) = re.findall(r"^JUDGES := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    files = [TESTS.parent / name for name in listed.replace("\\", "").split()]
    assert all(path.is_file() for path in files)


@pytest.mark.parametrize("judge", judges.documented())
def test_a_judge_that_made_too_few_decisions_is_named(judge, monkeypatch):
    enough = dict(judges.documented())
    monkeypatch.setattr(judges, "_COUNTED", judges.Counter(enough))
    assert judges.missing() == []
    monkeypatch.setattr(judges, "_COUNTED", judges.Counter(enough | {judge: enough[judge] - 1}))
    assert judges.missing() == [judge]
    assert any(line.startswith(f"{judge}: {enough[judge] - 1:,} decisions") for line in judges.lines())
