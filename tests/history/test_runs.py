"""A run over an archive gives what replay gives over the same files, whoever does the batches and in which order."""

from __future__ import annotations

import gzip
import os
import random

import boto3
import msgspec
import pytest
from moto import mock_aws

from functions import history as function
from gatewatch.alerts.pipeline import Assessor
from gatewatch.alerts.replay import replay_documents
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.aws.s3 import MAX_BYTES
from gatewatch.cli.history import open_storage
from gatewatch.cli.json_lines import JsonLines
from gatewatch.errors import ConfigurationError, UndecodableError
from gatewatch.events.files import find_files, read_file
from gatewatch.history.batches import (
    Batch,
    FileAssessor,
    UnreadableBatchError,
    assess_batch,
    plan_batches,
    result_name,
)
from gatewatch.history.entries import CallInOrder, Problem, pack_entries, unpack_entries
from gatewatch.history.merging import merge
from gatewatch.history.runs import MissingBatchesError, Run, entries_in_order, plan, save_plan, unfinished, work
from gatewatch.history.storage import FolderStorage, StoredFile
from gatewatch.model.alert import Alert
from gatewatch.model.severity import Severity
from gatewatch.rendering.json_rows import encode_row
from support.trails import TRUNCATED, write_trail


@pytest.fixture(scope="module")
def trail(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trail")
    write_trail(folder)
    return folder


@pytest.fixture(scope="module")
def replayed(trail, settings) -> tuple[list[str], list[str]]:
    """The rows of replay over the log files, and what it could not read."""
    printer, rows, problems = JsonLines(Severity.INFO), [], []
    assessor = Assessor(settings, InMemoryRuleHistory())
    files = [path for path in find_files([trail]) if "CloudTrail-Digest" not in path.parts]
    for result in replay_documents((document for path in files for document in read_file(path)), assessor):
        if isinstance(result, Alert):
            rows += printer.encode(result).decode().splitlines()
        elif isinstance(result, UndecodableError):
            problems.append(str(result))
    return rows, problems


def batches_of_one_file(trail) -> list[Batch]:
    """As many batches as files, so that everything earlier is in another batch."""
    names = [each for each in FolderStorage(trail).files() if "/CloudTrail/" in each.name]
    after = ["", *(each.name for each in names[:-1])]
    return [Batch(number, after[number], each.name, 1, each.size) for number, each in enumerate(names)]


def merged(run: Run, settings, open_=open_storage) -> tuple[list[str], list[str]]:
    rows, problems = [], []
    for each in merge(entries_in_order(run, open_), settings):
        if isinstance(each, Problem):
            problems.append(f"{each.where}: {each.reason}")
        else:
            rows += [encode_row(row).decode().removesuffix("\n") for row in each.rows]
    return rows, problems


def test_workers_of_this_machine_give_what_replay_gives(trail, settings, replayed, tmp_path) -> None:
    run = Run("first", str(trail), str(tmp_path))
    batches = batches_of_one_file(trail)
    save_plan(run, batches, open_storage)
    results = list(work(run, batches, settings, open_storage, jobs=2))
    assert sum(each.in_order for each in results) > 10
    assert merged(run, settings) == replayed
    assert len(replayed[0]) > 100
    assert replayed[1] == [f"{trail}/{TRUNCATED}: is a truncated gzip"]


def test_batches_in_any_order_and_repeated_give_the_same_bytes(trail, settings, tmp_path) -> None:
    run = Run("first", str(trail), str(tmp_path))
    batches = batches_of_one_file(trail)
    logs, results, assessor = FolderStorage(trail), FolderStorage(tmp_path), FileAssessor(settings)
    random.Random(1).shuffle(batches)  # noqa: S311  reproducible
    for each in batches:
        assess_batch(run.name, each, logs, results, assessor)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.gz")}
    for each in batches:
        assess_batch(run.name, each, logs, results, FileAssessor(settings))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.gz")} == before


def test_a_run_that_was_stopped_does_only_the_batches_that_are_missing(trail, settings, tmp_path) -> None:
    run = Run("first", str(trail), str(tmp_path))
    batches = batches_of_one_file(trail)
    save_plan(run, batches, open_storage)
    assess_batch(run.name, batches[2], FolderStorage(trail), FolderStorage(tmp_path), FileAssessor(settings))
    missing = unfinished(run, plan(run, open_storage), open_storage)
    assert [each.number for each in missing] == [0, 1, 3, 4, 5]
    with pytest.raises(MissingBatchesError, match="5 of 6 batches"):
        list(entries_in_order(run, open_storage))


def test_a_partial_report_names_the_batches_that_are_missing(trail, settings, tmp_path) -> None:
    run, batches = Run("first", str(trail), str(tmp_path)), batches_of_one_file(trail)
    save_plan(run, batches, open_storage)
    for each in (batches[0], batches[5]):
        assess_batch(run.name, each, FolderStorage(trail), FolderStorage(tmp_path), FileAssessor(settings))
    found = list(entries_in_order(run, open_storage, partial=True))
    gaps = [each for each in found if isinstance(each, Problem) and each.reason.startswith("batch")]
    assert [each.where for each in gaps] == [each.last for each in batches[1:5]]
    assert gaps[0].reason == "batch 1 is not done: 1 log files up to here are missing"
    assert len(found) > len(gaps)


def copy_of(trail, folder):
    for path in find_files([trail]):
        target = folder / path.relative_to(trail)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return FolderStorage(folder)


def test_a_log_file_that_is_gone_since_the_plan_is_a_problem(trail, settings, tmp_path) -> None:
    logs, results = copy_of(trail, tmp_path / "logs"), FolderStorage(tmp_path / "results")
    (batch,) = plan_batches(logs.files())
    (tmp_path / "logs" / batch.last).unlink()
    assert assess_batch("first", batch, logs, results, FileAssessor(settings)).problems == 2  # one is truncated
    *_, last = unpack_entries(results.read(result_name("first", 0)))
    assert last.reason == "1 of 6 log files up to here are not there any more"


class Refusing(FolderStorage):
    """A folder of which no file may be read, except the last `readable`."""

    def __init__(self, root, readable: int) -> None:
        super().__init__(root)
        self.readable = readable

    def read_files(self, files):
        found = list(files)
        for number, each in enumerate(found, start=self.readable - len(found)):
            yield each, b"{}" if number >= 0 else UndecodableError(each.name, "cannot be read (AccessDenied)")


def test_a_batch_of_which_no_file_can_be_read_is_not_done(trail, settings, tmp_path) -> None:
    (batch,) = plan_batches(FolderStorage(trail).files())
    results = FolderStorage(tmp_path)
    with pytest.raises(UnreadableBatchError, match="none of the 6 log files"):
        assess_batch("first", batch, Refusing(trail, 0), results, FileAssessor(settings))
    assert list(results.files()) == []
    assert assess_batch("first", batch, Refusing(trail, 1), results, FileAssessor(settings)).problems == 6


def test_a_file_that_is_too_large_is_a_problem_and_its_batch_is_done(settings, tmp_path) -> None:
    (tmp_path / "logs").mkdir()
    with (tmp_path / "logs" / "huge.json.gz").open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    logs, results = FolderStorage(tmp_path / "logs"), FolderStorage(tmp_path / "results")
    (batch,) = plan_batches(logs.files())
    assert assess_batch("first", batch, logs, results, FileAssessor(settings)).problems == 1
    (problem,) = unpack_entries(results.read(result_name("first", 0)))
    assert problem.reason.startswith("is larger than 256 MiB")


def test_odd_names_of_files_are_read_and_a_name_that_is_no_text_is_an_error(settings, tmp_path) -> None:
    logs, results = FolderStorage(tmp_path / "logs"), FolderStorage(tmp_path / "results")
    for name in ("a b", "%41", "ü", "\n", "🙂", "+&<>"):
        logs.write(f"{name}.json", b"[]")
    (batch,) = plan_batches(logs.files())
    assert batch.files == 6
    run = Run("first", str(tmp_path / "logs"), str(tmp_path / "results"))
    save_plan(run, [batch], open_storage)
    assert assess_batch("first", *plan(run, open_storage), logs, results, FileAssessor(settings)).problems == 0
    (tmp_path / "logs" / os.fsdecode(b"\xff.json")).write_bytes(b"[]")
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        list(logs.files())


def test_a_run_is_not_continued_with_other_logs(trail, tmp_path, monkeypatch) -> None:
    run = Run("first", str(trail), str(tmp_path / "results"))
    save_plan(run, batches_of_one_file(trail), open_storage)
    monkeypatch.chdir(trail.parent)
    assert plan(Run("first", f"{trail.name}/", run.results), open_storage) == batches_of_one_file(trail)
    with pytest.raises(ConfigurationError, match=f"run first was started with {trail}; choose another --run"):
        plan(Run("first", str(trail / "AWSLogs"), run.results), open_storage)


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", pack_entries([])[:-4], gzip.compress(b'{"type": "other"}')],
    ids=["empty", "no gzip", "truncated", "another type"],
)
def test_a_damaged_result_is_named(content, trail, tmp_path) -> None:
    run = Run("first", str(trail), str(tmp_path))
    save_plan(run, batches_of_one_file(trail)[:1], open_storage)
    FolderStorage(tmp_path).write(result_name("first", 0), content)
    with pytest.raises(MissingBatchesError, match=r"00000000.jsonl.gz: is damaged or of another version"):
        list(entries_in_order(run, open_storage))


