"""The table of rules: what a Modify learns from it, and that it never costs an alert."""

import logging
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from gatewatch.alerts.rule_history import recalled
from gatewatch.alerts.rule_history_table import TableRules
from gatewatch.model.api_call import Actor, ApiCall, Via
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.security_group import CidrPeer, PortRange, SecurityGroupRule, Traffic

START = datetime(2026, 1, 24, 3, 45, tzinfo=UTC)
RULE = "sgr-0123456789abcdef0"


def call(number, minutes=None, **fields):
    whole = {
        "event_id": f"event-{number}",
        "event_name": "ModifySecurityGroupRules",
        "event_source": "ec2.amazonaws.com",
        "time": START + timedelta(minutes=number if minutes is None else minutes),
        "account_id": "111122223333",
        "region": "eu-west-1",
        "actor": Actor("alice", "IAMUser"),
        "via": Via.CLI,
        "source_ip": None,
        "error_code": None,
        "request": None,
        "response": None,
        "record": {},
    }
    return ApiCall(**whole | fields)


def rule(cidr, rule_id=RULE):
    return SecurityGroupRule(rule_id=rule_id, traffic=Traffic("tcp", PortRange(22, 22)), peer=CidrPeer(cidr))


def change(cidr, action=Action.MODIFY, rule_id=RULE):
    return Change(family=Family.SECURITY_GROUP, action=action, outcome=Outcome.APPLIED, rule=rule(cidr, rule_id))


class Table:
    """DynamoDB's two batch calls. `faults` are raised in turn; `unprocessed` answers leave everything to do."""

    def __init__(self):
        self.rows, self.faults, self.requests, self.unprocessed = {}, [], [], 0

    def _step(self, wanted):
        self.requests.append(wanted)
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        self.unprocessed -= 1
        return self.unprocessed >= 0

    def batch_get_item(self, *, RequestItems):  # noqa: N803
        if self._step(RequestItems):
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        ((table, wanted),) = RequestItems.items()
        assert len(wanted["Keys"]) <= 100
        found = [self.rows[key["pk"]["S"]] for key in wanted["Keys"] if key["pk"]["S"] in self.rows]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def batch_write_item(self, *, RequestItems):  # noqa: N803
        if self._step(RequestItems):
            return {"UnprocessedItems": RequestItems}
        ((_, requests),) = RequestItems.items()
        assert len(requests) <= 25
        for each in requests:
            if "PutRequest" in each:
                self.rows[each["PutRequest"]["Item"]["pk"]["S"]] = each["PutRequest"]["Item"]
            else:
                self.rows.pop(each["DeleteRequest"]["Key"]["pk"]["S"], None)
        return {"UnprocessedItems": {}}


class Ticking:
    def __init__(self, step=0.0):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


@pytest.fixture
def table():
    return Table()


def rules(table, clock=None):
    return TableRules(table, "gatewatch-test", logging.getLogger("test"), lambda: 1000.0, clock or Ticking())


def before(table, *changes, of, memory=None):
    told = recalled(changes, of, memory or rules(table))
    return [each.previous.peer.cidr if each.previous else None for each in told]


