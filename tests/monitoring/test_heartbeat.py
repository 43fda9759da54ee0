from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from gatewatch.aws.hub_table import HubTable
from gatewatch.aws.organizations import OrganizationAccount, active_accounts, list_accounts
from gatewatch.config.settings import load_settings
from gatewatch.errors import TransientDeliveryError
from gatewatch.events.canary import AccountRegion, Canary
from gatewatch.handlers.heartbeat import HeartbeatHandler
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.monitoring.heartbeat.evaluation import (
    GRACE_SECONDS,
    HeartbeatChanges,
    HeartbeatState,
    SilentRegion,
    evaluate,
)
from gatewatch.monitoring.heartbeat.messages import heartbeat_messages
from gatewatch.monitoring.heartbeat.store import HeartbeatStore, ReportedState
from gatewatch.rendering.slack_validation import slack_problems
from support.rendering import SLACK, slack_text
from support.tables import create_table

NOW = 1_795_230_000
HOUR = 3600
SEOUL = AccountRegion("111122223333", "ap-northeast-2")
VIRGINIA = AccountRegion("111122223333", "us-east-1")
LONG_AGO = ReportedState(since=NOW - 30 * 24 * HOUR)


def state(last_canaries, expected=(), now=NOW):
    return HeartbeatState(last_canaries, frozenset(expected), now, HOUR)


def test_a_region_with_recent_canaries_is_not_reported():
    assert evaluate(state({SEOUL: NOW - 60}, [SEOUL.account_id]), LONG_AGO) == (HeartbeatChanges(), LONG_AGO)


def test_a_region_is_silent_when_its_last_canary_is_older_than_the_limit():
    last_canaries = {SEOUL: NOW - HOUR - 1, VIRGINIA: NOW - HOUR}
    changes, reported = evaluate(state(last_canaries), LONG_AGO)
    assert changes == HeartbeatChanges(silent=(SilentRegion(SEOUL, NOW - HOUR - 1),))
    assert reported.silent == {str(SEOUL): NOW - HOUR - 1}


def test_silence_is_reported_once():
    _, reported = evaluate(state({SEOUL: NOW - 2 * HOUR}), LONG_AGO)
    changes, later = evaluate(state({SEOUL: NOW - 2 * HOUR}, now=NOW + HOUR), reported)
    assert changes.is_empty
    assert later == reported


def test_a_recovered_region_is_reported_with_the_start_of_its_silence_and_can_become_silent_again():
    _, reported = evaluate(state({SEOUL: NOW - 2 * HOUR}), LONG_AGO)
    changes, reported = evaluate(state({SEOUL: NOW}), reported)
    assert changes == HeartbeatChanges(recovered=(SilentRegion(SEOUL, NOW - 2 * HOUR),))
    changes, _ = evaluate(state({SEOUL: NOW}, now=NOW + 2 * HOUR), reported)
    assert changes == HeartbeatChanges(silent=(SilentRegion(SEOUL, NOW),))


def test_an_account_that_never_sent_a_canary_is_reported_once_and_cleared_when_it_sends_one():
    changes, reported = evaluate(state({SEOUL: NOW}, [SEOUL.account_id, "444455556666"]), LONG_AGO)
    assert changes == HeartbeatChanges(never_reported=("444455556666",))
    assert evaluate(state({SEOUL: NOW}, ["444455556666"]), reported)[0].is_empty
    changes, reported = evaluate(
        state({AccountRegion("444455556666", "us-east-1"): NOW, SEOUL: NOW}, ["444455556666"]), reported
    )
    assert changes.is_empty
    assert reported.never_reported == ()


def test_a_new_hub_reports_missing_accounts_only_after_the_grace_period():
    new_hub = ReportedState(since=NOW)
    assert evaluate(state({}, ["444455556666"], NOW + GRACE_SECONDS - 1), new_hub)[0].is_empty
    assert evaluate(state({}, ["444455556666"], NOW + GRACE_SECONDS), new_hub)[0].never_reported == ("444455556666",)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settings")
    accounts, policy = folder / "accounts.yaml", folder / "policy.yaml"
    accounts.write_text('accounts: {"111122223333": {alias: "pay <!here> *prod*"}}')
    policy.write_text("destinations: {sec: {kind: slack_webhook, url: {ssm: /x}}}\nroutes: [{to: [sec]}]")
    return load_settings(accounts, policy)


