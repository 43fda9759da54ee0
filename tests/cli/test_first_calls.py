"""`gatewatch first-calls`: what the hub remembers of callers, from log files."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from gatewatch.alerts.context.first_seen import is_new, sighting_of
from gatewatch.alerts.context.first_seen_table import DynamoFirstSeen
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.cli.app import app
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from support.builders import authorize, item, text
from support.callers import START, call, person
from support.tables import create_table

NOW = datetime.now(UTC)
TABLE = "gatewatch-prod"


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def hub(cloud):
    dynamodb = cloud.session(HUB_ACCOUNT, HUB_REGION).client("dynamodb")
    create_table(dynamodb, TABLE)
    with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
        yield HubTable(Aws().dynamodb, TABLE)
    dynamodb.delete_table(TableName=TABLE)


def record(name, days_ago, **fields):
    at = (NOW - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    shared = {"userIdentity": person(name), "eventTime": at, "response": {"_return": True}}
    return authorize(item(v4=["192.0.2.7/32"]), **{**shared, **fields})


def run(tmp_path, *options):
    records = [
        record("alice", 200),
        record("alice", 60),
        record("bob", 50),
        record("alice", 30),
        record("carol", 20),
        record("mallory", 10, errorCode="Client.UnauthorizedOperation", response=None),
    ]
    (tmp_path / "log.json").write_text(text(*records), "utf-8")
    return CliRunner().invoke(app, ["first-calls", str(tmp_path / "log.json"), *options])


def answer(hub, name, days_ago):
    """Whether functions/alert would call this new."""
    days = (NOW - START) / timedelta(days=1) - days_ago
    sighting = sighting_of(call(person(name), days))
    seen = DynamoFirstSeen(hub, logging.getLogger("test"), lambda: 0.0).seen(sighting)
    return is_new(seen, sighting.at)


def test_what_log_files_show_is_known_and_what_they_do_not_show_is_new_at_once(hub, tmp_path):
    ran = run(tmp_path)
    assert ran.exit_code == 0
    assert ran.stdout.splitlines() == [
        "alerts about applied changes: 4, accounts: 1",
        "different calls of a caller in an account: 3",
        "alerts that would have been new after the first fourteen days of these files: 1",
        "calls written to the hub: 3",
    ]
    assert [answer(hub, name, 0) for name in ("alice", "bob", "carol")] == [False] * 3
    assert answer(hub, "mallory", 0)


def test_a_repeated_run_writes_nothing_and_keeps_what_the_hub_saw_itself(hub, tmp_path):
    assert not answer(hub, "carol", 0)  # the hub is still learning
    first = run(tmp_path)
    assert first.stdout.endswith("calls written to the hub: 3\n")
    assert run(tmp_path).stdout.endswith("calls written to the hub: 0\n")
    assert not answer(hub, "carol", 0)


@pytest.mark.usefixtures("hub")
def test_a_dry_run_writes_nothing(tmp_path):
    ran = run(tmp_path, "--dry-run")
    assert ran.exit_code == 0
    assert "written" not in ran.stdout
    assert Aws().dynamodb.scan(TableName=TABLE)["Items"] == []


@pytest.mark.usefixtures("hub")
def test_undecodable_lines_are_reported_and_the_other_lines_are_read(tmp_path):
    (tmp_path / "odd.json").write_text(json.dumps(record("alice", 5)) + "\n{", "utf-8")
    ran = CliRunner().invoke(app, ["first-calls", str(tmp_path / "odd.json"), "--dry-run"])
    assert ran.exit_code == 3
    assert "different calls of a caller in an account: 1\n" in ran.stdout
