"""`gatewatch open`: its formats, its table on 80 columns, and the names that a member account may choose."""

import csv
import io
import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.cli.app import app
from gatewatch.cli.open_items import print_report, summary
from gatewatch.cli.open_table import print_open_table
from gatewatch.cli.options import ListFormat
from gatewatch.digest.open_now import OpenReport, OpenRow
from gatewatch.digest.readings import Readings
from gatewatch.events.canary import AccountRegion, Canary
from gatewatch.inventory.model import AccountInventory, OpenItem, RegionInventory, ResourceKind
from gatewatch.inventory.store import InventoryStore
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from gatewatch.model.severity import Severity
from gatewatch.monitoring.heartbeat.store import HeartbeatStore
from support.activity_log import make_table
from support.paths import ROOT
from support.tables import create_table

ROW = OpenRow(
    severity="critical",
    account="111122223333",
    alias="payments-prod",
    region="ap-northeast-2",
    kind="rules",
    resource="sg-0a1b2c3d4e5f60718",
    name="legacy-jump-host",
    rule="sgr-0a1b2c3d4e5f60718",
    allows="tcp 22 from 0.0.0.0/0",
    reachable="not_reachable",
    layer="network_acl",
    since="2026-11-20T00:10:00Z",
    days=12,
    origin="event",
    opened_by="minji.kim@example.com (AWSReservedSSO_NetworkAdmin_8f1d0c7b5a3e2964)",
    owner="@payments-oncall",
    exception="",
)
HOSTILE = "=1+1 <!channel> \x1b[31mred\x1b[0m\nnext \u202eeman <script>"


def with_values(**values):
    return OpenRow(**{name: getattr(ROW, name) for name in ROW.__struct_fields__} | values)


def table_of(*rows, width=80):
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_open_table(rows, console)
    return console.file.getvalue().splitlines()


def printed(capsys, output, *rows, unread=()):
    print_report(OpenReport(rows, Readings((), (), unread)), output)
    return capsys.readouterr()


def test_the_table_fits_into_80_columns_and_shows_every_value_whole():
    lines = table_of(ROW, with_values(opened_by="", origin="older_than_gatewatch", exception="EXC-1", days=0))
    assert max(map(len, lines)) <= 80
    values = ROW.allows, ROW.name, ROW.resource, ROW.account, ROW.alias, ROW.region, "12 days", "owner @payments-oncall"
    for value in (*values, "by minji.kim@example.com", "older than gatewatch", "exception EXC-1", "not", "reachable"):
        assert any(value in line for line in lines), value


@pytest.mark.parametrize(
    ("kind", "allows", "text"),
    [
        ("buckets", "public", "public bucket"),
        ("databases", "public", "public database"),
        ("prefix_lists", "0.0.0.0/0", "entry 0.0.0.0/0"),
        ("a kind of a later version", "public", "public"),
    ],
)
def test_a_resource_is_named_by_its_kind(kind, allows, text):
    assert text in table_of(with_values(kind=kind, allows=allows))[1]


def test_the_documentation_shows_such_a_table():
    rows = (
        with_values(opened_by="", origin="older_than_gatewatch", days=43, reachable="reachable", layer=""),
        with_values(
            name="payments-reporting",
            allows="tcp 5432 from 0.0.0.0/0",
            resource="sg-0df1db1afefc8cb0e",
            days=1,
            opened_by="minji.kim@example.com",
            layer="route",
        ),
        with_values(
            kind="buckets",
            allows="public",
            name="",
            resource="payments-old-receipts",
            origin="no_event",
            opened_by="",
            days=0,
            reachable="",
            layer="",
        ),
    )
    shown = "\n".join(line.rstrip() for line in table_of(*rows)).strip()
    assert f"```text\n{shown}\n```" in (ROOT / "docs" / "inventory.md").read_text("utf-8")


def test_the_age_is_given_in_days():
    assert "1 day " in " ".join(table_of(with_values(days=1)))
    assert "today" in " ".join(table_of(with_values(days=0)))


