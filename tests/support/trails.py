"""A small organization trail whose later files depend on earlier ones."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from support import builders
from support.paths import GOLDEN

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = "111122223333"
FOLDER = f"AWSLogs/o-exampleorg1/{ACCOUNT}"
TRUNCATED = f"{FOLDER}/CloudTrail/us-east-1/2025/12/truncated.json.gz"


def write_trail(folder: Path) -> None:
    """Golden events in five log files, repeated with other ids and times, beside a digest and a truncated file."""
    found = [json.loads(path.read_bytes()) for path in sorted(GOLDEN.glob("*/event.json"))]
    records = [each.get("detail", each) for each in found if isinstance(each, dict)]
    records = [each for each in records if "eventName" in each]
    for number in range(5):
        moved = [
            {
                **each,
                "eventID": f"{number}-{index}",
                "eventTime": f"2025-1{number % 3}-0{number + 1}T00:{index % 60:02}:00Z",
            }
            for index, each in enumerate(records[number::2])
        ]
        moved += opened_and_closed(number)
        write(folder / FOLDER / "CloudTrail" / "us-east-1" / "2025" / f"1{number}" / "log.json.gz", {"Records": moved})
    write(folder / FOLDER / "CloudTrail-Digest" / "us-east-1" / "digest.json.gz", {"digestS3Bucket": "trail"})
    (folder / TRUNCATED).write_bytes(gzip.compress(b'{"Records": []}')[:-9])


def opened_and_closed(number: int) -> list[dict[str, Any]]:
    """A rule that file 1 opens and file 3 closes."""
    item = builders.item(v4=["0.0.0.0/0"])
    event = {1: builders.authorize, 3: builders.revoke}.get(number)
    if event is None:
        return []
    record = event(item)
    record = record.get("detail", record)
    return [{**record, "eventID": f"rule-{number}", "eventTime": f"2025-0{number}-01T00:00:00Z"}]


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
