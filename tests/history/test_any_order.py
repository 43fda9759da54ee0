"""Records in any files, files in any batches, batches in any order: a run gives what replay gives over the files."""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from gatewatch.cli.history import open_storage
from gatewatch.history.batches import Batch, FileAssessor, assess_batch, is_log, plan_batches
from gatewatch.history.entries import Problem
from gatewatch.history.merging import merge
from gatewatch.history.runs import Run, entries_in_order, save_plan
from gatewatch.history.storage import FolderStorage
from gatewatch.rendering.json_rows import encode_row
from support.command import gatewatch
from support.paths import GOLDEN, RECORDED

if TYPE_CHECKING:
    from pathlib import Path

INSIGHT = {"eventCategory": "Insight", "eventType": "AwsCloudTrailInsight", "insightDetails": {"state": "Start"}}
NETWORK = {
    "eventCategory": "NetworkActivity",
    "eventType": "AwsVpceEvent",
    "eventName": "ListKeys",
    "vpcEndpointId": "v",
}
BESIDE = {
    "CloudTrail-Digest": {"digestS3Bucket": "trail", "logFiles": []},
    "CloudTrail-Insight": {"Records": [INSIGHT]},
    "CloudTrail-NetworkActivity": {"Records": [NETWORK]},
}


def records() -> list[dict[str, Any]]:
    texts = [path.read_bytes() for path in sorted(GOLDEN.glob("*/event.json"))]
    texts += RECORDED.read_bytes().splitlines() if RECORDED.is_file() else []
    found = [json.loads(each) for each in texts]
    return [each.get("detail", each) for each in found if isinstance(each, dict)]


def write_trail(folder: Path, chance: random.Random) -> None:
    """Twice every record, in forty log files of an organization trail; the kinds of logs beside are no API calls."""
    remaining = [
        record for copy in "ab" for each in records() if (record := {**each, "eventID": f"{each.get('eventID')}{copy}"})
    ]
    chance.shuffle(remaining)
    for number in range(40):
        account, region = chance.choice(["111122223333", "444455556666"]), chance.choice(["us-east-1", "us-east-1-x"])
        count = len(remaining) if number == 39 else chance.randrange(1 + len(remaining) // 8)
        mine, remaining = remaining[:count], remaining[count:]
        where = folder / "AWSLogs" / "o-exampleorg1" / account
        _write(where / "CloudTrail" / region / f"2025/12/0{1 + number % 9}" / f"{number}.json.gz", {"Records": mine})
        kind = chance.choice(list(BESIDE))
        _write(where / kind / region / f"{number}.json.gz", BESIDE[kind])


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(content).encode()))


def in_batches(logs: FolderStorage, chance: random.Random) -> list[Batch]:
    """The files, cut anywhere."""
    names = [each.name for each in logs.files() if is_log(each.name)]
    cuts = sorted(chance.sample(range(1, len(names)), chance.randrange(len(names) - 1)))
    groups = [names[start:end] for start, end in zip([0, *cuts], [*cuts, len(names)], strict=True)]
    after = ["", *(each[-1] for each in groups[:-1])]
    return [Batch(number, after[number], each[-1], len(each), 1) for number, each in enumerate(groups)]


@pytest.mark.parametrize("seed", range(5))
def test_a_run_gives_the_bytes_of_a_replay(seed, settings, tmp_path) -> None:
    chance = random.Random(seed)  # noqa: S311  reproducible
    write_trail(tmp_path / "logs", chance)
    replayed = gatewatch("replay", tmp_path / "logs", "--format", "json", "--jobs", "1")
    run = Run("first", str(tmp_path / "logs"), str(tmp_path / "results"))
    logs, results = FolderStorage(tmp_path / "logs"), FolderStorage(tmp_path / "results")
    batches = in_batches(logs, chance) if seed else list(plan_batches(logs.files()))
    save_plan(run, batches, open_storage)
    for each in chance.sample(batches, len(batches)):
        assess_batch(run.name, each, logs, results, FileAssessor(settings))
    found = list(merge(entries_in_order(run, open_storage), settings))
    rows = [encode_row(row).decode() for each in found if not isinstance(each, Problem) for row in each.rows]
    assert "".join(rows) == replayed.out
    assert len(rows) > 200
    known = [msgspec.json.decode(row)["previous"] for row in rows]
    assert any(known)
