"""Context in functions/alert: over all execution environments, and never at the cost of an alert."""

import logging
import sys

import boto3
import pytest
from moto import mock_aws
from msgspec.structs import replace

from gatewatch.alerts.context.call_context import NO_SOURCE, CallContext
from gatewatch.alerts.context.hub_context import LoggedContext, context_of_hub
from gatewatch.alerts.pipeline import AlertPipeline, run_pipeline
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.context import ContextSettings, FirstTime
from support.builders import OTHER_ACCOUNT
from support.callers import call, person
from support.tables import create_table
from tools.example_calls import settings

LOG = logging.getLogger("test")
REMEMBERED = ContextSettings(first_time=FirstTime(enabled=True), changed_accounts=True)


@pytest.fixture
def table():
    with mock_aws():
        dynamodb = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(dynamodb, "gatewatch-test")
        yield HubTable(dynamodb, "gatewatch-test")


def codes(found, table, wanted):
    """The reasons that a new execution environment gives."""
    configured = replace(settings(), context=wanted)
    pipeline = AlertPipeline(configured, InMemoryRuleHistory(), context=context_of_hub(configured, table, LOG))
    return [each.code for each in run_pipeline(found, pipeline).alert.changes[0].assessment.reasons]


def test_what_one_environment_saw_another_one_knows(table):
    codes(call(person("bob@example.com")), table, REMEMBERED)
    assert "first_time" in codes(call(days=20), table, REMEMBERED)
    assert "first_time" in codes(call(days=20.5), table, REMEMBERED)
    assert "first_time" not in codes(call(days=22), table, REMEMBERED)
    other = call(person(account=OTHER_ACCOUNT), 22, OTHER_ACCOUNT)
    assert "changed_accounts" in codes(other, table, REMEMBERED)


class Broken:
    def context_of(self, _call, _changes):
        raise RuntimeError


def test_a_failure_is_logged_and_the_alert_has_no_context(caplog):
    assert LoggedContext(Broken(), LOG).context_of(call(), ()) == CallContext()
    assert "no context" in caplog.text
    pipeline = AlertPipeline(settings(), InMemoryRuleHistory(), context=LoggedContext(Broken(), LOG))
    assert run_pipeline(call(), pipeline).alert.source_network is None


def test_without_its_package_the_hub_alerts_without_context(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "iptocc", None)  # importing it raises ImportError
    configured = replace(settings(), context=ContextSettings(source_country=True))
    assert context_of_hub(configured, HubTable(None, "gatewatch-test"), LOG) is NO_SOURCE
    assert "no context" in caplog.text
