"""What the doctor says about remembered calls, and about the age of the data about source addresses."""

from datetime import date

import pytest
from msgspec.structs import replace

from gatewatch.config.context import ContextSettings
from gatewatch.config.settings import emergency_settings
from gatewatch.monitoring.doctor.context import check_context, judge_data, judge_first_calls
from gatewatch.monitoring.doctor.model import CheckStatus, QueryFailed

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


DAY = 24 * 3600
NOW = 1_795_230_000  # 2026-11-21


@pytest.mark.parametrize(
    ("since", "status", "detail"),
    [
        ({}, CheckStatus.WARNING, "no account is remembered yet"),
        (QueryFailed("AccessDeniedException"), CheckStatus.WARNING, "cannot be read: AccessDeniedException"),
        ({"1": NOW - 15 * DAY, "2": NOW - 90 * DAY}, CheckStatus.OK, "2 accounts are remembered"),
        (
            {"1": NOW - 15 * DAY, "2": NOW - 4 * DAY, "3": NOW},
            CheckStatus.OK,
            "3 accounts are remembered; of 2 nothing is new before 2026-12-01",
        ),
    ],
)
def test_the_doctor_says_of_how_many_accounts_nothing_is_new_yet(since, status, detail):
    found = judge_first_calls(since, NOW)
    assert (found.where, found.check, found.status, found.detail) == ("hub", "first calls", status, detail)
    assert bool(found.remedy) == (status is CheckStatus.WARNING)


def configured(**context):
    return replace(emergency_settings(), context=ContextSettings(**context))


def test_only_what_is_in_use_is_checked():
    def check(settings, now=NOW):
        return list(check_context(None, settings, "prod", now))

    assert check(configured()) == []
    both = check(configured(source_country=True, source_network=True))
    assert [(each.where, each.status) for each in both] == [("iptocc", CheckStatus.OK), ("iporigin", CheckStatus.OK)]
    (late,) = check(configured(source_country=True), NOW + 400 * DAY)
    assert late.status is CheckStatus.WARNING
