"""`gatewatch trend`: its formats, and what it needs."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.cli.app import app
from gatewatch.cli.options import ListFormat
from gatewatch.cli.trend import print_trend
from gatewatch.digest.activity_log_reader import ActivityLogReader
from gatewatch.inventory.model import AccountInventory
from gatewatch.inventory.store import InventoryStore
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from gatewatch.model.severity import Severity
from gatewatch.model.trend import CloseTime, Trend, TrendDay
from support.activity_log import TABLE, make_table
from support.inventory import ACCOUNT, ITEM, REGION, reading
from support.paths import ROOT
from support.tables import create_table

FIRST = date(2026, 9, 1)
DAYS = tuple(TrendDay(FIRST + timedelta(days=number), number % 30, 2, 1) for number in range(90))
CLOSED = CloseTime(Severity.CRITICAL, 12, timedelta(minutes=35), timedelta(hours=28, minutes=10))
TREND = Trend(DAYS, (CLOSED,))


def printed(capsys, output):
    print_trend(TREND, output)
    return capsys.readouterr().out


def test_the_text_has_a_chart_that_fits_into_80_columns_and_the_numbers(capsys):
    lines = printed(capsys, ListFormat.TABLE).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "open at the end of each day, 2026-09-01 to 2026-11-29"
    assert len(lines[1]) == 45
    assert lines[2:] == [
        "now 29, at first 0, most 29 on 2026-09-30",
        "opened 180, closed 90",
        "time to close, critical: 12 closed, median 35 min, 90 % within 1 d 4 h",
    ]


def test_json_has_the_days_and_the_times_to_close_in_seconds(capsys):
    found = json.loads(printed(capsys, ListFormat.JSON))
    assert found["days"][0] == {"day": "2026-09-01", "open": 0, "opened": 2, "closed": 1}
    assert len(found["days"]) == 90
    closed = {"severity": "critical", "count": 12, "median_seconds": 2100, "p90_seconds": 101400}
    assert found["time_to_close"] == [closed]


def test_csv_has_a_row_for_each_day(capsys):
    rows = list(csv.DictReader(io.StringIO(printed(capsys, ListFormat.CSV))))
    assert (len(rows), rows[-1]) == (90, {"day": "2026-11-29", "open": "29", "opened": "2", "closed": "1"})


@pytest.fixture(scope="module")
def hub():
    with Cloud() as cloud:
        dynamodb = cloud.session(HUB_ACCOUNT, HUB_REGION).client("dynamodb")
        create_table(dynamodb, "gatewatch-prod")
        make_table(dynamodb)
        with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
            yield Aws().dynamodb


def run(*options):
    return CliRunner().invoke(app, ["trend", "--config", str(ROOT), "--format", "json", *options])


def test_the_command_needs_an_activity_log_and_counts_what_only_a_reading_found(hub):
    missing = run()
    assert missing.exit_code != 0
    assert "no activity log" in str(missing.exception)
    now = datetime.now(UTC).timestamp()
    ActivityLogReader(hub, TABLE).recording_since()
    store = InventoryStore(HubTable(hub, "gatewatch-prod"))
    store.save_account(AccountInventory(account_id=ACCOUNT, at=now, regions=(REGION,)))
    found = reading(replace(ITEM, since=now - 1), at=now)
    store.update_region(ACCOUNT, REGION, lambda _: found)
    assert {each["open"] for each in json.loads(run().stdout)["days"]} == {1}  # two days at midnight
    assert json.loads(run("--account", "444455556666").stdout)["days"][0]["open"] == 0
