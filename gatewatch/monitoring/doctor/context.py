"""Check what `context` of policy.yaml rests on: remembered calls, and the age of the data about addresses."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from gatewatch.alerts.context.first_seen import LEARNING
from gatewatch.alerts.context.first_seen_table import FirstCallRows
from gatewatch.alerts.context.source_network import data_dates
from gatewatch.aws.hub_table import HubTable
from gatewatch.monitoring.doctor.model import CheckResult, CheckStatus, QueryFailed
from gatewatch.monitoring.doctor.query import run_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gatewatch.aws.clients import Aws
    from gatewatch.config.settings import Settings

_CHECK = "data"
_CALLS = "hub", "first calls"
_MAX_DAYS = 180


def check_context(aws: Aws, settings: Settings, stage: str, now: float) -> Iterator[CheckResult]:
    """Check what is in use; this machine has the packages of the zip when both are of one release of gatewatch."""
    if settings.context.first_time.enabled:
        rows = FirstCallRows(HubTable(aws.dynamodb, f"gatewatch-{stage}"))
        yield judge_first_calls(run_query(lambda: rows.remembered_since(settings.accounts)), now)
    for package, day in data_dates(settings.context):
        yield judge_data(package, day, datetime.fromtimestamp(now, UTC).date())


def judge_first_calls(since: Mapping[str, float] | QueryFailed, now: float) -> CheckResult:
    """Whether the hub remembers callers, and of how many accounts it does not say yet that something is new."""
    if isinstance(since, QueryFailed):
        remedy = "allow this role to read the hub's table"
        return CheckResult(*_CALLS, CheckStatus.WARNING, f"cannot be read: {since.reason}", remedy)
    if not since:
        remedy = "wait for the first change, or run gatewatch first-calls; errors are in the log of functions/alert"
        return CheckResult(*_CALLS, CheckStatus.WARNING, "no account is remembered yet", remedy)
    ends = [each + LEARNING for each in since.values() if each + LEARNING > now]
    detail = f"{len(since)} accounts are remembered"
    if ends:
        detail += f"; of {len(ends)} nothing is new before {datetime.fromtimestamp(min(ends), UTC).date()}"
    return CheckResult(*_CALLS, CheckStatus.OK, detail)


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
