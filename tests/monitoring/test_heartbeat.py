from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from gatewatch.aws.organizations import Member, active_members, members
from gatewatch.config.settings import load_settings
from gatewatch.errors import TransientDeliveryError
from gatewatch.events.canary import Canary, Place
from gatewatch.handlers.heartbeat import HeartbeatStage
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.monitoring.heartbeat.judge import GRACE_SECONDS, Finding, Findings, Heard, judge
from gatewatch.monitoring.heartbeat.messages import heartbeat_messages
from gatewatch.monitoring.heartbeat.store import LastSeen, Told
from gatewatch.rendering.slack_validation import problems

NOW = 1_795_230_000
HOUR = 3600
SEOUL = Place("111122223333", "ap-northeast-2")
VIRGINIA = Place("111122223333", "us-east-1")
LONG_AGO = Told(since=NOW - 30 * 24 * HOUR)


def heard(seen, expected=(), now=NOW):
    return Heard(seen, frozenset(expected), now, HOUR)


def test_a_place_that_is_heard_of_is_nothing_to_tell():
    assert judge(heard({SEOUL: NOW - 60}, [SEOUL.account_id]), LONG_AGO) == (Findings(), LONG_AGO)


def test_a_place_falls_silent_when_it_was_not_heard_of_for_longer_than_agreed():
    seen = {SEOUL: NOW - HOUR - 1, VIRGINIA: NOW - HOUR}
    findings, told = judge(heard(seen), LONG_AGO)
    assert findings == Findings(silent=(Finding(SEOUL, NOW - HOUR - 1),))
    assert told.silent == {str(SEOUL): NOW - HOUR - 1}


def test_silence_is_told_once():
    _, told = judge(heard({SEOUL: NOW - 2 * HOUR}), LONG_AGO)
    findings, later = judge(heard({SEOUL: NOW - 2 * HOUR}, now=NOW + HOUR), told)
    assert findings.is_empty
    assert later == told


def test_a_place_that_is_heard_of_again_is_told_with_the_time_of_its_silence_and_may_fall_silent_anew():
    _, told = judge(heard({SEOUL: NOW - 2 * HOUR}), LONG_AGO)
    findings, told = judge(heard({SEOUL: NOW}), told)
    assert findings == Findings(back=(Finding(SEOUL, NOW - 2 * HOUR),))
    findings, _ = judge(heard({SEOUL: NOW}, now=NOW + 2 * HOUR), told)
    assert findings == Findings(silent=(Finding(SEOUL, NOW),))


def test_an_account_that_never_reported_is_told_once_and_no_more_when_it_reports():
    findings, told = judge(heard({SEOUL: NOW}, [SEOUL.account_id, "444455556666"]), LONG_AGO)
    assert findings == Findings(unheard=("444455556666",))
    assert judge(heard({SEOUL: NOW}, ["444455556666"]), told)[0].is_empty
    findings, told = judge(heard({Place("444455556666", "us-east-1"): NOW, SEOUL: NOW}, ["444455556666"]), told)
    assert findings.is_empty
    assert told.unheard == ()


def test_a_new_hub_waits_for_its_members_before_it_calls_them_unheard():
    young = Told(since=NOW)
    assert judge(heard({}, ["444455556666"], NOW + GRACE_SECONDS - 1), young)[0].is_empty
    assert judge(heard({}, ["444455556666"], NOW + GRACE_SECONDS), young)[0].unheard == ("444455556666",)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settings")
    accounts, policy = folder / "accounts.yaml", folder / "policy.yaml"
    accounts.write_text('accounts: {"111122223333": {alias: "pay <!here> *prod*"}}')
    policy.write_text("destinations: {sec: {kind: slack_webhook, url: {ssm: /x}}}\nroutes: [{to: [sec]}]")
    return load_settings(accounts, policy)


def payload(message):
    return json.loads(message.body)


def test_each_kind_of_finding_is_one_message_that_slack_takes(settings):
    findings = Findings((Finding(SEOUL, NOW),), (Finding(VIRGINIA, NOW),), ("444455556666",))
    told = heartbeat_messages(findings, settings)
    assert [payload(each)["attachments"][0]["fallback"] for each in told] == [
        "🔇 1 place fell silent",
        "🔇 1 account never reported",
        "🔊 1 place heard again",
    ]
    assert [each.severity for each in told] == ["high", "high", "info"]
    assert {each.destination for each in told} == {"sec"}
    assert not [problem for each in told for problem in problems(payload(each))]


def test_an_alias_is_only_text(settings):
    (message,) = heartbeat_messages(Findings(silent=(Finding(SEOUL, NOW),)), settings)
    assert "<!here>" not in message.body
    assert "2026-11-21 03:00 UTC" in message.body


def test_bad_news_and_good_news_have_their_colours(settings):
    findings = Findings((Finding(SEOUL, NOW),), (Finding(VIRGINIA, NOW),))
    colors = [payload(each)["attachments"][0]["color"] for each in heartbeat_messages(findings, settings)]
    assert colors == [settings.colors.high, settings.colors.resolved]


def test_many_places_are_counted_and_the_first_of_them_listed(settings):
    places = tuple(Finding(Place(f"{number:012}", "us-east-1"), NOW) for number in range(400))
    (message,) = heartbeat_messages(Findings(silent=places), settings)
    assert "🔇 400 places fell silent" in message.body
    assert "… and 375 more" in message.body
    assert not problems(payload(message))