def payload(message):
    return SLACK.render(message)


def test_each_kind_of_change_is_one_valid_slack_message(settings):
    changes = HeartbeatChanges((SilentRegion(SEOUL, NOW),), (SilentRegion(VIRGINIA, NOW),), ("444455556666",))
    messages = heartbeat_messages(changes, settings)
    assert [payload(each)["attachments"][0]["fallback"] for each in messages] == [
        "🔇 1 Region went silent",
        "🔇 1 account never reported",
        "🔊 1 Region recovered",
    ]
    assert [each.notification.severity for each in messages] == ["high", "high", "info"]
    assert {each.destination for each in messages} == {"sec"}
    assert not [problem for each in messages for problem in slack_problems(payload(each))]


def test_an_alias_is_escaped(settings):
    (message,) = heartbeat_messages(HeartbeatChanges(silent=(SilentRegion(SEOUL, NOW),)), settings)
    assert "<!here>" not in slack_text(message)
    assert "2026-11-21 03:00 UTC" in slack_text(message)


def test_silence_and_recovery_have_different_colours(settings):
    changes = HeartbeatChanges((SilentRegion(SEOUL, NOW),), (SilentRegion(VIRGINIA, NOW),))
    colors = [payload(each)["attachments"][0]["color"] for each in heartbeat_messages(changes, settings)]
    assert colors == [settings.colors.high, settings.colors.resolved]


def test_many_silent_regions_are_counted_and_the_first_ones_listed(settings):
    regions = tuple(SilentRegion(AccountRegion(f"{number:012}", "us-east-1"), NOW) for number in range(400))
    (message,) = heartbeat_messages(HeartbeatChanges(silent=regions), settings)
    assert "🔇 400 Regions went silent" in slack_text(message)
    assert "… and 375 more" in slack_text(message)
    assert not slack_problems(payload(message))


def test_the_message_key_depends_on_the_reported_change(settings):
    def key(last):
        return heartbeat_messages(HeartbeatChanges(silent=(SilentRegion(SEOUL, last),)), settings)[0].key

    assert key(NOW) == key(NOW)
    assert key(NOW) != key(NOW - 60)


@pytest.fixture(scope="module")
def dynamodb():
    with Cloud() as cloud:
        client = cloud.session(HUB_ACCOUNT, HUB_REGION).client("dynamodb")
        create_table(client, "gatewatch-test")
        yield client


def test_the_store_keeps_the_latest_canary_of_every_region(dynamodb):
    store = HeartbeatStore(HubTable(dynamodb, "gatewatch-test"))
    other = AccountRegion("444455556666", "us-east-1")
    for canary in (Canary(SEOUL, NOW), Canary(VIRGINIA, NOW), Canary(SEOUL, NOW + 60), Canary(other, NOW)):
        store.record(canary)
    store.record(Canary(SEOUL, NOW - HOUR))
    assert store.last_canaries() == {SEOUL: NOW + 60, VIRGINIA: NOW, other: NOW}


def test_the_reported_state_starts_with_the_first_heartbeat_and_is_kept(dynamodb):
    store = HeartbeatStore(HubTable(dynamodb, "gatewatch-test"))
    assert store.reported(NOW) == ReportedState(since=NOW)
    reported = ReportedState(since=NOW, silent={str(SEOUL): NOW}, never_reported=("444455556666",))
    store.save_reported(reported)
    assert store.reported(NOW + 60) == reported


class UnavailableTable:
    """A table that leaves all keys unprocessed and rejects writes."""

    def batch_get_item(self, **request):
        return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}

    def update_item(self, **_):
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem")


def test_an_unavailable_table_raises_instead_of_reporting_silence():
    with pytest.raises(TransientDeliveryError, match="cannot be read"):
        HeartbeatStore(HubTable(UnavailableTable(), "t")).last_canaries()
    with pytest.raises(TransientDeliveryError, match="the canaries cannot be written"):
        HeartbeatStore(HubTable(UnavailableTable(), "t")).record(Canary(SEOUL, NOW))


class FakeStore:
    def __init__(self, canaries, reported):
        self.canaries, self.state = canaries, reported

    def last_canaries(self):
        return self.canaries

    def reported(self, _now):
        return self.state

    def save_reported(self, reported):
        self.state = reported


