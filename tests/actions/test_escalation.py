"""The escalation of an alert is stopped while a person takes care of it, and resumed when it is open again."""

import boto3
import pytest
from moto import mock_aws

from gatewatch.actions.escalation import AlertEscalations
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.settings import emergency_settings, load_settings
from gatewatch.delivery.escalations import Escalations
from gatewatch.model.severity import Severity
from support.actions import NOW
from support.tables import create_table
from support.threads import SSH, alert

POLICY = """
destinations:
  room: {kind: slack_webhook, url: {ssm: /a}}
  pager: {kind: slack_webhook, url: {ssm: /b}}
routes:
  - {match: {min_severity: high}, to: [room], escalate: {after: 15m, to: pager, unless: acknowledged}}
  - {match: {min_severity: low}, to: [room]}
"""


class FullRowsOnly:
    """The outbox, which gets an escalation at once only when its row is full."""

    def put_entries(self, entries):
        assert entries == []


@pytest.fixture
def table():
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(client, "t")
        yield HubTable(client, "t", lambda: NOW)


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "accounts.yaml").write_text("{}", "utf-8")
    (tmp_path / "policy.yaml").write_text(POLICY, "utf-8")
    return load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")


def test_an_alert_that_is_open_again_is_escalated_by_its_route_from_then_on(table, settings):
    known = Escalations(table)
    escalations = AlertEscalations(known, FullRowsOnly(), settings)
    notification = alert("opened", Severity.HIGH, destination="room", opened=(SSH,)).notification
    escalations.resume(notification, NOW)
    (planned,) = known.due(NOW + 24 * 3600)
    assert (planned.destination, planned.target, planned.due) == ("room", "pager", NOW + 900)
    escalations.stop(notification)
    assert known.due(NOW + 24 * 3600) == []


def test_an_alert_without_such_a_route_is_not_escalated(table, settings):
    known = Escalations(table)
    notification = alert("opened", Severity.MEDIUM, opened=(SSH,)).notification
    AlertEscalations(known, FullRowsOnly(), settings).resume(notification, NOW)
    AlertEscalations(known, FullRowsOnly(), emergency_settings()).resume(notification, NOW)
    assert known.due(NOW + 24 * 3600) == []
