"""Days begin with their first midnight, also where clocks change at midnight."""

from datetime import UTC, date, datetime

import pytest

from gatewatch.rendering.time_text import start_of_day


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        pytest.param("Asia/Seoul", date(2026, 1, 24), datetime(2026, 1, 23, 15, tzinfo=UTC), id="no change"),
        pytest.param("America/Havana", date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC), id="midnight twice"),
        pytest.param("America/Santiago", date(2024, 9, 8), datetime(2024, 9, 8, 4, tzinfo=UTC), id="no midnight"),
    ],
)
def test_a_day_begins_with_its_first_midnight(zone, day, start):
    assert start_of_day(day, zone).timestamp() == start.timestamp()
