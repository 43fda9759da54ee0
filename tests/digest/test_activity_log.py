"""The day book: a digest of what it keeps is the digest of the events, and keeping it costs no alert anything."""

import json
import logging
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from moto import mock_aws

from gatewatch.alerts.suppression import excepted
from gatewatch.aws import metrics as meter
from gatewatch.aws.clients import Aws
from gatewatch.config.settings import load_settings
from gatewatch.config.suppression_rules import Effect, ExceptionMatch, PolicyException
from gatewatch.digest.activity import Entry, noted
from gatewatch.digest.activity_log import GATES, OPENED_SECONDS, DayBook, day_of
from gatewatch.digest.activity_log_reader import DayBookReader
from gatewatch.digest.open_exposures import gates
from gatewatch.digest.summary import Period, digest, digest_of
from support.activity_log import START, TABLE, Clock, Counts, make_table
from support.paths import ROOT

SETTINGS = msgspec.structs.replace(
    load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml"),
    exceptions=(
        PolicyException(
            id="rdp-of-alice",
            match=ExceptionMatch(port=3389, actor="alice"),
            effect=Effect.MUTE,
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


def book(dynamodb, clock=None, count=None, **more):
    clock = clock or Clock()
    return DayBook(dynamodb, TABLE, logging.getLogger("test"), count or Counts(), clock.now, clock.now, **more)


def told(alert):
    return excepted(alert, SETTINGS.exceptions, alert.call.time).alert


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
    rules = build.rule_set(build.answered(step["rule"], **answer)) if step["named"] else None
    by_id = {"securityGroupRuleIds": {"items": [{"securityGroupRuleId": step["rule"]}]}}
    new = {"IpProtocol": "tcp", "FromPort": step["port"], "ToPort": step["port"], "CidrIpv4": step["peer"]}
    made = {
        "authorize": build.authorize(item, response=rules),
        "refused": build.authorize(item, **build.refused()),
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


@given(story=st.lists(steps, min_size=1, max_size=25), seed=st.integers(0, 2**32))
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_digest_of_the_book_is_that_of_the_events_whatever_their_order_and_however_often(
    build, results, dynamodb, story, seed
):
    alerts = results(build.text(*(record(build, number, step) for number, step in enumerate(story))))
    expected = digest_of([noted(each, told(each)) for each in alerts], SETTINGS)
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    arrived = [*alerts, *chance.choices(alerts, k=len(alerts) // 2)]
    chance.shuffle(arrived)
    dynamodb.delete_table(TableName=TABLE)
    make_table(dynamodb)
    while arrived:
        writer, batch = book(dynamodb), chance.randint(1, 10)
        for alert in arrived[:batch]:
            writer.note(alert, told(alert))
        writer.write()
        arrived = arrived[batch:]
    assert read(dynamodb, expected.period) == expected


@given(
    story=st.lists(
        st.tuples(
            st.sampled_from(("authorize", "revoke by id", "modify", "delete", "refused")),
            st.sampled_from(RULES),
            st.sampled_from(PEERS),
        ),
        min_size=1,
        max_size=20,
    )
)
@hypothesis_settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_rule_stands_open_when_the_last_that_was_done_to_it_left_it_so(build, results, story):
    """Told once more, rule by rule: every call names the id, and each has its own second."""
    group_of = dict(zip(RULES, (GROUPS[0], GROUPS[0], GROUPS[1]), strict=True))
    fixed = {"port": 22, "named": True, "actor": "bob", "account": "111122223333"}
    records, open_since = [], {}
    for number, (what, rule, peer) in enumerate(story):
        step = {**fixed, "what": what, "rule": rule, "peer": peer, "group": group_of[rule], "seconds": number}
        records.append(record(build, number, step))
        if what in {"authorize", "modify"} and peer == "0.0.0.0/0":
            open_since.setdefault(rule, START + timedelta(seconds=number))
        elif what in {"revoke by id", "modify"}:
            open_since.pop(rule, None)
        elif what == "delete":
            open_since = {each: since for each, since in open_since.items() if group_of[each] != group_of[rule]}
    found = digest_of([noted(each, told(each)) for each in results(build.text(*records))], SETTINGS)
    assert {gate.rule.change.rule.rule_id: gate.since for gate in found.open} == open_since


def read(dynamodb, period):
    reader = DayBookReader(dynamodb, TABLE, Clock().now)
    found = gates(each.step for each in reader.steps())
    made = digest(reader.entries(period.first, period.last), found, period, SETTINGS)
    assert not reader.unread
    return made


@pytest.fixture
def alerts(results, build):
    def run(count, **fields):
        item = build.item(v4=["0.0.0.0/0"])
        return results(build.text(*(build.authorize(item, eventID=f"event-{each}", **fields) for each in range(count))))

    return run


class Table:
    """BatchWriteItem alone. `faults` are raised in turn; `unprocessed` answers leave everything to do."""

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


def kept(table, alerts, clock=None):
    counts, clock = Counts(), clock or Clock()
    writer = book(table, clock, counts)
    for alert in alerts:
        writer.note(alert, told(alert))
    writer.write()
    return writer, counts.counted


def test_nothing_is_written_before_the_end_of_an_invocation_and_then_all_at_once(alerts):
    table = Table()
    writer = book(table)
    for alert in alerts(10):
        writer.note(alert, told(alert))
    assert not table.requests
    writer.write()
    assert len(table.requests) == 1
    assert len(table.rows) == 20  # an entry and a step each
    writer.write()
    assert len(table.requests) == 1


def test_an_event_that_is_told_twice_in_one_batch_is_one_row(alerts):
    table = Table()
    (alert,) = alerts(1)
    _, counted = kept(table, [alert, alert])
    assert len(table.rows) == 2
    assert not counted


@pytest.mark.parametrize("faults", [[throttled()], [ReadTimeoutError(endpoint_url="x"), throttled()]])
def test_a_request_that_fails_is_tried_again_and_costs_nothing(alerts, faults):
    table = Table(*faults)
    _, counted = kept(table, alerts(30))
    assert len(table.rows) == 60
    assert not counted


def test_what_dynamodb_left_undone_is_done_again(alerts):
    table = Table(unprocessed=2)
    kept(table, alerts(3))
    assert len(table.rows) == 6


def test_a_table_that_does_not_answer_is_left_alone_for_a_while_and_every_event_it_lacks_is_counted(alerts):
    clock = Clock()
    table = Table(throttled(), throttled(), throttled())
    writer, counted = kept(table, alerts(3), clock)
    assert counted == {meter.UNBOOKED: 3}
    (alert,) = alerts(1)
    writer.note(alert, alert)
    writer.write()
    assert len(table.requests) == 3
    assert counted == {meter.UNBOOKED: 4}
    clock.at += 31
    writer.note(alert, alert)
    writer.write()
    assert len(table.rows) == 2
    assert counted == {meter.UNBOOKED: 4}


def test_all_the_requests_of_an_invocation_have_two_seconds(alerts):
    clock = Clock()
    table = Table(takes=0.5, clock=clock)
    _, counted = kept(table, alerts(200), clock)
    assert len(table.requests) == 5
    assert counted[meter.UNBOOKED] == 200


def test_what_cannot_be_noted_stops_nothing_and_is_counted(alerts):
    counts = Counts()
    writer = book(Table(), count=counts)
    (alert,) = alerts(1)
    writer.note(msgspec.structs.replace(alert, changes=None), alert)
    writer.write()
    assert counts.counted == {meter.UNBOOKED: 1}


def test_an_alert_without_a_time_is_of_no_day(alerts):
    table = Table()
    _, counted = kept(table, alerts(1, eventTime=...))
    assert (table.requests, counted) == ([], {})


def test_of_an_event_only_names_and_numbers_are_kept(alerts):
    table = Table()
    kept(table, alerts(1, userAgent="sEcReT", sourceIPAddress="198.51.100.99"))
    text = json.dumps([row["PutRequest"] for row in table.rows.values()])
    assert "sEcReT" not in text
    assert "198.51.100.99" not in text


def test_a_gate_is_kept_longer_than_an_entry_and_what_closes_it_longer_still(alerts, results, build):
    table = Table()
    closing = results(build.text(build.revoke(build.item(v4=["0.0.0.0/0"]), eventID="closing")))
    kept(table, [*alerts(1), *closing])
    days = {}
    for (pk, _), row in table.rows.items():
        item = row["PutRequest"]["Item"]
        kind = json.loads(item["kept"]["S"]).get("type", "entry") if pk == GATES else "entry"
        days[kind] = (int(item["expires"]["N"]) - START.timestamp()) / 86400
    assert days == {"entry": 40, "opened": 400, "closed": 460}


def test_a_revoked_rule_that_was_no_gate_takes_no_row(results, build):
    table = Table()
    kept(table, results(build.text(build.revoke(build.item(v4=["10.0.0.0/24"])))))
    assert [pk for pk, _ in table.rows] == [day_of(datetime(2026, 1, 24, 3, tzinfo=UTC))]


def test_rows_that_have_expired_or_are_of_another_form_are_passed_over_and_the_latter_counted(dynamodb, alerts):
    clock = Clock()
    writer = book(dynamodb, clock)
    for alert in alerts(2):
        writer.note(alert, told(alert))
    writer.write()
    for pk in (GATES, day_of(START)):
        strange = {"pk": {"S": pk}, "sk": {"S": "x"}, "kept": {"S": "{}"}, "expires": {"N": "99999999999"}}
        dynamodb.put_item(TableName=TABLE, Item=strange)
    reader = DayBookReader(dynamodb, TABLE, clock.now)
    entries = list(reader.entries(START - timedelta(hours=1), START))
    assert {each.key for each in entries} == {"event-0", "event-1"}
    assert all(isinstance(each, Entry) for each in entries)
    assert len(list(reader.steps())) == 2
    assert reader.unread == 2
    clock.at += OPENED_SECONDS
    assert list(reader.steps()) == []


def test_a_gate_that_is_open_for_very_long_is_kept_on(dynamodb, alerts):
    clock = Clock()
    writer = book(dynamodb, clock)
    writer.note(alerts(1)[0], alerts(1)[0])
    writer.write()
    reader = DayBookReader(dynamodb, TABLE, clock.now)
    (before,) = reader.steps()
    reader.prolong([before])
    assert list(reader.steps()) == [before]
    clock.at += OPENED_SECONDS - 86400
    reader.prolong([before])
    (after,) = reader.steps()
    assert after.step == before.step
    assert after.expires == int(clock.at) + OPENED_SECONDS


def test_the_book_begins_when_it_is_first_looked_at_and_anew_after_days_of_silence(dynamodb):
    clock = Clock()
    reader = DayBookReader(dynamodb, TABLE, clock.now)
    for _ in range(200):
        assert reader.began() == START
        clock.at += 3600
    clock.at += 3 * 86400
    assert reader.began() == datetime.fromtimestamp(clock.at, UTC)


def test_what_was_told_is_known(dynamodb):
    reader = DayBookReader(dynamodb, TABLE, Clock().now)
    assert not reader.is_told("2026-01-24+1")
    reader.tell("2026-01-24+1")
    assert reader.is_told("2026-01-24+1")
    assert not reader.is_told("2026-01-25+1")


def test_a_book_that_cannot_be_read_is_no_quiet_day(dynamodb):
    dynamodb.delete_table(TableName=TABLE)
    reader = DayBookReader(dynamodb, TABLE, Clock().now)
    with pytest.raises(ClientError):
        list(reader.entries(START, START))
    with pytest.raises(ClientError):
        list(reader.steps())


def test_a_period_includes_both_its_ends():
    period = Period(START, START + timedelta(days=1), START + timedelta(days=1))
    assert [period.holds(START + timedelta(days=each)) for each in (-0.001, 0, 1, 1.001)] == [False, True, True, False]


def test_a_long_day_is_read_page_by_page(dynamodb, build, results):
    groups = [build.authorize(build.item(v4=["0.0.0.0/0"]), eventID=f"event-{each}") for each in range(120)]
    noisy = [each | {"userIdentity": build.ALICE | {"userName": "n" * 20_000}} for each in groups]
    writer = book(dynamodb)
    for alert in results(build.text(*noisy)):
        writer.note(alert, told(alert))
    writer.write()
    reader = DayBookReader(dynamodb, TABLE, Clock().now)
    assert len(list(reader.entries(START - timedelta(hours=20), START))) == 120
