"""docs/coverage.md is current, every call it counts has a negative example, and every gap a reason."""

from collections import Counter
from fnmatch import fnmatchcase

import pytest
import yaml

from gatewatch.events.changes.registry import CALL_SPECS
from gatewatch.model.change import Family
from tools.example_calls import EXAMPLES, FOLDER, Example, rows_of
from tools.generate_coverage import (
    CIS,
    COVERED,
    DOCUMENT,
    LEVELS,
    NOT_COVERED,
    OUTSIDE,
    calls,
    document,
    gap,
    is_at_least,
    outside,
    rules,
    share_of,
    verdicts,
)

OMITTED = {"omitted": True, "originalSize": 123_456, "reason": "requestParameters too large"}
ROOT_USER = {"type": "Root", "accountId": "111122223333", "principalId": "111122223333"}
WATCHED = [each for each in EXAMPLES if not each.error and rows_of(each)]
# Forwarded only for the stacks and alarms of gatewatch, by their names, which a call without parameters lacks.
BY_NAME_ONLY = {
    ("cloudformation", "DeleteStack"),
    ("cloudformation", "DeleteStackInstances"),
    ("cloudformation", "DeleteStackSet"),
    ("monitoring", "PutMetricAlarm"),
}


def test_the_page_is_what_the_generator_makes():
    assert DOCUMENT.read_text("utf-8") == document()


def test_a_call_that_failed_is_at_most_low():
    assert [call.name for call in calls().values() if not call.is_quiet_when_failed] == []


def test_a_rule_is_covered_when_all_of_its_calls_are_and_says_why_when_not():
    for each in verdicts():
        assert each.verdict != COVERED or not each.missing
        assert each.verdict == COVERED or each.reason
    assert {gap(name) for each in verdicts() for name in each.missing}


def test_every_pattern_of_the_gaps_is_of_a_call_of_a_rule_about_a_family():
    missing = {name for each in verdicts() if each.verdict != OUTSIDE for name in each.missing}
    patterns = [
        (group["reason"], pattern)
        for group in yaml.safe_load((FOLDER / "gaps.yaml").read_text("utf-8"))
        for pattern in group["calls"].split()
    ]
    used = [any(fnmatchcase(name, pattern) and gap(name) == reason for name in missing) for reason, pattern in patterns]
    assert [pair for pair, is_used in zip(patterns, used, strict=True) if not is_used] == []


def test_every_family_but_compliance_has_an_example():
    families = {family for call in calls().values() for family in call.families}
    assert families >= set(Family) - {Family.COMPLIANCE, Family.PREFIX_LIST}
    assert {call.severity for call in calls().values()} == set(LEVELS)


def test_no_rule_is_listed_twice():
    listed = [(rule.source, rule.id) for rule in rules()]
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("source", ["elastic", "sigma", "panther", "stratus"])
def test_most_rules_that_are_about_a_family_are_covered(source):
    counted = Counter(each.verdict for each in verdicts() if each.rule.source == source)
    assert share_of(counted) >= 0.6


def test_thirteen_controls_of_cis_are_covered_in_full():
    counted = Counter(each.verdict for each in verdicts() if each.rule.source == CIS)
    assert (counted[COVERED], sum(counted.values())) == (13, 16)


def test_a_rule_outside_the_families_names_no_call_that_is_reported_and_is_listed_once():
    assert [each.id for each in outside() if set(each.calls) & calls().keys()] == []
    groups = yaml.safe_load((FOLDER / "outside.yaml").read_text("utf-8"))
    assert sum(len(group[source].split()) for group in groups for source in group.keys() - {"reason"}) == len(outside())


def test_every_rule_is_covered_outside_or_named_as_a_gap():
    page = DOCUMENT.read_text("utf-8")
    for each in verdicts():
        if each.verdict in {NOT_COVERED, OUTSIDE} and not each.rule.source.startswith("prowler"):
            assert each.rule.id in page


@pytest.mark.parametrize("example", WATCHED, ids=lambda each: each.id)
def test_a_watched_call_is_at_least_low_when_refused_and_high_when_made_by_root(example):
    assert is_at_least("low", example, errorCode="AccessDenied", errorMessage="refused")
    assert is_at_least("high", example, userIdentity=ROOT_USER)


@pytest.mark.parametrize(("service", "name"), sorted(CALL_SPECS.keys() - BY_NAME_ONLY))
def test_every_call_of_the_tables_gives_a_row_when_it_is_refused_without_parameters(service, name):
    refused = Example("", service, name, None, None, "AccessDenied", "", {})
    assert is_at_least("low", refused)


@pytest.mark.parametrize("call", [("iam", "PutUserPolicy"), ("s3", "PutBucketPolicy"), ("ec2", "CreateRoute")])
def test_a_call_whose_parameters_are_left_out_is_a_row_that_is_not_understood(call):
    (row,) = rows_of(Example("", *call, OMITTED, None, None, "", {}))
    assert (row["understood"], row["severity"] in {"medium", "high"}) == (False, True)
