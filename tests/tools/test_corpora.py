"""The table of a folder of CloudTrail files: what is reported, what is not, and what cannot be read."""

import gzip
import json
import subprocess

import pytest

from gatewatch.alerts.pipeline import Assessor
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.settings import load_settings
from gatewatch.model.severity import Severity
from support.paths import ROOT
from tools.corpora import main, table, tally
from tools.example_calls import EXAMPLES


def record_of(name, severity):
    (example, *_) = [each for each in EXAMPLES if each.name == name and each.expected["severity"] == severity]
    return example.record(readOnly=False)


def other(name, **fields):
    return record_of("DeleteFlowLogs", "high") | {"eventSource": "ssm.amazonaws.com", "eventName": name, **fields}


SHARED = record_of("ModifySnapshotAttribute", "critical")
STOPPED = record_of("DeleteFlowLogs", "high")
QUIET = [record_of("PutBucketPolicy", "info"), other("SendCommand"), other("DescribeInstances", readOnly=True)]


@pytest.fixture
def corpus(tmp_path):
    """Two techniques and a quiet day, in the three forms of CloudTrail's files."""
    attack = tmp_path / "exfiltration" / "detonation"
    attack.mkdir(parents=True)
    (attack / "a.json").write_text(json.dumps({"Records": [SHARED, other("SendCommand")]}))
    (attack / "b.json.gz").write_bytes(gzip.compress(json.dumps({"Records": [SHARED]}).encode()))
    (tmp_path / "evasion.json").write_text(json.dumps([STOPPED], indent=2))
    (tmp_path / "quiet.jsonl").write_text("".join(json.dumps(each) + "\n" for each in QUIET))
    (tmp_path / "README.md").write_text("no events")
    return tmp_path


def tallies(folder):
    settings = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
    return tally(folder, Assessor(settings, InMemoryRuleHistory()))


def test_each_part_counts_its_records_writes_and_rows(corpus):
    found = tallies(corpus)
    assert found.keys() == {"exfiltration", "evasion.json", "quiet.jsonl"}
    attack, evasion, quiet = found["exfiltration"], found["evasion.json"], found["quiet.jsonl"]
    assert (attack.records, attack.writes, attack.watched, attack.worst) == (3, 3, 2, "critical")
    assert (evasion.rows, evasion.silent) == ({Severity.HIGH: 1}, {})
    assert (quiet.records, quiet.writes, quiet.rows) == (3, 2, {Severity.INFO: 1})
    assert attack.silent == quiet.silent == {"ssm SendCommand": 1}


def test_the_table_says_which_parts_are_seen_and_how_much_noise_there_is(corpus):
    lines = "\n".join(table(tallies(corpus))).splitlines()
    assert "| exfiltration | 3 | 3 | 2 | critical | 2 | 0 | 0 | 0 | 0 | 0 |" in lines
    assert "| quiet.jsonl | 3 | 2 | 1 | info | 0 | 0 | 0 | 0 | 1 | 0 |" in lines
    assert "| **all** | 7 | 6 | 4 | critical | 2 | 1 | 0 | 0 | 1 | 0 |" in lines
    assert "Parts with a row of low or more: 2 of 3." in lines
    assert "Rows of low or more: 3, 428.6 per 1,000 records." in lines
    assert "| `ssm SendCommand` | 2 |" in lines


HOSTILE = {
    "empty.json": b"",
    "broken.json": b'{"Records": [',
    "truncated.json.gz": gzip.compress(b"{}" * 999)[:20],
    "damaged.json.gz": b"\x1f\x8b" + b"\xff" * 64,
    "deep.json": b"[" * 100_000,
    "number.json": b"1" * 100_000,
    "bytes.json": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_cannot_be_read_is_counted_and_stops_no_other(corpus, name, capsys):
    (corpus / name).write_bytes(HOSTILE[name])
    assert main([str(corpus)]) == 3
    shown = capsys.readouterr()
    assert "| exfiltration | 3 | 3 | 2 | critical |" in shown.out
    assert name in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("broken", [None, 1, "x", [], {"eventName": 3}, {"eventSource": "s3.amazonaws.com"}])
def test_an_odd_record_is_no_exception(tmp_path, broken):
    (tmp_path / "odd.json").write_text(json.dumps({"Records": [broken, STOPPED]}))
    (found,) = tallies(tmp_path).values()
    assert found.rows == {Severity.HIGH: 1}


def test_names_of_an_event_break_no_table(tmp_path):
    name = "Delete|All`\n| x | <script>\u202e" + "y" * 500
    (tmp_path / "odd.json").write_text(json.dumps([other(name)]))
    (line,) = [each for each in "\n".join(table(tallies(tmp_path))).splitlines() if "Delete" in each]
    assert (line.count("|"), line.count("`"), len(line) < 100) == (3, 2, True)


def test_a_line_that_is_no_json_is_named_with_its_number(tmp_path, capsys):
    (tmp_path / "a.jsonl").write_text(json.dumps(STOPPED) + "\nno json\n" + json.dumps(SHARED) + "\n")
    assert main([str(tmp_path)]) == 3
    shown = capsys.readouterr()
    assert "a.jsonl:2" in shown.err
    assert "| a.jsonl | 2 | 2 | 2 | critical | 1 | 1 | 0 | 0 | 0 | 1 |" in shown.out


def test_a_missing_folder_is_a_sentence(tmp_path, capsys):
    assert main([str(tmp_path / "none")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_an_empty_folder_gives_an_empty_table(tmp_path, capsys):
    assert main([str(tmp_path)]) == 0
    assert "| **all** | 0 | 0 | 0 | - |" in capsys.readouterr().out


@pytest.mark.slow
def test_make_corpora_prints_the_table_and_asks_for_the_folder(corpus):
    made = subprocess.run(["make", "corpora", f"DIR={corpus}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (made.returncode, "| exfiltration | 3 |" in made.stdout) == (0, True)
    asked = subprocess.run(["make", "corpora"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert asked.returncode != 0
    assert "DIR" in asked.stderr