def test_another_process_knows_what_a_rule_was(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    assert before(table, change("0.0.0.0/0"), of=call(2)) == ["10.0.0.0/8"]
    assert before(table, change("10.1.0.0/16"), of=call(3)) == ["0.0.0.0/0"]


def test_a_call_that_comes_again_gets_the_same_answer(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    assert before(table, change("0.0.0.0/0"), of=call(2)) == ["10.0.0.0/8"]
    assert before(table, change("0.0.0.0/0"), of=call(2)) == ["10.0.0.0/8"]


def test_a_call_that_comes_late_neither_learns_from_its_future_nor_overwrites_it(table):
    before(table, change("10.0.0.0/8"), of=call(5))
    assert before(table, change("0.0.0.0/0"), of=call(2)) == [None]
    assert before(table, change("10.9.0.0/16"), of=call(6)) == ["10.0.0.0/8"]


def test_a_revoked_rule_is_forgotten(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    before(table, change("10.0.0.0/8", Action.REVOKE), of=call(2))
    assert table.rows == {}


def test_another_account_learns_nothing(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    assert before(table, change("0.0.0.0/0"), of=call(2, account_id="444455556666")) == [None]


def test_a_call_of_many_rules_reads_by_hundreds_and_writes_by_twenty_fives(table):
    names = [f"sgr-{number:017x}" for number in range(120)]
    before(table, *(change("10.0.0.0/8", Action.AUTHORIZE, each) for each in names), of=call(1))
    assert len(table.rows) == 120
    assert len(table.requests) == 2 + 5
    assert before(table, *(change("0.0.0.0/0", rule_id=each) for each in names), of=call(2)) == ["10.0.0.0/8"] * 120


def test_a_rule_is_kept_for_more_than_a_year_and_not_for_ever(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    (row,) = table.rows.values()
    assert int(row["expires"]["N"]) == 1000 + 400 * 86400


@pytest.mark.parametrize(
    "fault",
    [
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "BatchGetItem"),
        ReadTimeoutError(endpoint_url="https://table.example"),
    ],
    ids=["throttled", "slow"],
)
def test_a_table_that_fails_costs_the_previous_and_is_left_alone_for_a_while(table, fault):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    clock, asked = Ticking(), len(table.requests)
    memory = rules(table, clock)
    table.faults = [fault]
    assert before(table, change("0.0.0.0/0"), of=call(2), memory=memory) == [None]
    assert before(table, change("0.0.0.0/0"), of=call(3), memory=memory) == [None]
    assert len(table.requests) == asked + 1
    clock.now += 31
    assert before(table, change("0.0.0.0/0"), of=call(4), memory=memory) == ["10.0.0.0/8"]


def test_a_table_that_answers_only_in_parts_is_not_waited_for(table):
    table.unprocessed = 10_000
    assert before(table, change("0.0.0.0/0"), of=call(1), memory=rules(table, Ticking(0.2))) == [None]
    assert len(table.requests) < 10


def test_what_was_left_unprocessed_is_asked_again(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    table.unprocessed = 1
    assert before(table, change("0.0.0.0/0"), of=call(2)) == ["10.0.0.0/8"]


def test_a_row_of_another_form_is_not_known(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    (row,) = table.rows.values()
    row["rule"] = {"S": msgspec.json.encode({"form": "of the future"}).decode()}
    assert before(table, change("0.0.0.0/0"), of=call(2)) == [None]


def test_an_event_without_a_time_learns_and_teaches_nothing(table):
    assert before(table, change("0.0.0.0/0"), of=call(1, time=None)) == [None]
    assert table.rows == {}


SEEN = rule("10.0.0.0/8")


def seen_at(table, minutes, form=SEEN, memory=None):
    at = (START + timedelta(minutes=minutes)).timestamp()
    (memory or rules(table)).learn("111122223333", {RULE: msgspec.structs.replace(form, direction="ingress")}, at)


def previous_of(table, made, of):
    told = recalled([made], of, rules(table))
    return [each.previous.peer.cidr if each.previous else None for each in told]


def test_a_rule_that_was_seen_is_what_a_later_call_found(table):
    seen_at(table, 1)
    assert previous_of(table, change("0.0.0.0/0"), call(2)) == ["10.0.0.0/8"]


def test_a_rule_that_was_seen_is_not_what_an_earlier_call_found(table):
    seen_at(table, 5)
    assert previous_of(table, change("0.0.0.0/0"), call(2)) == [None]


def test_an_earlier_call_that_comes_after_a_look_does_not_change_what_was_seen(table):
    seen_at(table, 5)
    before(table, change("172.16.0.0/12"), of=call(2))
    assert previous_of(table, change("0.0.0.0/0"), call(6)) == ["10.0.0.0/8"]


def test_a_call_that_a_look_may_have_missed_is_news_but_learns_nothing_from_it(table):
    seen_at(table, 5)
    just_before = call(1, minutes=4.75)
    assert previous_of(table, change("172.16.0.0/12"), just_before) == [None]
    assert previous_of(table, change("172.16.0.0/12"), just_before) == [None]
    assert previous_of(table, change("0.0.0.0/0"), call(6)) == ["172.16.0.0/12"]


def test_a_look_that_tells_what_a_call_told_leaves_the_row_as_the_call_wrote_it(table):
    before(table, change("10.0.0.0/8"), of=call(1))
    before(table, change("172.16.0.0/12"), of=call(2))
    seen_at(table, 3, rule("172.16.0.0/12"))
    assert previous_of(table, change("172.16.0.0/12"), call(2)) == ["10.0.0.0/8"]


def test_a_look_tells_the_direction_of_a_rule_that_calls_told_without_it(table):
    before(table, change("172.16.0.0/12"), of=call(2))
    seen_at(table, 2.1, rule("172.16.0.0/12"))
    (told,) = recalled([change("0.0.0.0/0")], call(3), rules(table))
    assert (told.rule.direction, told.previous.peer.cidr) == ("ingress", "172.16.0.0/12")


def test_a_look_just_after_a_call_may_be_behind_it_and_does_not_overwrite_it(table):
    before(table, change("172.16.0.0/12"), of=call(2))
    seen_at(table, 2.4)
    assert previous_of(table, change("0.0.0.0/0"), call(3)) == ["172.16.0.0/12"]


def test_a_look_long_after_a_call_knows_of_changes_that_nobody_told(table):
    before(table, change("172.16.0.0/12"), of=call(2))
    seen_at(table, 9)
    assert previous_of(table, change("0.0.0.0/0"), call(10)) == ["10.0.0.0/8"]


def test_a_look_at_a_large_group_writes_some_rules_now_and_the_others_after_the_next(table):
    memory = rules(table)
    forms = {f"sgr-{number:017x}": rule("10.0.0.0/8", f"sgr-{number:017x}") for number in range(300)}
    memory.learn("111122223333", forms, START.timestamp())
    assert len(table.rows) == 200
    memory.learn("111122223333", forms, START.timestamp() + 60)
    assert len(table.rows) == 300


def test_a_table_that_fails_while_learning_is_left_alone_for_a_while_as_well(table):
    memory = rules(table)
    table.faults = [ReadTimeoutError(endpoint_url="https://table.example")]
    seen_at(table, 1, memory=memory)
    seen_at(table, 1, memory=memory)
    assert (len(table.requests), table.rows) == (1, {})


def test_a_look_between_the_memory_of_a_call_and_its_note_does_not_mix_with_it(table):
    memory = rules(table)
    call_two = call(2)
    memory.recall(call_two, [RULE])
    seen_at(table, 1, memory=memory)
    memory.remember(call_two, {RULE: rule("0.0.0.0/0")})
    assert previous_of(table, change("0.0.0.0/1"), call(3)) == ["0.0.0.0/0"]


def test_a_rule_named_by_its_id_alone_is_remembered_for_whoever_words_it(table):
    seen_at(table, 1)
    nameless = Change(
        family=Family.SECURITY_GROUP,
        action=Action.REVOKE,
        outcome=Outcome.APPLIED,
        rule=SecurityGroupRule(rule_id=RULE),
    )
    (told,) = recalled([nameless], call(2), rules(table))
    assert (told.remembered.peer.cidr, told.rule.peer, told.previous) == ("10.0.0.0/8", None, None)
    assert table.rows == {}
