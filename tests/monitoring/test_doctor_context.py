"""What the doctor says about the age of the data about source addresses."""

from datetime import date

import pytest

from gatewatch.config.context import ContextSettings
from gatewatch.monitoring.doctor.context import check_context, judge_data
from gatewatch.monitoring.doctor.model import CheckStatus

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("day", "status", "words"),
    [
        (date(2026, 10, 26), CheckStatus.OK, "its data is of 2026-10-26"),
        (date(2026, 6, 1), CheckStatus.OK, "its data is of 2026-06-01"),
        (date(2026, 5, 31), CheckStatus.WARNING, "its data is of 2026-05-31, 181 days old"),
        (None, CheckStatus.WARNING, "not installed here"),
    ],
)
def test_data_older_than_180_days_or_of_unknown_age_is_a_warning(day, status, words):
    found = judge_data("iptocc", day, TODAY)
    assert (found.where, found.check, found.status) == ("iptocc", "data", status)
    assert words in found.detail
    assert bool(found.remedy) == (status is CheckStatus.WARNING)


def test_only_packages_in_use_are_checked():
    now = 1_795_230_000  # 2026-11-21
    assert list(check_context(ContextSettings(), now)) == []
    both = list(check_context(ContextSettings(source_country=True, source_network=True), now))
    assert [(each.where, each.status) for each in both] == [("iptocc", CheckStatus.OK), ("iporigin", CheckStatus.OK)]
    late = list(check_context(ContextSettings(source_country=True), now + 400 * 86400))
    assert [each.status for each in late] == [CheckStatus.WARNING]