def test_the_same_finding_has_the_same_key_and_another_one_another(settings):
    def key(last):
        return heartbeat_messages(Findings(silent=(Finding(SEOUL, last),)), settings)[0].key

    assert key(NOW) == key(NOW)
    assert key(NOW) != key(NOW - 60)


@pytest.fixture(scope="module")
def dynamodb():
    with Cloud() as cloud:
        client = cloud.session(HUB_ACCOUNT, HUB_REGION).client("dynamodb")
        client.create_table(
            TableName="gatewatch-test",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def test_every_place_is_remembered_and_the_latest_canary_counts(dynamodb):
    last_seen = LastSeen(dynamodb, "gatewatch-test")
    other = Place("444455556666", "us-east-1")
    for canary in (Canary(SEOUL, NOW), Canary(VIRGINIA, NOW), Canary(SEOUL, NOW + 60), Canary(other, NOW)):
        last_seen.record(canary)
    last_seen.record(Canary(SEOUL, NOW - HOUR))
    assert last_seen.read() == {SEOUL: NOW + 60, VIRGINIA: NOW, other: NOW}


def test_what_was_told_is_remembered_from_the_first_heartbeat_on(dynamodb):
    last_seen = LastSeen(dynamodb, "gatewatch-test")
    assert last_seen.told(NOW) == Told(since=NOW)
    told = Told(since=NOW, silent={str(SEOUL): NOW}, unheard=("444455556666",))
    last_seen.remember(told)
    assert last_seen.told(NOW + 60) == told


class Stubborn:
    """A table that never answers for all keys, and takes no row."""

    def batch_get_item(self, **request):
        return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}

    def update_item(self, **_):
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem")


def test_a_table_that_does_not_answer_is_no_silence():
    with pytest.raises(TransientDeliveryError, match="cannot be read"):
        LastSeen(Stubborn(), "t").read()
    with pytest.raises(TransientDeliveryError, match="cannot be recorded"):
        LastSeen(Stubborn(), "t").record(Canary(SEOUL, NOW))


class FakeLastSeen:
    def __init__(self, seen, told):
        self.seen, self.known = seen, told

    def read(self):
        return self.seen

    def told(self, _now):
        return self.known

    def remember(self, told):
        self.known = told


class FakeOutbox:
    def __init__(self):
        self.messages = []

    def put(self, messages):
        self.messages += messages


def stage(settings, last_seen, outbox, organization):
    log = logging.getLogger("heartbeat")
    return HeartbeatStage(settings, last_seen, outbox, lambda: organization, lambda: NOW, HOUR, log)


def test_a_heartbeat_tells_what_is_new_and_the_next_one_nothing(settings):
    last_seen, outbox = FakeLastSeen({SEOUL: NOW - 2 * HOUR}, LONG_AGO), FakeOutbox()
    beat = stage(settings, last_seen, outbox, [Member("444455556666", "dev", "ACTIVE", NOW - 24 * HOUR)])
    beat.run()
    assert [each.severity for each in outbox.messages] == ["high", "high"]
    beat.run()
    assert len(outbox.messages) == 2


def test_an_account_that_joined_just_now_is_not_expected_yet(settings):
    last_seen, outbox = FakeLastSeen({SEOUL: NOW}, LONG_AGO), FakeOutbox()
    stage(settings, last_seen, outbox, [Member("444455556666", "dev", "ACTIVE", NOW - 60)]).run()
    assert outbox.messages == []


def test_without_an_organization_accounts_yaml_says_who_is_expected(settings):
    last_seen, outbox = FakeLastSeen({}, LONG_AGO), FakeOutbox()
    stage(settings, last_seen, outbox, None).run()
    assert last_seen.known.unheard == ("111122223333",)


def test_an_outbox_that_does_not_take_the_message_leaves_it_to_be_told(settings):
    class Full:
        def put(self, _messages):
            raise TransientDeliveryError("full")

    last_seen = FakeLastSeen({SEOUL: NOW - 2 * HOUR}, LONG_AGO)
    with pytest.raises(TransientDeliveryError):
        stage(settings, last_seen, Full(), None).run()
    assert last_seen.known == LONG_AGO


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


def test_members_are_read_from_every_page_and_state_wins_over_the_status_that_retires():
    joined = datetime(2026, 1, 2, tzinfo=UTC)
    pages = [
        {"Accounts": [], "NextToken": "more"},
        {"Accounts": [{"Id": "111122223333", "Name": "a", "State": "ACTIVE", "JoinedTimestamp": joined}]},
        {"Accounts": [{"Id": "444455556666", "Name": "b", "State": "PENDING_CLOSURE", "Status": "ACTIVE"}]},
        {"Accounts": [{"Id": "777788889999", "Name": "c", "Status": "ACTIVE"}]},
    ]
    found = list(members(FakeOrganizations(pages)))
    assert [(each.id, each.state) for each in found] == [
        ("111122223333", "ACTIVE"),
        ("444455556666", "PENDING_CLOSURE"),
        ("777788889999", "ACTIVE"),
    ]
    assert found[0].joined == int(joined.timestamp())
    assert [each.id for each in active_members(FakeOrganizations(pages))] == ["111122223333", "777788889999"]


@pytest.mark.parametrize("code", ["AccessDeniedException", "AWSOrganizationsNotInUseException"])
def test_who_may_not_ask_gets_none(code):
    assert active_members(FakeOrganizations(error=code)) is None


def test_another_error_of_organizations_is_raised():
    with pytest.raises(ClientError, match="TooManyRequests"):
        active_members(FakeOrganizations(error="TooManyRequestsException"))
