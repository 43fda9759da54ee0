"""The demo as `make demo` runs it, and the check of its messages, which can fail."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest
from rich.console import Console

from gatewatch.digest.open_now import OpenReport, OpenRow
from gatewatch.digest.readings import Readings
from gatewatch.local.demo.expectations import (
    OPEN_AT_END,
    DeliveredMessage,
    OtherMessage,
    expected_emails,
    expected_messages,
    open_now,
)
from gatewatch.local.demo.run import check_emails, check_messages, check_open, check_others, exports
from gatewatch.local.demo.scenario import load_scenario
from support.limits import GUARD_SECONDS

NOTHING_READ = Readings((), (), ())


@pytest.fixture(scope="module")
def finished_demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], str]:
    page = tmp_path_factory.mktemp("demo") / "deep" / "inbox.html"
    command = [sys.executable, "-m", "gatewatch", "demo", "--page", str(page)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=GUARD_SECONDS, check=False)
    return result, page.read_text("utf-8") if page.exists() else ""


def test_the_demo_succeeds_and_reports_how_many_messages_were_sent_received_and_rendered(finished_demo) -> None:
    result, _ = finished_demo
    assert result.returncode == 0, result.stdout + result.stderr
    last = result.stdout.strip().splitlines()[-1]
    counts = re.fullmatch(r"messages: sent (\d+) = received (\d+) = rendered (\d+), lost 0: .*", last)
    assert counts and len(set(counts.groups())) == 1
    assert int(counts[1]) == expected_messages(load_scenario()).total()


def test_the_demo_writes_nothing_to_standard_error(finished_demo) -> None:
    result, _ = finished_demo
    assert result.stderr == ""


def test_the_demo_ends_with_what_stands_open(finished_demo) -> None:
    result, _ = finished_demo
    lines = result.stdout.split("gatewatch open\n")[-1].splitlines()
    rows = [
        dict(zip(lines[0].replace(" ", "_").split("\t"), each.split("\t"), strict=True)) for each in open_lines(lines)
    ]
    assert open_now(OpenReport(tuple(OpenRow(**row) for row in rows), NOTHING_READ)) == OPEN_AT_END
    assert {row["name"] for row in rows if row["origin"] == "older_than_gatewatch"} == {"legacy-jump-host", ""}
    assert {row["name"] for row in rows if row["origin"] == "no_event"} == {"web-stack"}
    assert f"open now: {len(rows)}, expected {len(rows)}: what the scenario left open" in result.stdout


def open_lines(lines: list[str]) -> list[str]:
    return [each for each in lines[1:] if "\t" in each]


def test_the_change_without_an_event_is_reported_with_the_likely_call(finished_demo) -> None:
    result, page = finished_demo
    assert result.stdout.count("Changed without an event") == 1
    assert re.search(
        r"in web-stack sg-\w+: likely `ModifySecurityGroupRules` by `jihoon.park` at 2026-11-20 22:17", page
    )


def test_the_check_fails_when_something_else_stands_open_or_was_not_read() -> None:
    rows = tuple(open_row(each) for each in OPEN_AT_END)
    with Console(quiet=True) as console:
        assert check_open(console, OpenReport(rows, NOTHING_READ)) == 0
        assert check_open(console, OpenReport(rows[1:], NOTHING_READ)) == 1
        assert check_open(console, OpenReport((*rows, rows[0]), NOTHING_READ)) == 1
        assert check_open(console, OpenReport(rows, Readings((), (), ("111122223333 buckets: AccessDenied",)))) == 1


def open_row(each):
    """A row that shows as one of the expected ones."""
    values = dict.fromkeys(OpenRow.__struct_fields__, "") | {"days": 0}
    kind = "prefix_lists" if each.name == "a prefix list" else "rules"
    name = "" if kind == "prefix_lists" else each.name
    shown = {"alias": each.alias, "kind": kind, "name": name, "allows": each.allows, "opened_by": str(each.opened_by)}
    return OpenRow(**values | shown)


def test_one_alert_goes_to_every_other_kind_of_destination_and_its_closing_resolves_the_incident(finished_demo) -> None:
    result, _ = finished_demo
    lines = [line.split(maxsplit=2) for line in result.stdout.splitlines()]
    kinds = {"teams", "webhook", "eventbridge", "pagerduty"}
    found = sorted(tuple(line) for line in lines if line[:1] and line[0] in kinds)
    headline = "SSH open to the internet"
    assert found == [
        ("eventbridge", "alert", headline),
        ("pagerduty", "resolve"),
        ("pagerduty", "trigger", headline),
        ("teams", "alert", headline),
        ("webhook", "alert", headline),
    ]


def test_the_check_fails_when_another_destination_got_something_else() -> None:
    expected = [OtherMessage("teams", "alert", "SSH"), OtherMessage("pagerduty", "resolve", "")]
    with Console(quiet=True) as console:
        assert check_others(console, expected, expected[::-1]) == 0
        assert check_others(console, expected, expected[:1]) == 1
        assert check_others(console, expected, [*expected, expected[0]]) == 1


def test_every_event_of_the_scenario_is_on_the_page(finished_demo) -> None:
    _, page = finished_demo
    for event in load_scenario():
        assert event.record["eventID"] in page, event.expected.summary


def test_hostile_texts_mention_nobody_and_forge_no_link(finished_demo) -> None:
    _, page = finished_demo
    assert 'href="https://evil.example' not in page
    assert 'class="mention"' not in page


MESSAGE = DeliveredMessage("event-1", "sec-all", 2)


@pytest.mark.parametrize(
    ("sent", "received", "on_page", "lost"),
    [
        (Counter([MESSAGE]), Counter(), 0, 0),
        (Counter([MESSAGE]), Counter([MESSAGE, MESSAGE]), 2, 0),
        (Counter([MESSAGE]), Counter([MESSAGE._replace(rules=1)]), 1, 0),
        (Counter([MESSAGE]), Counter([MESSAGE._replace(destination="sec-prod")]), 1, 0),
        (Counter([MESSAGE]), Counter([MESSAGE]), 0, 0),
        (Counter([MESSAGE]), Counter([MESSAGE]), 1, 1),
    ],
    ids=["missing", "duplicated", "a rule missing", "wrong channel", "not on the page", "one lost"],
)
def test_the_check_fails_for_any_difference(sent, received, on_page, lost) -> None:
    with Console(record=True, quiet=True) as console:
        assert check_messages(console, sent, received, on_page, lost) == 1


def test_the_check_fails_for_a_missing_or_unexpected_email() -> None:
    with Console(quiet=True) as console:
        assert check_emails(console, Counter([MESSAGE]), Counter()) == 1
        assert check_emails(console, Counter(), Counter([MESSAGE])) == 1
        assert check_emails(console, Counter([MESSAGE]), Counter([MESSAGE])) == 0


def test_subscribers_of_the_hubs_topic_get_an_email_of_every_critical_alert(finished_demo) -> None:
    result, _ = finished_demo
    subjects = [line for line in result.stdout.splitlines() if line.startswith("✉ ")]
    assert len(subjects) == expected_emails(load_scenario()).total() > 3
    assert all(subject.startswith("✉ CRITICAL: ") for subject in subjects)
    assert any(subject.endswith(" - payments-prod 111122223333") for subject in subjects)


def test_the_check_passes_when_everything_agrees() -> None:
    with Console(quiet=True) as console:
        assert check_messages(console, Counter([MESSAGE]), Counter([MESSAGE]), 1, 0) == 0


def test_the_demo_shows_which_resources_an_opened_security_group_protects(finished_demo) -> None:
    _, page = finished_demo
    text = re.sub(r"<[^>]+>", " ", page)
    assert re.search(
        r"payments-web.{0,2000}3 interfaces, 1 with a public address\s+public: instance\s+web-1", text, re.DOTALL
    )
    assert re.search(r"old-remote-desktop.{0,2000}no interface uses this group", text, re.DOTALL)


def test_the_variables_for_another_terminal_are_lines_for_a_shell() -> None:
    lines = exports({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_SESSION_TOKEN": "a b;'c"})
    ran = subprocess.run(
        ["bash", "-c", f'{lines} echo "$AWS_ENDPOINT_URL $AWS_SESSION_TOKEN"; ls "$GATEWATCH_CONFIG"'],
        capture_output=True,
        text=True,
        check=True,
    )
    shown, *files = ran.stdout.splitlines()
    assert shown == "http://127.0.0.1:1 a b;'c"
    assert {"accounts.yaml", "policy.yaml"} <= set(files)
