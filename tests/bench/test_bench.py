"""A short version of `make bench`, in counts that are the same on every machine instead of seconds."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from support.effort import python_calls
from support.paths import ROOT

sys.path.insert(0, str(ROOT))

from bench import archive, context, corpus, harness, latency, local_pipeline, measures, replay
from bench.__main__ import page

pytestmark = pytest.mark.slow


def modules_of(name: str) -> set[str]:
    """The modules that importing `name` in a new process imports."""
    command = [sys.executable, "-c", f"import sys, {name}; print(*sys.modules)"]
    return set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


INSTALLED = {"aws_lambda_powertools", "functions", "gatewatch", "markupsafe", "msgspec", "pytz", "typing_extensions"}


@pytest.mark.parametrize("function", ["alert", "deliver"])
def test_a_function_imports_less_than_as_much_again_as_botocore(function) -> None:
    floor, whole = modules_of("botocore.session"), modules_of(f"functions.{function}")
    # The module with the build variables of Python is named after the platform, so no list of modules has it.
    added = {each.partition(".")[0] for each in whole - floor if not each.startswith("_sysconfigdata_")}
    installed = added - sys.stdlib_module_names
    assert installed - {each.partition(".")[0] for each in floor} <= INSTALLED
    assert len(whole) < 2 * len(floor)


def test_the_packaged_functions_handle_the_event_of_a_cold_start() -> None:
    with local_pipeline.deployed_pipeline() as (deployed, inbox):
        rows = list(measures.cold_start(1, lambda name: local_pipeline.variables(deployed, inbox, name)))
    assert len(rows) == 2
    assert inbox.received


def test_an_event_becomes_a_message_in_a_few_hundred_calls() -> None:
    """A pipeline that does half as much again fails; docs/performance.md has the time that it takes."""
    texts, pipeline = corpus.events(), measures.load_pipeline()
    assert python_calls(lambda: [measures.process_event(each, pipeline) for each in texts]) < 1_200 * len(texts)


def test_a_hundred_events_a_second_are_shown_at_the_rate_limit_of_slack_and_none_is_lost() -> None:
    (row,) = latency.by_simulated_clock(100, 200)
    assert row.subject == "200 events"
    assert 5 < row.value < 30  # seconds: ten in a message, a message a second


def test_the_cost_per_event_is_constant_and_linear_in_the_rules_of_a_call() -> None:
    texts, pipeline = corpus.events(), measures.load_pipeline()
    once, often = (
        python_calls(lambda laps=laps: [measures.process_event(each, pipeline) for each in laps * texts])
        for laps in (1, 10)
    )
    assert often == pytest.approx(10 * once, rel=0.01)
    calls = [corpus.call_with_rules(rules) for rules in (10, 1_000)]
    short, long = (python_calls(lambda call=each: measures.process_event(call, pipeline)) for each in calls)
    assert long < 100 * short


def test_a_burst_is_rolled_up_and_sent_at_the_rate_limit_of_slack() -> None:
    (row,) = measures.burst()
    messages = int(row.subject.partition(" ")[0])
    assert 10 <= messages <= 50  # of a hundred calls in batches of ten
    assert row.value == messages - 1


def test_the_archive_is_reproducible_and_compresses_like_real_logs(tmp_path) -> None:
    sizes = [archive.write_trail(tmp_path / name, 20_000) for name in ("one", "two")]
    assert sizes[0] == sizes[1] > 20_000_000
    stored = sum(path.stat().st_size for path in (tmp_path / "one").rglob("*.gz"))
    assert 10 <= sizes[0] / stored <= 15


def test_replay_of_an_archive_has_one_output_and_stays_small() -> None:
    rows = {row.what: row for row in replay.archive(20_000, rounds=1)}
    assert rows["… the same output from 2 processes as from one"].met
    assert rows["… its peak memory, largest process"].met


def test_a_ratio_is_the_median_over_the_rounds() -> None:
    seconds = iter([0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 9])  # start and end of floor and subject, in three rounds
    assert harness.paired(list, list, 3, lambda: next(seconds)) == harness.Ratio(1, 3, 3, 3)


def test_the_slope_is_the_exponent_of_growth() -> None:
    assert harness.slope([10, 100], [1.0, 10.0]) == pytest.approx(1)
    assert harness.slope([10, 100], [2.0, 2.0]) == pytest.approx(0)


def test_the_page_keeps_the_sections_that_were_not_measured() -> None:
    """A run of a million records is seldom; its figures stay with their day."""
    row = measures.Row("replay", "1 MB/s", "2 MB/s", "2.00 × the floor", "≥ 1 ×", True, 2)  # noqa: FBT003
    first = page(
        {"Replay": [row], "A million records": [row]}, "# Performance\n\n## Comply\n\nold\n\n## Notes\n\nwhy\n"
    )
    second = page({"Comply": [row]}, first)
    assert re.findall("\n## (.*)", first) == ["Comply", "Replay", "A million records", "Notes"]
    assert re.findall("\n## (.*)", second) == re.findall("\n## (.*)", first)
    assert second.partition("\n## Replay")[2] == first.partition("\n## Replay")[2]
    assert "\nold\n" in first
    assert "\nold\n" not in second
    assert first.endswith("## Notes\n\nwhy\n")


def test_the_data_about_source_addresses_fits_a_function() -> None:
    _, kibibytes = context.first_lookup(country=True, network=True)
    assert kibibytes < 20 * 1024
    assert context.lookup(country=True, network=True) > 0
