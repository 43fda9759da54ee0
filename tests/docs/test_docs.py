"""Parameters, alarms and cost figures of the pages, compared with the real ones."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import msgspec
import pytest
from cfnlint.decode.cfn_yaml import load

from gatewatch.cli.deployment.stage_sections import ComplianceSection, HubSection, MembersSection
from gatewatch.config.forwarding_rules import rule_patterns
from gatewatch.model.change import Family
from support.markdown import PAGES, inline_code
from support.paths import ROOT
from tools.generate_events_doc import DOCUMENT, document
from tools.package import LOCK, PROVIDED_BY_LAMBDA

DOCS = {name: PAGES[f"docs/{name}.md"] for name in ("deploy", "operations", "security")}
HUB = load(str(ROOT / "eventbridge" / "hub.yaml"))
MEMBER = load(str(ROOT / "eventbridge" / "member.yaml"))
SERVERLESS = load(str(ROOT / "serverless.yml"))
EXAMPLE_ACCOUNTS = {"111122223333", "444455556666", "999988887777"}


def test_the_page_of_events_is_up_to_date():
    assert DOCUMENT.read_text("utf-8") == document(), "run `make docs` and review the difference"


def test_every_rule_of_the_members_is_on_the_page_of_events():
    assert set(re.findall(r"^Rule `(gatewatch-[a-z-]+)`", document(), re.MULTILINE)) == {
        *rule_patterns(),
        "gatewatch-canary",
    }


@pytest.mark.parametrize("page", PAGES)
def test_a_file_exists(page):
    pattern = r"[\w.-]+(/[\w.-]+)*\.(yaml|yml|json|py|txt|md)"
    named = {each for each in inline_code(PAGES[page]) if re.fullmatch(pattern, each)}
    built = {name for name in named if name.startswith("build/")}
    assert {name for name in named - built if not (ROOT / name.replace("STAGE", "prod")).exists()} == set()


def test_the_parameters_of_a_member_are_documented():
    table = set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", section("The templates' parameters"), re.MULTILINE))
    assert table == MEMBER["Parameters"].keys()


def section(title):
    """Return a section of the page about deploying."""
    return DOCS["deploy"].partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize(
    ("name", "kind"), [("hub", HubSection), ("members", MembersSection), ("compliance", ComplianceSection)]
)
def test_the_keys_of_a_stage_file_are_documented_with_their_defaults(name, kind):
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", section(f"deploy/STAGE.yaml: {name}"), re.MULTILINE)
    fields = msgspec.structs.fields(kind)
    assert [key for key, _ in rows] == [field.name for field in fields]
    documented = {key: default for key, default in rows if default not in {"required", "—"}}
    assert documented == {field.name: shown(field.default) for field in fields if field.default not in ("", ())} | {
        key: "[]" for key, default in rows if default == "[]"
    }


def shown(value):
    """Return a default as the tables show it."""
    return (
        str(list(value)) if isinstance(value, tuple) else str(value).lower() if value in (True, False) else str(value)
    )


def test_the_alarms_are_documented():
    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|", DOCS["operations"], re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}
    alarms = [each["Properties"] for each in HUB["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert documented == {alarm["AlarmName"]["Fn::Sub"].removeprefix("gatewatch-${Stage}-") for alarm in alarms}
    assert f"| alarms | {len(alarms)} × 0.10 |" in DOCS["operations"]


def test_the_cost_of_metrics_counts_every_metric_of_the_dashboard():
    body = json.loads(HUB["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    rows = [row for widget in body["widgets"] for row in widget["properties"]["metrics"]]
    metrics = {(row[1], row[3]) for row in rows if row[0] == "gatewatch"}
    assert f"| metrics | {len(metrics)} × 0.30 |" in DOCS["operations"]


def tables(text):
    """Return the cost tables as rows of item, arithmetic and result."""
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
def test_the_arithmetic_of_a_cost_table_is_right(table):
    *lines, (total, _, documented) = table
    assert total.startswith("**")
    assert len(lines) > 3
    for what, arithmetic, result in lines:
        places = Decimal(10) ** -len(result.partition(".")[2])
        assert product(arithmetic).quantize(places) == Decimal(result), what
    assert sum(Decimal(result) for _, _, result in lines) == Decimal(documented)


def test_what_each_family_adds_is_stated():
    (table,) = [each for each in DOCS["operations"].split("\n\n") if each.startswith("| Family | One event for |")]
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE)[1:] == [each.value for each in Family]


def test_the_service_control_policy_protects_rules_and_roles():
    (text,) = re.findall(r"^```json\n(.*?)^```$", DOCS["security"], re.MULTILINE | re.DOTALL)
    policy = json.loads(text)
    assert {each["Effect"] for each in policy["Statement"]} == {"Deny"}
    resources = json.dumps([each["Resource"] for each in policy["Statement"]])
    assert "rule/gatewatch-*" in resources
    assert "role/gatewatch/*" in resources
    assert "role/gatewatch-access-keys" in resources
    assert MEMBER["Resources"]["ForwardRole"]["Properties"]["Path"] == "/gatewatch/"


def test_the_documented_number_of_packages_is_right():
    packages = set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text("utf-8"), re.MULTILINE)) - PROVIDED_BY_LAMBDA
    assert len(packages) == 9
    assert "Nine packages" in DOCS["security"]


@pytest.mark.parametrize("page", PAGES)
def test_account_ids_are_examples(page):
    assert set(re.findall(r"\b\d{12}\b", PAGES[page])) <= EXAMPLE_ACCOUNTS


def test_the_documented_retention_is_right():
    resources, text = HUB["Resources"], re.sub(r"\s+", " ", DOCS["security"])
    assert resources["Archive"]["Properties"]["RetentionDays"] == 30
    assert resources["OutboxDlq"]["Properties"]["MessageRetentionPeriod"] == 14 * 86400
    assert SERVERLESS["provider"]["logRetentionInDays"] == 90
    assert "fourteen days, the archive of events for thirty, logs for ninety, rows of the hub's table" in text