@pytest.mark.slow
def test_a_run_of_many_batches_is_done_when_all_their_files_are_there(monkeypatch) -> None:
    """S3 lists a thousand keys at once."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    run = Run("first", "s3://trail", "s3://results/x")
    batches = [Batch(number, "", f"{number}", 1, 1) for number in range(1100)]
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="results")
        results = open_storage(run.results)
        for each in batches[:-1]:
            results.write(result_name(run.name, each.number), b"")
        results.write("runs/first/map/manifest.json", b"{}")
        results.write("runs/other/batches/00001099.jsonl.gz", b"")
        assert unfinished(run, batches, open_storage) == batches[-1:]


def test_a_run_that_was_never_started_has_no_report(tmp_path) -> None:
    with pytest.raises(MissingBatchesError, match="run never is not in"):
        list(entries_in_order(Run("never", "", str(tmp_path)), open_storage))


def test_a_folder_without_logs_cannot_be_run(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="has no CloudTrail log files"):
        plan(Run("first", str(tmp_path / "logs"), str(tmp_path / "results")), open_storage)


@pytest.mark.parametrize("results", ["", "results", "deep/results"])
def test_results_are_not_written_among_the_logs(results, trail) -> None:
    run = Run("first", str(trail), str(trail / results))
    with pytest.raises(ConfigurationError, match="write the results beside the logs"):
        plan(run, open_storage)


def test_batches_follow_each_other_and_have_a_bounded_size() -> None:
    files = [StoredFile(f"AWSLogs/1/CloudTrail/{number:05}.json.gz", 10_000_000) for number in range(10)]
    files.insert(3, StoredFile("AWSLogs/1/CloudTrail-Digest/digest.json.gz", 1))
    batches = list(plan_batches(files))
    assert [each.files for each in batches] == [2, 2, 2, 2, 2]
    assert [each.after for each in batches[1:]] == [each.last for each in batches[:-1]]


def test_the_function_assesses_a_batch_over_s3(trail, settings, replayed, monkeypatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    run = Run("first", "s3://org-trail/logs", "s3://results/gatewatch")
    with mock_aws():
        s3 = boto3.client("s3")
        for bucket in ("org-trail", "results"):
            s3.create_bucket(Bucket=bucket)
        for path in find_files([trail]):
            s3.upload_file(str(path), "org-trail", f"logs/{path.relative_to(trail).as_posix()}")
        function.compose.cache_clear()
        batches = batches_of_one_file(trail)
        save_plan(run, batches, open_storage)
        for batch in batches:
            event = msgspec.to_builtins({"run": run, "batch": batch})
            assert function.handler(event, None)["number"] == batch.number
        rows, problems = merged(run, settings)
        assert rows == replayed[0]
        assert problems == [f"s3://org-trail/logs/{TRUNCATED}: is a truncated gzip"]
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket="results")["Contents"]]
        assert set(keys) == {"gatewatch/runs/first/batches.json", "gatewatch/runs/first/logs.json"} | {
            f"gatewatch/{result_name('first', number)}" for number in range(6)
        }
    function.compose.cache_clear()


def test_an_invalid_configuration_fails_the_batch(tmp_path, monkeypatch) -> None:
    (tmp_path / "policy.yaml").write_text("no: policy")
    monkeypatch.setenv("GATEWATCH_POLICY", str(tmp_path / "policy.yaml"))
    function.compose.cache_clear()
    with pytest.raises(ConfigurationError):
        function.compose()


def test_a_call_that_is_left_for_the_merge_keeps_all_that_is_needed(settings, build) -> None:
    content = msgspec.json.encode(build.authorize(build.item(v4=["0.0.0.0/0"])))
    entries = list(FileAssessor(settings).entries("log.json", content))
    assert [type(each) for each in entries] == [CallInOrder]
    assert list(unpack_entries(pack_entries(entries))) == entries
