"""Whatever the request of a call of these families holds: a row, never an exception, and messages that fit."""

import importlib
import pkgutil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.events import changes
from gatewatch.events.changes import attachment
from gatewatch.events.changes.registry import CALL_SPECS
from gatewatch.events.changes.resource_call import Named
from gatewatch.model.change import Family
from gatewatch.rendering.text.headline import alert_headline
from support.mutations import JSON, places, replaced
from tools.example_calls import EXAMPLES, Example, call_of, english, rows_of
from tools.example_calls import settings as example_settings

# Calls that set other things as well: without what opens or switches off they give no row.
MIXED = {
    *(name for _, name in attachment.CALL_SPECS),
    *(each.name for each in EXAMPLES if each.expected["severity"] == "none"),
    "CreateElasticsearchDomain",
    "RestoreDBInstanceFromDBSnapshot",
    "UpdateElasticsearchDomainConfig",
    "UpdateDetector",
    "UpdateFunctionUrlConfig",
    "UpdateMacieSession",
}
TABLES = {Family.NETWORK, Family.PUBLIC_ACCESS, Family.ORGANIZATION, Family.DETECTION}
PACKAGE = f"{changes.__name__}."
FULL = [
    each for each in EXAMPLES if each.request and not each.error and each.expected["severity"] not in {"none", "row"}
]
fuzzing = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@fuzzing
@given(st.sampled_from(FULL), st.data())
def test_a_request_with_something_else_in_one_place_gives_a_row(example: Example, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places(example.request)))
    rows = rows_of(example, requestParameters=replaced(example.request, path, data.draw(JSON)))
    assert rows or example.name in MIXED
    assert all(row["reasons"] for row in rows if row["severity"] in {"medium", "high", "critical"})


@fuzzing
@given(st.sampled_from(FULL), JSON, JSON, st.sampled_from([None, "AccessDenied", "Client.InvalidParameterValue"]))
def test_any_request_and_any_response_give_a_row(example: Example, request: Any, response: Any, error: Any) -> None:
    failed = {"errorCode": error} if error else {}
    rows = rows_of(example, requestParameters=request, responseElements=response, **failed)
    assert rows or example.name in MIXED
    if error == "Client.InvalidParameterValue":
        assert {row["severity"] for row in rows} <= {"info"}


@pytest.mark.parametrize("example", [each for each in FULL if each.family != "hub"], ids=lambda each: each.id)
def test_a_call_that_failed_is_info_and_one_that_was_denied_is_one_step_lower(example: Example) -> None:
    levels = ("info", "low", "medium", "high", "critical")
    failed = rows_of(example, errorCode="Client.InvalidParameterValue")
    assert {(row["severity"], row["outcome"]) for row in failed} == {("info", "failed")}
    applied = [row for row in rows_of(example) if row["family"] == example.family]
    denied = [row for row in rows_of(example, errorCode="AccessDenied") if row["family"] == example.family]
    expected = [levels[max(1, levels.index(row["severity"]) - 1)] for row in applied]
    assert [row["severity"] for row in denied] == expected


def test_the_examples_name_every_call_that_the_contract_names() -> None:
    named = {(each.service, each.name) for each in EXAMPLES}
    families = {"network", "public_access", "organization", "detection"}
    tables = {key for key, specs in CALL_SPECS.items() for spec in specs if spec.family in families}
    assert len(named & tables) > 150


def naming_parameters() -> dict[str, str]:
    """The parameters that name a resource in one of the tables, each with a value."""
    modules = [importlib.import_module(each.name) for each in pkgutil.iter_modules(changes.__path__, PACKAGE)]
    named = [each for module in modules for each in vars(module).values() if isinstance(each, Named)]
    return {key.partition(".")[0]: "x-1" for each in named for key in each.keys}


NAMING = naming_parameters()


@pytest.mark.parametrize("key", [key for key, specs in CALL_SPECS.items() if {each.family for each in specs} & TABLES])
def test_every_effect_of_a_table_has_a_severity_and_a_sentence(key: tuple[str, str]) -> None:
    """An effect of another family has no key in the section of policy.yaml, and no label."""
    record = Example("", *key, request=NAMING, response=None, error=None, family="", expected={}).record()
    alert = assess_call(call_of(record), Assessor(example_settings(), InMemoryRuleHistory()))
    for each in alert.changes if alert else ():
        assert alert_headline(alert, english(), each)
        assert all(map(english().reason_text, each.assessment.reasons))
