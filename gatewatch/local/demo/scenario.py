"""A morning in three accounts: what happened where, in order, and what gatewatch should make of it.

Each numbered file is one call, its CloudTrail record in the shape AWS gives it. Names and ids are made up.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

STORY = Path(__file__).with_name("scenario_files")
ACCOUNTS = STORY / "accounts.yaml"
POLICY = STORY / "policy.yaml"
# The digest of its day is told on the second of these mornings; nobody had asked for one before the first.
MORNINGS = (datetime(2026, 11, 20, 0, 5, tzinfo=UTC), datetime(2026, 11, 21, 0, 5, tzinfo=UTC))
DIGEST = "Gates on 2026-11-20"
OPEN_AT_LAST = 7
"""Rules of the story that let the whole internet in, and are not taken back before its end."""


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    changes: int
    """Of one delivery, as `gatewatch replay` counts them."""
    severity: str
    """Of the worst change."""
    what: str


class Scene(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: str
    region: str
    record: dict[str, Any]
    expect: Expectation
    times: int = 1
    """How often EventBridge delivers it."""


def load_story(folder: Path = STORY) -> tuple[Scene, ...]:
    return tuple(msgspec.json.decode(path.read_bytes(), type=Scene) for path in sorted(folder.glob("*.json")))
