"""The activity log: its digest equals that of the events, and writing it never fails an alert."""

import json
import logging
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from gatewatch.alerts.suppression import suppress
from gatewatch.aws import metrics
from gatewatch.aws.clients import Aws
from gatewatch.config.settings import load_settings
from gatewatch.config.suppression_rules import ExceptionEffect, ExceptionMatch, PolicyException
from gatewatch.digest.activity import AlertSummary, activity_of
from gatewatch.digest.activity_log import EXPOSURES, OPENED_SECONDS, ActivityLog, day_of
from gatewatch.digest.activity_log_reader import ActivityLogReader
from gatewatch.digest.open_exposures import resolve_exposures
from gatewatch.digest.summary import summarize, summarize_activity
from gatewatch.model.digest import Period
from support.activity_log import START, TABLE, Clock, Counts, make_table
from support.paths import ROOT

SETTINGS = msgspec.structs.replace(
    load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml"),
    exceptions=(
        PolicyException(
            id="rdp-of-alice",
            match=ExceptionMatch(port=3389, actor="alice"),
            effect=ExceptionEffect.MUTE,
            owner="@payments",
            reason="a lab",
            ticket="SEC-2",
            expires=datetime(2030, 1, 1, tzinfo=UTC).date(),
        ),
    ),
)
GROUPS, RULES = ("sg-0aaaaaaaaaaaaaaa1", "sg-0bbbbbbbbbbbbbbb2"), ("sgr-1", "sgr-2", "sgr-3")
PEERS = ("0.0.0.0/0", "10.0.0.0/8", "198.51.100.0/24")