def test_a_hostile_name_breaks_no_line_of_the_table_and_hides_nothing():
    lines = table_of(with_values(name=HOSTILE), width=200)
    assert lines[2].startswith("         =1+1 <!channel> �[31mred�[0m next �eman")
    assert lines[3].split()[0] == "<script>"


def test_a_hostile_name_in_csv_is_one_record_that_no_spreadsheet_evaluates(capsys):
    values = {"name": HOSTILE, "opened_by": "@SUM(A1)", "owner": "-2+3", "alias": "+1", "exception": "＝1"}
    out = printed(capsys, ListFormat.CSV, with_values(**values)).out
    (found,) = csv.DictReader(io.StringIO(out))
    assert found["days"] == "12"
    assert all(found[name].startswith("'") for name in values)
    assert "\x1b" not in out


def test_a_hostile_name_in_a_pipe_is_one_line_with_as_many_tabs_as_the_header(capsys):
    out = printed(capsys, ListFormat.TABLE, with_values(name="a\tb\nc\x1b[0m")).out
    header, row, total = out.splitlines()
    assert header.count("\t") == row.count("\t") == len(OpenRow.__struct_fields__) - 1
    assert total == "no account was read yet"
    assert "\x1b" not in out


def test_json_has_every_value_as_it_is(capsys):
    out = printed(capsys, ListFormat.JSON, with_values(name=HOSTILE)).out
    assert json.loads(out)[0] == {name: getattr(ROW, name) for name in ROW.__struct_fields__} | {"name": HOSTILE}
    assert "\x1b" not in out


def test_what_was_not_read_is_on_standard_error_in_every_format(capsys):
    for output in ListFormat:
        assert printed(capsys, output, unread=("1 us-east-1\x1b: Denied",)).err == "not read: 1 us-east-1�: Denied\n"


def test_the_summary_counts_by_severity():
    region = RegionInventory(account_id="1", region="r", at=0.0)
    one, two = Readings((), (region,), ()), Readings((), (region, region), ())
    assert summary(OpenReport((), one)) == "nothing open in 1 Region, read since 1970-01-01 00:00 UTC"
    rows = (ROW, ROW, with_values(severity="high"))
    assert summary(OpenReport(rows, two)).startswith("3 open (2 critical, 1 high) in 2 Regions")


@pytest.fixture(scope="module")
def hub():
    with Cloud() as cloud:
        dynamodb = cloud.session(HUB_ACCOUNT, HUB_REGION).client("dynamodb")
        create_table(dynamodb, "gatewatch-prod")
        make_table(dynamodb)
        with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
            yield HubTable(Aws().dynamodb, "gatewatch-prod")


def run(*options):
    return CliRunner().invoke(app, ["open", "--config", str(ROOT), *options])


def test_the_command_lists_what_the_sweep_stored_also_of_accounts_that_only_send_canaries(hub):
    store, unlisted = InventoryStore(hub), "777788889999"
    bucket = OpenItem(kind=ResourceKind.BUCKETS, severity=Severity.CRITICAL, resource_id="b", since=1.0)
    store.save_account(AccountInventory(account_id=unlisted, at=1.0, regions=("us-east-1",)))
    inventory = RegionInventory(account_id=unlisted, region="us-east-1", at=1.0, items=(bucket,))
    store.update_region(unlisted, "us-east-1", lambda _: inventory)
    HeartbeatStore(hub).record(Canary(AccountRegion(unlisted, "us-east-1"), 1))
    everything = run("--format", "json")
    assert [each["resource"] for each in json.loads(everything.stdout)] == ["b"]
    assert "not read: 111122223333" in everything.stderr
    assert everything.exit_code == 1
    one = run("--format", "json", "--account", unlisted)
    assert (one.exit_code, one.stderr) == (0, "")
    assert json.loads(one.stdout) == json.loads(everything.stdout)
    assert run("--account", "111122223333", "--format", "json").stdout.strip() == "[]"
