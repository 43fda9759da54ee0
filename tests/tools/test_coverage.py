"""docs/coverage.md is current, every call it counts has a negative example, and every gap a reason."""

from gatewatch.model.change import Family
from tools.generate_coverage import COVERED, DOCUMENT, LEVELS, calls, document, gap, rules, verdicts


def test_the_page_is_what_the_generator_makes():
    assert DOCUMENT.read_text("utf-8") == document()


def test_a_call_that_failed_is_at_most_low():
    assert [call.name for call in calls().values() if not call.is_quiet_when_failed] == []


def test_a_rule_is_covered_when_all_of_its_calls_are_and_says_why_when_not():
    for each in verdicts():
        assert each.verdict != COVERED or not each.missing
        assert each.verdict == COVERED or each.reason
    assert {gap(name) for each in verdicts() for name in each.missing}


def test_every_family_but_compliance_has_an_example():
    families = {family for call in calls().values() for family in call.families}
    assert families >= set(Family) - {Family.COMPLIANCE, Family.PREFIX_LIST}
    assert {call.severity for call in calls().values()} == set(LEVELS)


def test_no_rule_is_listed_twice():
    listed = [(rule.source, rule.id) for rule in rules()]
    assert len(set(listed)) == len(listed)
