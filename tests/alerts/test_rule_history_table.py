"""The rule history table: it completes a Modify and never fails an alert."""

import logging
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from gatewatch.alerts.rule_history import with_rule_history
from gatewatch.alerts.rule_history_table import LOOKUP, RULES, DynamoRuleHistory, rule_key
from gatewatch.aws.hub_table import HubTable
from gatewatch.model.api_call import AccessMethod, Actor, ApiCall
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
        "via": AccessMethod.CLI,
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
    """DynamoDB's batch requests. `faults` are raised in turn; `unprocessed` responses leave everything unprocessed."""

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


class TickingClock:
    def __init__(self, step=0.0):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


@pytest.fixture
def table():
    return Table()


def rules(table, clock=None):
    hub_table = HubTable(table, "gatewatch-test", lambda: 1000.0)
    return DynamoRuleHistory(hub_table, logging.getLogger("test"), clock or TickingClock())


def before(table, *changes, of, memory=None):
    completed = with_rule_history(changes, of, memory or rules(table))
    return [each.previous.peer.cidr if each.previous else None for each in completed]


def test_another_process_knows_the_previous_rule(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    assert before(table, change("0.0.0.0/0"), of=call(2)) == ["10.0.0.0/8"]
    assert before(table, change("10.1.0.0/16"), of=call(3)) == ["0.0.0.0/0"]


def test_a_repeated_call_gets_the_same_previous_rule(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    assert before(table, change("0.0.0.0/0"), of=call(2)) == ["10.0.0.0/8"]
    assert before(table, change("0.0.0.0/0"), of=call(2)) == ["10.0.0.0/8"]


def test_a_late_call_neither_reads_nor_overwrites_a_later_state(table):
    before(table, change("10.0.0.0/8"), of=call(5))
    assert before(table, change("0.0.0.0/0"), of=call(2)) == [None]
    assert before(table, change("10.9.0.0/16"), of=call(6)) == ["10.0.0.0/8"]


def looked_up(table, cidr, minutes):
    """Save a lookup, as for another alert of the group."""
    at = (START + timedelta(minutes=minutes)).timestamp()
    rules(table).save_current_rules("111122223333", {RULE: rule(cidr)}, at)


def maker(table):
    ((_, state),) = HubTable(table, "gatewatch-test").get_many(RULES, [rule_key("111122223333", RULE)])
    return state.by


def test_a_late_call_replaces_the_lookup_that_saw_its_result(table):
    """Otherwise the sweep would report a rule whose event arrived."""
    looked_up(table, "0.0.0.0/0", 5)
    before(table, change("0.0.0.0/0"), of=call(2))
    assert maker(table) == "event-2"
    assert before(table, change("10.0.0.0/8"), of=call(6)) == ["0.0.0.0/0"]


def test_a_late_call_does_not_replace_a_lookup_of_another_state(table):
    looked_up(table, "10.0.0.0/8", 5)
    before(table, change("0.0.0.0/0"), of=call(2))
    assert maker(table) == LOOKUP


def test_an_old_call_that_is_sent_again_does_not_explain_what_was_changed_back_since(table):
    before(table, change("10.0.0.0/8"), of=call(4))
    looked_up(table, "0.0.0.0/0", 9)
    before(table, change("0.0.0.0/0"), of=call(2))
    assert maker(table) == LOOKUP


def test_a_revoked_rule_is_deleted(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    before(table, change("10.0.0.0/8", Action.REVOKE), of=call(2))
    assert table.rows == {}


def test_another_account_has_no_access_to_the_rule(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    assert before(table, change("0.0.0.0/0"), of=call(2, account_id="444455556666")) == [None]


def test_many_rules_are_read_in_batches_of_100_and_written_in_batches_of_25(table):
    names = [f"sgr-{number:017x}" for number in range(120)]
    before(table, *(change("10.0.0.0/8", Action.AUTHORIZE, each) for each in names), of=call(1))
    assert len(table.rows) == 120
    assert len(table.requests) == 2 + 5
    assert before(table, *(change("0.0.0.0/0", rule_id=each) for each in names), of=call(2)) == ["10.0.0.0/8"] * 120


def test_a_row_expires_after_400_days(table):
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
def test_a_failing_table_costs_the_previous_rule_and_pauses_requests(table, fault):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    clock, asked = TickingClock(), len(table.requests)
    memory = rules(table, clock)
    table.faults = [fault]
    assert before(table, change("0.0.0.0/0"), of=call(2), memory=memory) == [None]
    assert before(table, change("0.0.0.0/0"), of=call(3), memory=memory) == [None]
    assert len(table.requests) == asked + 1
    clock.now += 31
    assert before(table, change("0.0.0.0/0"), of=call(4), memory=memory) == ["10.0.0.0/8"]


def test_unprocessed_keys_are_requested_only_within_the_time_budget(table):
    table.unprocessed = 10_000
    assert before(table, change("0.0.0.0/0"), of=call(1), memory=rules(table, TickingClock(0.2))) == [None]
    assert len(table.requests) < 10


def test_unprocessed_keys_are_requested_again(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    table.unprocessed = 1
    assert before(table, change("0.0.0.0/0"), of=call(2)) == ["10.0.0.0/8"]


def test_a_row_that_cannot_be_decoded_is_unknown(table):
    before(table, change("10.0.0.0/8", Action.AUTHORIZE), of=call(1))
    (row,) = table.rows.values()
    row["body"] = {"S": msgspec.json.encode({"form": "of the future"}).decode()}
    assert before(table, change("0.0.0.0/0"), of=call(2)) == [None]


def test_an_event_without_a_time_neither_reads_nor_writes_history(table):
    assert before(table, change("0.0.0.0/0"), of=call(1, time=None)) == [None]
    assert table.rows == {}


SEEN = rule("10.0.0.0/8")


def seen_at(table, minutes, form=SEEN, memory=None):
    at = (START + timedelta(minutes=minutes)).timestamp()
    (memory or rules(table)).save_current_rules(
        "111122223333", {RULE: msgspec.structs.replace(form, direction="ingress")}, at
    )


def previous_of(table, made, of):
    completed = with_rule_history([made], of, rules(table))
    return [each.previous.peer.cidr if each.previous else None for each in completed]


def test_a_looked_up_rule_is_the_previous_rule_of_a_later_call(table):
    seen_at(table, 1)
    assert previous_of(table, change("0.0.0.0/0"), call(2)) == ["10.0.0.0/8"]


def test_a_looked_up_rule_is_not_the_previous_rule_of_an_earlier_call(table):
    seen_at(table, 5)
    assert previous_of(table, change("0.0.0.0/0"), call(2)) == [None]


def test_an_earlier_call_after_a_lookup_does_not_change_the_row(table):
    seen_at(table, 5)
    before(table, change("172.16.0.0/12"), of=call(2))
    assert previous_of(table, change("0.0.0.0/0"), call(6)) == ["10.0.0.0/8"]


def test_a_call_that_a_lookup_may_have_missed_is_saved_without_a_previous_rule(table):
    seen_at(table, 5)
    just_before = call(1, minutes=4.75)
    assert previous_of(table, change("172.16.0.0/12"), just_before) == [None]
    assert previous_of(table, change("172.16.0.0/12"), just_before) == [None]
    assert previous_of(table, change("0.0.0.0/0"), call(6)) == ["172.16.0.0/12"]


def test_a_lookup_equal_to_the_row_changes_nothing(table):
    before(table, change("10.0.0.0/8"), of=call(1))
    before(table, change("172.16.0.0/12"), of=call(2))
    seen_at(table, 3, rule("172.16.0.0/12"))
    assert previous_of(table, change("172.16.0.0/12"), call(2)) == ["10.0.0.0/8"]


def test_a_lookup_adds_the_direction_to_a_row(table):
    before(table, change("172.16.0.0/12"), of=call(2))
    seen_at(table, 2.1, rule("172.16.0.0/12"))
    (completed,) = with_rule_history([change("0.0.0.0/0")], call(3), rules(table))
    assert (completed.rule.direction, completed.previous.peer.cidr) == ("ingress", "172.16.0.0/12")


def test_a_lookup_just_after_a_call_may_be_outdated_and_does_not_overwrite_it(table):
    before(table, change("172.16.0.0/12"), of=call(2))
    seen_at(table, 2.4)
    assert previous_of(table, change("0.0.0.0/0"), call(3)) == ["172.16.0.0/12"]


@pytest.mark.parametrize(("minutes", "description"), [(9, "as looked up"), (2.1, None)])
def test_a_lookup_with_another_description_keeps_the_call_that_made_the_rule(table, minutes, description):
    before(table, change("172.16.0.0/12"), of=call(2))
    seen_at(table, minutes, msgspec.structs.replace(rule("172.16.0.0/12"), description="as looked up"))
    (state,) = (each for _, each in HubTable(table, "gatewatch-test").get_many(RULES, [rule_key("111122223333", RULE)]))
    assert (state.by, state.now.description) == (call(2).delivery_key, description)


def test_a_lookup_long_after_a_call_overwrites_the_row(table):
    before(table, change("172.16.0.0/12"), of=call(2))
    seen_at(table, 9)
    assert previous_of(table, change("0.0.0.0/0"), call(10)) == ["10.0.0.0/8"]


def test_a_lookup_of_a_large_group_is_saved_in_several_steps(table):
    memory = rules(table)
    forms = {f"sgr-{number:017x}": rule("10.0.0.0/8", f"sgr-{number:017x}") for number in range(300)}
    memory.save_current_rules("111122223333", forms, START.timestamp())
    assert len(table.rows) == 200
    memory.save_current_rules("111122223333", forms, START.timestamp() + 60)
    assert len(table.rows) == 300


def test_a_failure_while_saving_a_lookup_pauses_requests(table):
    memory = rules(table)
    table.faults = [ReadTimeoutError(endpoint_url="https://table.example")]
    seen_at(table, 1, memory=memory)
    seen_at(table, 1, memory=memory)
    assert (len(table.requests), table.rows) == (1, {})


def test_a_lookup_between_read_and_write_of_a_call_does_not_interfere(table):
    memory = rules(table)
    call_two = call(2)
    memory.rules_before(call_two, [RULE])
    seen_at(table, 1, memory=memory)
    memory.save_after(call_two, {RULE: rule("0.0.0.0/0")})
    assert previous_of(table, change("0.0.0.0/1"), call(3)) == ["0.0.0.0/0"]


def test_a_rule_named_by_its_id_alone_is_completed_from_the_history(table):
    seen_at(table, 1)
    nameless = Change(
        family=Family.SECURITY_GROUP,
        action=Action.REVOKE,
        outcome=Outcome.APPLIED,
        rule=SecurityGroupRule(rule_id=RULE),
    )
    (completed,) = with_rule_history([nameless], call(2), rules(table))
    assert (completed.rule_before.peer.cidr, completed.rule.peer, completed.previous) == ("10.0.0.0/8", None, None)
    assert table.rows == {}


class FailsOnce(Table):
    """Refuses one request, whichever comes first."""

    def __init__(self):
        super().__init__()
        self.faults = [ReadTimeoutError(endpoint_url="https://dynamodb.example")]


def saved(table):
    hub = HubTable(table, "gatewatch")
    return dict(hub.get_many(RULES, [rule_key("111122223333", RULE)]))


def test_what_the_table_did_not_take_in_time_is_written_after_the_messages():
    """A rule whose event is missing in the table is reported by the sweep as changed without an event."""
    table = FailsOnce()
    memory = rules(table)
    memory.save_after(call(1), {RULE: rule("0.0.0.0/0")})
    memory.save_after(call(2), {RULE: rule("10.0.0.0/8")})  # no request is made just after a failure
    assert saved(table) == {}
    memory.save_unwritten()
    assert [each.now for each in saved(table).values()] == [rule("10.0.0.0/8")]
    count = len(table.requests)
    memory.save_unwritten()
    assert len(table.requests) == count


def test_what_is_written_late_replaces_no_later_state():
    table = FailsOnce()
    late = rules(table)
    late.save_after(call(1), {RULE: rule("0.0.0.0/0")})
    rules(table).save_after(call(2), {RULE: rule("10.0.0.0/8")})
    late.save_unwritten()
    assert [each.now for each in saved(table).values()] == [rule("10.0.0.0/8")]


def test_what_is_written_late_replaces_the_lookup_that_saw_it():
    table = FailsOnce()
    late = rules(table)
    late.save_after(call(1), {RULE: rule("0.0.0.0/0")})
    looked_up(table, "0.0.0.0/0", 5)
    assert maker(table) == LOOKUP
    late.save_unwritten()
    assert maker(table) == "event-1"


def test_what_cannot_be_written_late_either_is_tried_after_the_next_batch():
    table = FailsOnce()
    table.faults *= 2
    memory = rules(table)
    memory.save_after(call(1), {RULE: rule("0.0.0.0/0")})
    memory.save_unwritten()
    assert saved(table) == {}
    memory.save_unwritten()
    assert [each.now for each in saved(table).values()] == [rule("0.0.0.0/0")]
