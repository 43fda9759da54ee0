"""The demo, as `make demo` runs it: a story over the whole road, and a verdict that can be bad."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest
from rich.console import Console

from gatewatch.local.demo import expectations as account
from gatewatch.local.demo import run as demo
from gatewatch.local.demo import scenario as story
from gatewatch.local.demo.expectations import Told


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], str]:
    page = tmp_path_factory.mktemp("demo") / "deep" / "inbox.html"
    command = [sys.executable, "-m", "gatewatch", "demo", "--page", str(page)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    return result, page.read_text("utf-8") if page.exists() else ""


def test_the_demo_ends_well_and_says_what_was_sent_received_and_rendered(finished) -> None:
    result, _ = finished
    assert result.returncode == 0, result.stdout + result.stderr
    last = result.stdout.strip().splitlines()[-1]
    counts = re.fullmatch(r"messages: sent (\d+) = received (\d+) = rendered (\d+), lost 0: .*", last)
    assert counts and len(set(counts.groups())) == 1
    assert int(counts[1]) == account.expected(story.load_story()).total()


def test_the_demo_is_quiet_about_its_own_machinery(finished) -> None:
    result, _ = finished
    assert result.stderr == ""


def test_every_scene_of_the_story_is_on_the_page(finished) -> None:
    _, page = finished
    for scene in story.load_story():
        assert scene.record["eventID"] in page, scene.expect.what


def test_the_hostile_scene_pings_nobody_and_forges_no_link(finished) -> None:
    _, page = finished
    assert 'href="https://evil.example' not in page
    assert 'class="mention"' not in page


ONE = Told("event-1", "sec-all", 2)


@pytest.mark.parametrize(
    ("sent", "received", "shown", "lost"),
    [
        (Counter([ONE]), Counter(), 0, 0),
        (Counter([ONE]), Counter([ONE, ONE]), 2, 0),
        (Counter([ONE]), Counter([ONE._replace(rules=1)]), 1, 0),
        (Counter([ONE]), Counter([ONE._replace(channel="sec-prod")]), 1, 0),
        (Counter([ONE]), Counter([ONE]), 0, 0),
        (Counter([ONE]), Counter([ONE]), 1, 1),
    ],
    ids=["missing", "doubled", "a rule short", "wrong channel", "not on the page", "something lost"],
)
def test_the_verdict_is_bad_when_anything_is(sent, received, shown, lost) -> None:
    with Console(record=True, quiet=True) as console:
        assert demo.verdict(console, sent, received, shown, lost) == 1


def test_a_mail_too_few_or_too_many_is_a_bad_verdict() -> None:
    with Console(quiet=True) as console:
        assert demo.mail_verdict(console, Counter([ONE]), Counter()) == 1
        assert demo.mail_verdict(console, Counter(), Counter([ONE])) == 1
        assert demo.mail_verdict(console, Counter([ONE]), Counter([ONE])) == 0


def test_whoever_reads_the_hubs_topic_gets_a_mail_of_all_that_is_critical(finished) -> None:
    result, _ = finished
    subjects = [line for line in result.stdout.splitlines() if line.startswith("✉ ")]
    assert len(subjects) == account.expected_mails(story.load_story()).total() > 3
    assert all(subject.startswith("✉ CRITICAL: ") for subject in subjects)
    assert any(subject.endswith(" - payments-prod 111122223333") for subject in subjects)


def test_the_verdict_is_good_when_all_is() -> None:
    with Console(quiet=True) as console:
        assert demo.verdict(console, Counter([ONE]), Counter([ONE]), 1, 0) == 0


def test_the_demo_shows_what_stands_behind_an_opened_gate(finished) -> None:
    result, page = finished
    if "not looked" in result.stdout:
        pytest.skip("this machine was too busy for a look, and the demo told its story all the same")
    text = re.sub(r"<[^>]+>", " ", page)
    assert re.search(
        r"payments-web.{0,2000}3 interfaces, 1 with a public address\s+public: instance\s+web-1", text, re.DOTALL
    )
    assert re.search(r"old-remote-desktop.{0,2000}nothing, no interface has this group", text, re.DOTALL)
