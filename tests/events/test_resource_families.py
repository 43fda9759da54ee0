"""What each call of network, public_access, organization, detection and attachment is judged as, by examples."""

from typing import Any

import pytest

from tools.example_calls import EXAMPLES, Example, rows_of


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.id)
def test_a_call_is_judged_as_its_example_says(example: Example) -> None:
    rows = [row for row in rows_of(example) if row["family"] == example.family]
    if example.expected["severity"] == "row":
        assert rows
        return
    if example.expected["severity"] == "none":
        assert rows == []
        return
    (row, *_) = sorted(rows, key=lambda each: -LEVELS.index(each["severity"]))
    expected = {"understood": True, **example.expected}
    assert {key: row[key] for key in expected} == expected


LEVELS = ("info", "low", "medium", "high", "critical")


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.expected["severity"] in LEVELS[2:]])
def test_what_is_medium_and_above_says_why(example: Example) -> None:
    rows: list[dict[str, Any]] = rows_of(example)
    assert all(row["reasons"] for row in rows if row["severity"] in LEVELS[2:])
