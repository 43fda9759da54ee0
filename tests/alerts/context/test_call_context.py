"""What the context of a call adds to its alert: reasons, one level at most, and nothing that lowers."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from gatewatch.alerts.context.call_context import NO_SOURCE, CallContext, with_call_context
from gatewatch.alerts.context.sources import configured_source
from gatewatch.alerts.pipeline import AlertPipeline, Assessor, assess_call, run_pipeline
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.alerts.unordered import assess_unordered, unordered_assessor
from gatewatch.config.context import ContextSettings, FirstTime
from gatewatch.model.alert import Alert
from gatewatch.model.api_call import ApiCall
from gatewatch.model.severity import Severity
from gatewatch.model.source_network import SourceNetwork
from gatewatch.rendering.text.labels import load_labels
from support import builders
from support.callers import START, call, person, sharing, trusting
from support.paths import ROOT
from tools.example_calls import settings

VENDOR, STRANGER = "464622532012", "999900001111"
EVERYTHING = ContextSettings(
    first_time=FirstTime(enabled=True, raises_severity=True),
    changed_accounts=True,
    source_country=True,
    source_network=True,
)
TOR = "185.220.101.1"


def configured(context=EVERYTHING, vendors=None):
    return replace(settings(), context=context, vendor_names=vendors or {})


def assessor(context=EVERYTHING, vendors=None):
    found = configured(context, vendors)
    return Assessor(found, InMemoryRuleHistory(), context=configured_source(found))


def codes(alert):
    return [each.code for each in alert.changes[0].assessment.reasons]


def learned(context=EVERYTHING):
    """An account that has been seen for long, by somebody else."""
    found = assessor(context)
    assess_call(call(person("bob@example.com")), found)
    return found


def test_a_new_call_has_a_reason_and_is_one_level_higher():
    plain = assess_call(call(days=20), Assessor(settings(), InMemoryRuleHistory()))
    alert = assess_call(call(days=20), learned())
    assert (plain.severity, alert.severity) == (Severity.LOW, Severity.MEDIUM)
    reason = alert.changes[0].assessment.reasons[-1]
    assert reason.code == "first_time_raised"
    assert reason.values == {"call": "AuthorizeSecurityGroupIngress", "date": "2026-06-21", "days": "90"}


def test_without_raises_severity_a_new_call_only_has_a_reason():
    alert = assess_call(call(days=20), learned(ContextSettings(first_time=FirstTime(enabled=True))))
    assert (alert.severity, codes(alert)[-1]) == (Severity.LOW, "first_time")


def test_the_harmless_call_before_does_not_hide_the_one_that_matters():
    found = learned()
    assess_call(call(days=20), found)
    alert = assess_call(call(days=20.5, cidr="0.0.0.0/0"), found)
    assert "first_time_raised" in codes(alert)


@pytest.mark.parametrize("error", ["Client.UnauthorizedOperation", "Client.DryRunOperation", "InvalidGroup.NotFound"])
def test_refused_and_failed_calls_are_neither_new_nor_seen(error):
    found = learned()
    for days in (15, 16, 17):
        refused = assess_call(call(days=days, errorCode=error), found)
        assert {"first_time", "first_time_raised", "changed_accounts"}.isdisjoint(codes(refused))
    assert "first_time_raised" in codes(assess_call(call(days=20), found))


def test_info_is_not_raised_and_critical_stays():
    found = learned()
    info = assess_call(call(days=20, build=builders.revoke), found)
    assert (info.severity, "first_time" in codes(info)) == (Severity.INFO, True)
    assert assess_call(call(days=20, cidr="0.0.0.0/0"), found).severity is Severity.CRITICAL


def test_accounts_of_the_last_hour_are_counted_from_the_second_on():
    found = assessor(ContextSettings(changed_accounts=True))
    accounts = [f"{number:012}" for number in (1, 2, 3)]
    alerts = [assess_call(call(account=each), found) for each in accounts]
    last = [alert.changes[0].assessment.reasons[-1] for alert in alerts]
    assert last[0].code != "changed_accounts"
    assert [(each.code, each.values["count"]) for each in last[1:]] == [("changed_accounts", str(n)) for n in (2, 3)]


def test_an_exit_of_tor_is_a_reason_also_of_a_refused_call():
    found = assessor(ContextSettings(source_network=True))
    for error in (None, "Client.UnauthorizedOperation"):
        assert "source_tor" in codes(assess_call(call(sourceIPAddress=TOR, errorCode=error), found))
    assert "source_tor" not in codes(assess_call(call(sourceIPAddress="3.5.140.2"), found))


@pytest.mark.parametrize("build", [sharing, trusting])
def test_a_known_vendor_is_named_and_the_severity_stays(build):
    found = assessor(ContextSettings(vendor_accounts="vendors.yaml"), {VENDOR: "Datadog"})
    alert, plain = (assess_call(build(VENDOR), each) for each in (found, assessor(ContextSettings())))
    assert alert.severity is plain.severity is Severity.HIGH
    (reason,) = [each for each in alert.changes[0].assessment.reasons if each.code == "vendor_account"]
    assert reason.values == {"peer": VENDOR, "vendor": "Datadog"}
    assert "vendor_account" not in codes(assess_call(build(STRANGER), found))


def test_no_context_ever_lowers_a_severity():
    contexts = [
        CallContext(),
        CallContext(first_seen=START, raises_severity=True, changed_accounts=9, vendors={VENDOR: "Datadog"}),
        CallContext(source_network=SourceNetwork("NL", "tor", "Tor")),
    ]
    calls = [call(), call(cidr="0.0.0.0/0"), call(build=builders.revoke), sharing(VENDOR), trusting(VENDOR)]
    for each in [*calls, call(errorCode="Client.UnauthorizedOperation")]:
        before = assess_call(each, Assessor(settings(), InMemoryRuleHistory())).changes
        for context in contexts:
            for old, new in zip(before, with_call_context(each, before, context), strict=True):
                assert new.assessment.severity.rank >= old.assessment.severity.rank
                assert all(reason in new.assessment.reasons for reason in old.assessment.reasons)


def test_nothing_is_asked_when_policy_yaml_asks_for_nothing():
    assert configured_source(settings()) is NO_SOURCE


@pytest.mark.parametrize("language", ["en", "ko", "ja"])
def test_each_reason_has_a_text_in_each_language(language):
    labels = load_labels(ROOT / "templates", language)
    values = {"call": "RunInstances", "date": "2026-06-21", "days": "90", "count": "3", "peer": VENDOR, "vendor": "V"}
    for code in ("first_time", "first_time_raised", "changed_accounts", "source_tor", "vendor_account"):
        text = labels.reason[code].format_map(values)
        assert "{" not in text
    assert set(labels.source_network) == {"hosting", "cdn", "vpn", "tor", "bot"}


def test_a_raised_call_is_routed_by_its_new_level():
    found = replace(configured(), routes=settings().routes)
    source = configured_source(found)
    pipeline = AlertPipeline(found, InMemoryRuleHistory(), context=source, now=lambda: START + timedelta(days=20))
    run_pipeline(call(person("bob@example.com")), pipeline)
    result = run_pipeline(call(days=20), pipeline)
    assert result.alert.severity is Severity.MEDIUM
    assert all(each.notification.severity is Severity.MEDIUM for each in result.messages)


@pytest.mark.parametrize(
    ("context", "is_in_order"),
    [
        (ContextSettings(), False),
        (ContextSettings(source_network=True), False),
        (ContextSettings(changed_accounts=True), True),
        (EVERYTHING, True),
    ],
)
def test_several_processes_leave_calls_that_need_earlier_ones_to_one(context, is_in_order):
    found = configured(context)
    result = assess_unordered(call(sourceIPAddress=TOR), unordered_assessor(found, configured_source(found)))
    assert isinstance(result, ApiCall) == is_in_order
    if not is_in_order:
        assert ("source_tor" in codes(result)) == context.source_network


def test_history_has_no_context():
    assert isinstance(assess_unordered(call(), unordered_assessor(configured())), Alert)
