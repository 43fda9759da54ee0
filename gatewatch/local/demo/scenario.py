"""The scenario of the demo: CloudTrail records of three accounts in order, and the result expected of each.

Each numbered file is one call with its CloudTrail record as AWS writes it. Names and ids are made up.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from gatewatch.model.typed_decoding import decode_json

SCENARIO_FILES = Path(__file__).with_name("scenario_files")
ACCOUNTS = SCENARIO_FILES / "accounts.yaml"
POLICY = SCENARIO_FILES / "policy.yaml"
# The first run of the digest only starts the activity log's day; the second summarizes the day of the scenario.
DIGEST_TIMES = (datetime(2026, 11, 20, 0, 5, tzinfo=UTC), datetime(2026, 11, 21, 0, 5, tzinfo=UTC))
# Readings of what stands open: before the first event, and after the last one and the change that no event reports.
FIRST_SWEEP, SECOND_SWEEP = datetime(2026, 11, 20, 0, 10, tzinfo=UTC), datetime(2026, 11, 21, 0, 10, tzinfo=UTC)
SILENT_CHANGE = datetime(2026, 11, 20, 22, 17, tzinfo=UTC)
DIGEST_TITLE = "Security group digest, 20 November 2026"
SWEEP_TITLES = (
    "⏳ First look: what is open to the internet",
    "🛑 Changed without an event: payments-prod 111122223333 ap-northeast-2",
)
ALERT_OF_OTHERS = "905a71c1-bcf9-43b6-973a-e0d95e26445f"
"""The event that the policy routes to Teams, PagerDuty, the webhook and the event bus."""
OPEN_IN_DIGEST = 9
"""What the digest lists: seven rules that events opened, and a rule and a bucket that the first sweep found."""


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    changes: int
    """Number of changes in the call, as `gatewatch replay` counts them."""
    severity: str
    """Severity of the worst change."""
    summary: str


class ScenarioEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: str
    region: str
    record: dict[str, Any]
    expected: Expectation
    times: int = 1
    """How many times EventBridge delivers the event."""


def load_scenario(folder: Path = SCENARIO_FILES) -> tuple[ScenarioEvent, ...]:
    return tuple(decode_json(path.read_bytes(), ScenarioEvent) for path in sorted(folder.glob("*.json")))