class FakeOutbox:
    def __init__(self):
        self.messages = []

    def put(self, messages):
        self.messages += messages


def handler(settings, store, outbox, organization):
    log = logging.getLogger("heartbeat")
    return HeartbeatHandler(settings, store, outbox, lambda: organization, lambda: NOW, HOUR, log)


def test_a_heartbeat_reports_a_change_once(settings):
    store, outbox = FakeStore({SEOUL: NOW - 2 * HOUR}, LONG_AGO), FakeOutbox()
    heartbeat = handler(
        settings, store, outbox, [OrganizationAccount("444455556666", "dev", "ACTIVE", NOW - 24 * HOUR)]
    )
    heartbeat.run()
    assert [each.notification.severity for each in outbox.messages] == ["high", "high"]
    heartbeat.run()
    assert len(outbox.messages) == 2


def test_an_account_that_just_joined_is_not_expected_yet(settings):
    store, outbox = FakeStore({SEOUL: NOW}, LONG_AGO), FakeOutbox()
    handler(settings, store, outbox, [OrganizationAccount("444455556666", "dev", "ACTIVE", NOW - 60)]).run()
    assert outbox.messages == []


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "TooManyRequestsException"}}, "ListAccounts"),
        EndpointConnectionError(endpoint_url="https://organizations.example"),
    ],
)
def test_silence_is_judged_while_aws_organizations_cannot_be_reached(settings, error):
    missing = ReportedState(since=LONG_AGO.since, never_reported=("777788889999",))
    store, outbox = FakeStore({SEOUL: NOW - 2 * HOUR}, missing), FakeOutbox()

    def fail():
        raise error

    found = handler(settings, store, outbox, ())
    HeartbeatHandler(**{**vars(found), "organization": fail}).run()
    assert len(outbox.messages) >= 1
    assert str(SEOUL) in store.state.silent
    assert "777788889999" in store.state.never_reported


def test_without_an_organization_the_accounts_of_accounts_yaml_are_expected(settings):
    store, outbox = FakeStore({}, LONG_AGO), FakeOutbox()
    handler(settings, store, outbox, None).run()
    assert store.state.never_reported == ("111122223333",)


def test_a_failing_outbox_leaves_the_change_unreported(settings):
    class FullOutbox:
        def put(self, _messages):
            raise TransientDeliveryError("full")

    store = FakeStore({SEOUL: NOW - 2 * HOUR}, LONG_AGO)
    with pytest.raises(TransientDeliveryError):
        handler(settings, store, FullOutbox(), None).run()
    assert store.state == LONG_AGO


class FakeOrganizations:
    def __init__(self, pages=(), error=None):
        self.pages, self.error = pages, error

    def get_paginator(self, name):
        assert name == "list_accounts"
        return self

    def paginate(self):
        if self.error:
            raise ClientError({"Error": {"Code": self.error}}, "ListAccounts")
        return iter(self.pages)


def test_accounts_are_read_from_every_page_and_state_overrides_the_deprecated_status():
    joined = datetime(2026, 1, 2, tzinfo=UTC)
    pages = [
        {"Accounts": [], "NextToken": "more"},
        {"Accounts": [{"Id": "111122223333", "Name": "a", "State": "ACTIVE", "JoinedTimestamp": joined}]},
        {"Accounts": [{"Id": "444455556666", "Name": "b", "State": "PENDING_CLOSURE", "Status": "ACTIVE"}]},
        {"Accounts": [{"Id": "777788889999", "Name": "c", "Status": "ACTIVE"}]},
    ]
    found = list(list_accounts(FakeOrganizations(pages)))
    assert [(each.id, each.state) for each in found] == [
        ("111122223333", "ACTIVE"),
        ("444455556666", "PENDING_CLOSURE"),
        ("777788889999", "ACTIVE"),
    ]
    assert found[0].joined == int(joined.timestamp())
    assert [each.id for each in active_accounts(FakeOrganizations(pages))] == ["111122223333", "777788889999"]


@pytest.mark.parametrize("code", ["AccessDeniedException", "AWSOrganizationsNotInUseException"])
def test_without_permission_or_organization_the_result_is_none(code):
    assert active_accounts(FakeOrganizations(error=code)) is None


def test_another_error_of_organizations_is_raised():
    with pytest.raises(ClientError, match="TooManyRequests"):
        active_accounts(FakeOrganizations(error="TooManyRequestsException"))
