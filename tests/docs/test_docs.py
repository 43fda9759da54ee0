"""The documents say what is: commands, targets, files, parameters, alarms and sums are held against the real ones."""

from __future__ import annotations

import json
import re
import shlex
from decimal import Decimal

import pytest
import typer
from cfnlint.decode.cfn_yaml import load

from gatewatch.cli.app import app
from gatewatch.monitoring.doctor.checks import patterns
from support.paths import ROOT
from tools.generate_events_doc import DOCUMENT, document
from tools.package import BROUGHT_BY_LAMBDA, LOCK

DOCS = {name: (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("deploy", "operations", "security")}
HUB = load(str(ROOT / "eventbridge" / "hub.yaml"))
MEMBER = load(str(ROOT / "eventbridge" / "member.yaml"))
SERVERLESS = load(str(ROOT / "serverless.yml"))
MADE_UP_ACCOUNTS = {"111122223333", "444455556666", "999988887777"}


def console(text):
    return [
        line
        for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]


COMMANDS = [line for text in DOCS.values() for line in console(text)]


def inline(text):
    return [each for each in re.findall(r"`([^`\n]+)`", text) if not each.startswith("<")]


def test_the_page_of_events_is_the_one_that_is_made():
    assert DOCUMENT.read_text("utf-8") == document(), "run `make docs` and read the difference"


def test_every_rule_of_the_members_is_on_the_page_of_events():
    assert set(re.findall(r"^Rule `(gatewatch-[a-z-]+)`", document(), re.MULTILINE)) == {
        *patterns(),
        "gatewatch-canary",
    }


@pytest.mark.parametrize("line", [each for each in COMMANDS if each.startswith("gatewatch")])
def test_a_command_of_gatewatch_is_there_with_its_options(line):
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not hasattr(command, "commands"), line
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("name", sorted({each.split()[1] for each in COMMANDS if each.startswith("make")}))
def test_a_target_of_make_is_there(name):
    assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("document_", DOCS)
def test_a_file_or_folder_that_is_named_is_there(document_):
    named = {
        each for each in inline(DOCS[document_]) if re.fullmatch(r"[\w.-]+(/[\w.-]+)*\.(yaml|yml|json|py|txt|md)", each)
    }
    made = {name for name in named if name.startswith("build/")}
    assert {name for name in named - made if not (ROOT / name).exists()} == set()


def test_every_parameter_of_the_hub_that_is_named_is_one_and_all_are_named():
    named = set(re.findall(r"--param=(\w+)=", DOCS["deploy"]))
    assert named == SERVERLESS["params"]["default"].keys()


def test_every_parameter_of_a_member_is_named():
    table = set(re.findall(r"^\| member \| `(\w+)`", DOCS["deploy"], re.MULTILINE))
    assert table == MEMBER["Parameters"].keys()
    used = set(re.findall(r"ParameterKey=(\w+)", DOCS["deploy"])) | {"HubBusArn"}
    assert used <= table


def test_every_alarm_is_in_the_table_and_no_other():
    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|", DOCS["operations"], re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}
    alarms = [each["Properties"] for each in HUB["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert told == {alarm["AlarmName"]["Fn::Sub"].removeprefix("gatewatch-${Stage}-") for alarm in alarms}
    assert f"| alarms | {len(alarms)} × 0.10 |" in DOCS["operations"]


def test_every_metric_of_the_dashboard_is_paid_for():
    body = json.loads(HUB["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    rows = [row for widget in body["widgets"] for row in widget["properties"]["metrics"]]
    metrics = {(row[1], row[3]) for row in rows if row[0] == "gatewatch"}
    assert f"| metrics | {len(metrics)} × 0.30 |" in DOCS["operations"]


def tables(text):
    """The cost tables: rows of what, arithmetic and sum."""
    return [
        re.findall(r"^\| (.+?) \| (.*?) ?\| (?:\*\*)?= ([\d.]+)(?:\*\*)? \|$", block, re.MULTILINE)
        for block in re.split(r"\n\n", text)
        if "| What | Arithmetic | |" in block
    ]


def product(arithmetic):
    left, right = arithmetic.split(" × ")
    amount, price = (Decimal(re.match(r"[\d.]+", each)[0]) for each in (left, right))
    assert (" M" in left) == right.endswith(" / M"), arithmetic
    return amount * price


@pytest.mark.parametrize("table", tables(DOCS["operations"]), ids=lambda table: table[-1][0].strip("*"))
def test_the_sums_are_right(table):
    *lines, (total, _, said) = table
    assert total.startswith("**")
    assert len(lines) > 3
    for what, arithmetic, result in lines:
        places = Decimal(10) ** -len(result.partition(".")[2])
        assert product(arithmetic).quantize(places) == Decimal(result), what
    assert sum(Decimal(result) for _, _, result in lines) == Decimal(said)


def test_the_policy_for_members_is_json_and_denies_what_the_road_is_made_of():
    (text,) = re.findall(r"^```json\n(.*?)^```$", DOCS["security"], re.MULTILINE | re.DOTALL)
    policy = json.loads(text)
    assert {each["Effect"] for each in policy["Statement"]} == {"Deny"}
    resources = json.dumps([each["Resource"] for each in policy["Statement"]])
    assert "rule/gatewatch-*" in resources
    assert "role/gatewatch/*" in resources
    assert "role/gatewatch-access-keys" in resources
    assert MEMBER["Resources"]["ForwardRole"]["Properties"]["Path"] == "/gatewatch/"


def test_the_number_of_packages_in_the_zip_is_the_one_that_is_said():
    packages = set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text("utf-8"), re.MULTILINE)) - BROUGHT_BY_LAMBDA
    assert len(packages) == 9
    assert "Nine packages" in DOCS["security"]


@pytest.mark.parametrize("document_", DOCS)
def test_no_account_of_anybody_is_named(document_):
    assert set(re.findall(r"\b\d{12}\b", DOCS[document_])) <= MADE_UP_ACCOUNTS


def test_what_is_kept_is_kept_as_long_as_is_said():
    resources, said = HUB["Resources"], re.sub(r"\s+", " ", DOCS["security"])
    assert resources["Archive"]["Properties"]["RetentionDays"] == 30
    assert resources["OutboxDead"]["Properties"]["MessageRetentionPeriod"] == 14 * 86400
    assert SERVERLESS["provider"]["logRetentionInDays"] == 90
    assert "fourteen days, the archive of events for thirty, the table's rows for ninety, logs for ninety" in said