@pytest.fixture
def dynamodb(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-2")
    with mock_aws():
        client = Aws().dynamodb
        make_table(client)
        yield client


def log(dynamodb, clock=None, count=None, **more):
    clock = clock or Clock()
    return ActivityLog(dynamodb, TABLE, logging.getLogger("test"), count or Counts(), clock.now, clock.now, **more)


def suppressed(alert):
    return suppress(alert, SETTINGS.exceptions, alert.call.time).alert


steps = st.fixed_dictionaries(
    {
        "what": st.sampled_from(("authorize", "authorize", "revoke", "revoke by id", "modify", "delete", "refused")),
        "group": st.sampled_from(GROUPS),
        "rule": st.sampled_from(RULES),
        "peer": st.sampled_from(PEERS),
        "port": st.sampled_from((22, 3389, 443)),
        "named": st.booleans(),
        "actor": st.sampled_from(("alice", "bob")),
        "account": st.sampled_from(("111122223333", "777788889999")),
        "seconds": st.integers(0, 40_000),
    }
)


def record(build, number, step):
    item = build.item(start=step["port"], end=step["port"], v4=[step["peer"]])
    place = {"groupId": step["group"]}
    answer = {**place, "cidrIpv4": step["peer"], "fromPort": step["port"], "toPort": step["port"]}
    rules = build.rule_set(build.response_rule(step["rule"], **answer)) if step["named"] else None
    by_id = {"securityGroupRuleIds": {"items": [{"securityGroupRuleId": step["rule"]}]}}
    new = {"IpProtocol": "tcp", "FromPort": step["port"], "ToPort": step["port"], "CidrIpv4": step["peer"]}
    made = {
        "authorize": build.authorize(item, response=rules),
        "refused": build.authorize(item, **build.denied()),
        "revoke": build.revoke(item),
        "revoke by id": build.record("RevokeSecurityGroupIngress", by_id, {"_return": True}),
        "modify": build.modify((step["rule"], new)),
        "delete": build.record("DeleteSecurityGroup", {}, {"_return": True}),
    }[step["what"]]
    asked = made["requestParameters"]
    if step["what"] == "modify":
        asked["ModifySecurityGroupRulesRequest"]["GroupId"] = step["group"]
    return made | {
        "requestParameters": asked if step["what"] == "modify" else asked | place,
        "eventID": f"event-{number}",
        "eventTime": f"{START + timedelta(seconds=step['seconds']):%Y-%m-%dT%H:%M:%SZ}",
        "userIdentity": build.ALICE | {"userName": step["actor"]},
        "recipientAccountId": step["account"],
    }


@given(scenario=st.lists(steps, min_size=1, max_size=25), seed=st.integers(0, 2**32))
def test_the_digest_of_the_log_equals_that_of_the_events_in_any_order_and_with_duplicates(
    build, results, dynamodb, scenario, seed
):
    alerts = results(build.text(*(record(build, number, step) for number, step in enumerate(scenario))))
    expected = summarize_activity([activity_of(each, suppressed(each)) for each in alerts], SETTINGS)
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    arrived = [*alerts, *chance.choices(alerts, k=len(alerts) // 2)]
    chance.shuffle(arrived)
    dynamodb.delete_table(TableName=TABLE)
    make_table(dynamodb)
    while arrived:
        writer, batch = log(dynamodb), chance.randint(1, 10)
        for alert in arrived[:batch]:
            writer.record(alert, suppressed(alert))
        writer.flush()
        arrived = arrived[batch:]
    assert read(dynamodb, expected.period) == expected


@given(
    scenario=st.lists(
        st.tuples(
            st.sampled_from(("authorize", "revoke by id", "modify", "delete", "refused")),
            st.sampled_from(RULES),
            st.sampled_from(PEERS),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_a_rule_is_open_when_its_last_change_left_it_open(build, results, scenario):
    """The same as a model per rule: every call has the rule id and its own second, and every rule its own port."""
    group_of = dict(zip(RULES, (GROUPS[0], GROUPS[0], GROUPS[1]), strict=True))
    fixed = {"named": True, "actor": "bob", "account": "111122223333"}
    records, open_since = [], {}
    for number, (what, rule, peer) in enumerate(scenario):
        own = {"port": 22 + RULES.index(rule), "rule": rule, "group": group_of[rule]}
        step = {**fixed, **own, "what": what, "peer": peer, "seconds": number}
        records.append(record(build, number, step))
        if what in {"authorize", "modify"} and peer == "0.0.0.0/0":
            open_since.setdefault(rule, START + timedelta(seconds=number))
        elif what in {"revoke by id", "modify"}:
            open_since.pop(rule, None)
        elif what == "delete":
            open_since = {each: since for each, since in open_since.items() if group_of[each] != group_of[rule]}
    found = summarize_activity(
        [activity_of(each, suppressed(each)) for each in results(build.text(*records))], SETTINGS
    )
    assert {exposure.change.change.rule.rule_id: exposure.since for exposure in found.open} == open_since


def read(dynamodb, period):
    reader = ActivityLogReader(dynamodb, TABLE, Clock().now)
    found = resolve_exposures(each.step for each in reader.steps())
    made = summarize(reader.summaries(period.first, period.last), found, period, SETTINGS)
    assert not reader.unread
    return made


@pytest.fixture
def alerts(results, build):
    def run(count, **fields):
        item = build.item(v4=["0.0.0.0/0"])
        return results(build.text(*(build.authorize(item, eventID=f"event-{each}", **fields) for each in range(count))))

    return run


class Table:
    """BatchWriteItem only. `faults` are raised in turn; `unprocessed` responses leave everything unprocessed."""

    def __init__(self, *faults, unprocessed=0, takes=0.0, clock=None):
        self.faults, self.unprocessed, self.takes, self.clock = list(faults), unprocessed, takes, clock
        self.requests, self.rows = [], {}

    def batch_write_item(self, *, RequestItems):  # noqa: N803
        self.requests.append(RequestItems)
        if self.clock:
            self.clock.at += self.takes
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        self.unprocessed -= 1
        if self.unprocessed >= 0:
            return {"UnprocessedItems": RequestItems}
        (puts,) = RequestItems.values()
        keys = [(put["PutRequest"]["Item"]["pk"]["S"], put["PutRequest"]["Item"]["sk"]["S"]) for put in puts]
        assert len(set(keys)) == len(keys) <= 25, "DynamoDB refuses the request"
        self.rows.update(dict(zip(keys, puts, strict=True)))
        return {}


def throttled():
    return ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "BatchWriteItem")


def recorded(table, alerts, clock=None):
    counts, clock = Counts(), clock or Clock()
    writer = log(table, clock, counts)
    for alert in alerts:
        writer.record(alert, suppressed(alert))
    writer.flush()
    return writer, counts.counted


def test_rows_are_written_by_flush_in_one_request(alerts):
    table = Table()
    writer = log(table)
    for alert in alerts(10):
        writer.record(alert, suppressed(alert))
    assert not table.requests
    writer.flush()
    assert len(table.requests) == 1
    assert len(table.rows) == 20  # an entry and a step each
    writer.flush()
    assert len(table.requests) == 1


def test_a_duplicate_event_in_one_batch_is_one_row(alerts):
    table = Table()
    (alert,) = alerts(1)
    _, counted = recorded(table, [alert, alert])
    assert len(table.rows) == 2
    assert not counted


@pytest.mark.parametrize("faults", [[throttled()], [ReadTimeoutError(endpoint_url="x"), throttled()]])
def test_a_failed_request_is_retried(alerts, faults):
    table = Table(*faults)
    _, counted = recorded(table, alerts(30))
    assert len(table.rows) == 60
    assert not counted


def test_unprocessed_items_are_written_again(alerts):
    table = Table(unprocessed=2)
    recorded(table, alerts(3))
    assert len(table.rows) == 6


def test_an_unavailable_table_pauses_requests_and_missing_events_are_counted(alerts):
    clock = Clock()
    table = Table(throttled(), throttled(), throttled())
    writer, counted = recorded(table, alerts(3), clock)
    assert counted == {metrics.ACTIVITY_NOT_RECORDED: 3}
    (alert,) = alerts(1)
    writer.record(alert, alert)
    writer.flush()
    assert len(table.requests) == 3
    assert counted == {metrics.ACTIVITY_NOT_RECORDED: 4}
    clock.at += 31
    writer.record(alert, alert)
    writer.flush()
    assert len(table.rows) == 2
    assert counted == {metrics.ACTIVITY_NOT_RECORDED: 4}


def test_all_requests_of_an_invocation_share_two_seconds(alerts):
    clock = Clock()
    table = Table(takes=0.5, clock=clock)
    _, counted = recorded(table, alerts(200), clock)
    assert len(table.requests) == 5
    assert counted[metrics.ACTIVITY_NOT_RECORDED] == 200


def test_activity_that_cannot_be_recorded_is_counted(alerts):
    counts = Counts()
    writer = log(Table(), count=counts)
    (alert,) = alerts(1)
    writer.record(msgspec.structs.replace(alert, changes=None), alert)
    writer.flush()
    assert counts.counted == {metrics.ACTIVITY_NOT_RECORDED: 1}


def test_an_alert_without_a_time_is_not_recorded(alerts):
    table = Table()
    _, counted = recorded(table, alerts(1, eventTime=...))
    assert (table.requests, counted) == ([], {})


def test_rows_contain_only_names_and_counts(alerts):
    table = Table()
    recorded(table, alerts(1, userAgent="sEcReT", sourceIPAddress="198.51.100.99"))
    text = json.dumps([row["PutRequest"] for row in table.rows.values()])
    assert "sEcReT" not in text
    assert "198.51.100.99" not in text


def test_openings_live_longer_than_summaries_and_closings_longest(alerts, results, build):
    table = Table()
    closing = results(build.text(build.revoke(build.item(v4=["0.0.0.0/0"]), eventID="closing")))
    recorded(table, [*alerts(1), *closing])
    days = {}
    for (pk, _), row in table.rows.items():
        item = row["PutRequest"]["Item"]
        kind = json.loads(item["value"]["S"]).get("type", "entry") if pk == EXPOSURES else "entry"
        days[kind] = (int(item["expires"]["N"]) - START.timestamp()) / 86400
    assert days == {"entry": 40, "opened": 400, "closed": 460}


def test_a_revoked_rule_without_exposure_has_no_row(results, build):
    table = Table()
    recorded(table, results(build.text(build.revoke(build.item(v4=["10.0.0.0/24"])))))
    assert [pk for pk, _ in table.rows] == [day_of(datetime(2026, 1, 24, 3, tzinfo=UTC))]


def test_expired_rows_are_skipped_and_undecodable_rows_counted(dynamodb, alerts):
    clock = Clock()
    writer = log(dynamodb, clock)
    for alert in alerts(2):
        writer.record(alert, suppressed(alert))
    writer.flush()
    for pk in (EXPOSURES, day_of(START)):
        strange = {"pk": {"S": pk}, "sk": {"S": "x"}, "value": {"S": "{}"}, "expires": {"N": "99999999999"}}
        dynamodb.put_item(TableName=TABLE, Item=strange)
    reader = ActivityLogReader(dynamodb, TABLE, clock.now)
    entries = list(reader.summaries(START - timedelta(hours=1), START))
    assert {each.key for each in entries} == {"event-0", "event-1"}
    assert all(isinstance(each, AlertSummary) for each in entries)
    assert len(list(reader.steps())) == 2
    assert reader.unread == 2
    clock.at += OPENED_SECONDS
    assert list(reader.steps()) == []


def test_the_row_of_a_long_open_exposure_is_extended(dynamodb, alerts):
    clock = Clock()
    writer = log(dynamodb, clock)
    writer.record(alerts(1)[0], alerts(1)[0])
    writer.flush()
    reader = ActivityLogReader(dynamodb, TABLE, clock.now)
    (before,) = reader.steps()
    reader.extend([before])
    assert list(reader.steps()) == [before]
    clock.at += OPENED_SECONDS - 86400
    reader.extend([before])
    (after,) = reader.steps()
    assert after.step == before.step
    assert after.expires == int(clock.at) + OPENED_SECONDS


def test_recording_starts_with_the_first_run_and_restarts_after_days_without_one(dynamodb):
    clock = Clock()
    reader = ActivityLogReader(dynamodb, TABLE, clock.now)
    for _ in range(200):
        assert reader.recording_since() == START
        clock.at += 3600
    clock.at += 3 * 86400
    assert reader.recording_since() == datetime.fromtimestamp(clock.at, UTC)


def test_sent_digests_are_known(dynamodb):
    reader = ActivityLogReader(dynamodb, TABLE, Clock().now)
    assert not reader.is_sent("2026-01-24+1")
    reader.mark_sent("2026-01-24+1")
    assert reader.is_sent("2026-01-24+1")
    assert not reader.is_sent("2026-01-25+1")


def test_an_unreadable_log_raises(dynamodb):
    dynamodb.delete_table(TableName=TABLE)
    reader = ActivityLogReader(dynamodb, TABLE, Clock().now)
    with pytest.raises(ClientError):
        list(reader.summaries(START, START))
    with pytest.raises(ClientError):
        list(reader.steps())


def test_a_period_includes_both_ends():
    period = Period(START, START + timedelta(days=1), START + timedelta(days=1))
    assert [period.contains(START + timedelta(days=each)) for each in (-0.001, 0, 1, 1.001)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_long_day_is_read_in_pages(dynamodb, build, results):
    groups = [build.authorize(build.item(v4=["0.0.0.0/0"]), eventID=f"event-{each}") for each in range(120)]
    noisy = [each | {"userIdentity": build.ALICE | {"userName": "n" * 20_000}} for each in groups]
    writer = log(dynamodb)
    for alert in results(build.text(*noisy)):
        writer.record(alert, suppressed(alert))
    writer.flush()
    reader = ActivityLogReader(dynamodb, TABLE, Clock().now)
    assert len(list(reader.summaries(START - timedelta(hours=20), START))) == 120
