"""Check the age of the data about source addresses, which comes with the packages and does not update itself."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from gatewatch.alerts.context.source_network import data_dates
from gatewatch.monitoring.doctor.model import CheckResult, CheckStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.context import ContextSettings

_CHECK = "data"
_MAX_DAYS = 180


def check_context(settings: ContextSettings, now: float) -> Iterator[CheckResult]:
    """Check each package in use; this machine has the versions of the zip when both are of one release of gatewatch."""
    for package, day in data_dates(settings):
        yield judge_data(package, day, datetime.fromtimestamp(now, UTC).date())


def judge_data(package: str, day: date | None, today: date) -> CheckResult:
    if day is None:
        remedy = "install gatewatch[context] as requirements/context.txt pins it"
        detail = "not installed here, or of another version, so the age of its data is not known"
        return CheckResult(package, _CHECK, CheckStatus.WARNING, detail, remedy)
    days = (today - day).days
    if days > _MAX_DAYS:
        remedy = "update gatewatch, or the package by make lock; then make deploy"
        return CheckResult(package, _CHECK, CheckStatus.WARNING, f"its data is of {day}, {days} days old", remedy)
    return CheckResult(package, _CHECK, CheckStatus.OK, f"its data is of {day}")
