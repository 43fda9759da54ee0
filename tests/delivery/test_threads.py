"""Threads of exposures: in whatever order the messages come, and however often, the channel ends the same."""

import itertools
import logging

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.alerts.notifications import notification_of
from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.destinations import SnsTopic
from gatewatch.delivery.ledger import DeliveryState, Ledger, LedgerEntry, part_key
from gatewatch.delivery.message_updates import MessageUpdates
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model.exposure import RuleRef
from gatewatch.model.message import OutboxMessage
from gatewatch.model.message_state import AlertState
from gatewatch.model.slack_thread import ParentMessage
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.text.state import duration
from support.rendering import LOADED
from support.threads import (
    APP,
    CLOSED,
    END,
    EVENT,
    GREEN,
    OPENED,
    OWN,
    RDP,
    RED,
    SSH,
    STORY,
    WEBHOOK,
    Channel,
    Deliveries,
    Once,
    Table,
    exposure,
    name_of,
    threads_of,
)
from tools.example_calls import Example, call_of, settings

_SNAPSHOT = {"snapshotId": "snap-1", "attributeType": "CREATE_VOLUME_PERMISSION"}
_TOPIC = {"topicArn": "arn:aws:sns:eu-west-1:111122223333:t", "label": "l"}
_SHARE = {"resourceShareArn": "arn:aws:ram:eu-west-1:111122223333:resource-share/1", "principals": ["777788889999"]}
_ALL = {"items": [{"group": "all"}]}
# By kind of grant: the call that gives it, and the one that takes it back.
SHARED = {
    "snapshot": (
        ("ec2 ModifySnapshotAttribute", _SNAPSHOT | {"createVolumePermission": {"add": _ALL}}),
        ("ec2 ModifySnapshotAttribute", _SNAPSHOT | {"createVolumePermission": {"remove": _ALL}}),
    ),
    "statement of a topic": (
        ("sns AddPermission", _TOPIC | {"aWSAccountId": ["777788889999"], "actionName": ["Publish"]}),
        ("sns RemovePermission", _TOPIC),
    ),
    "resource share": (("ram AssociateResourceShare", _SHARE), ("ram DisassociateResourceShare", _SHARE)),
    "statement of a function": (
        (
            "lambda AddPermission20150331v2",
            {"functionName": "f", "statementId": "s", "principal": "*", "action": "lambda:InvokeFunction"},
        ),
        ("lambda RemovePermission20150331v2", {"functionName": "f", "statementId": "s"}),
    ),
}


def message_of(call, request, user, minute):
    service, name = call.split()
    more = {
        "eventID": f"{name}-{minute}",
        "eventTime": f"2026-01-24T03:{minute}:00Z",
        "userIdentity": {"type": "IAMUser", "userName": user, "accountId": "111122223333"},
    }
    record = Example("", service, name, request, None, None, "", {}).record(**more)
    alert = assess_call(call_of(record), Assessor(settings(), InMemoryRuleHistory()))
    return OutboxMessage(destination="sec-app", notification=notification_of(alert))


def test_a_closing_updates_the_opening_and_answers_in_its_thread():
    channel = Deliveries().post(OPENED, CLOSED)
    assert channel.line("opened") == "✅ Closed after 14 min by `alice`"
    assert channel.color("opened") == GREEN
    assert channel.thread("closed") == "opened"
    assert channel.line("closed") == "✅ Was open for 14 min, opened by `bob`"


@pytest.mark.parametrize(
    "closing",
    [
        {"closed": (RuleRef("sgr-1"),)},
        {"closed": (RuleRef("", SSH.shape),)},
        {"narrowed": (RuleRef("sgr-1", "ingress tcp 22-22 10.0.0.0/8"),)},
        {"closes_others": True},
    ],
    ids=["by id", "by ports and peer", "narrowed", "with its group"],
)
def test_an_exposure_is_closed_in_four_ways(closing):
    channel = Deliveries().post(OPENED, exposure("closed", 60.0, **closing))
    assert channel.line("opened") in {"✅ Closed after 1 min by `alice`", "✅ Narrowed after 1 min by `alice`"}
    assert channel.thread("closed") == "opened"


def test_a_replaced_setting_closes_what_the_call_did_not_open_again():
    public, stranger = RuleRef("", "bucket-policy *"), RuleRef("", "bucket-policy 777788889999")
    replaced = exposure("replaced", 60.0, opened=(stranger,), closes_others=True)
    deliveries = Deliveries()
    channel = deliveries.post(exposure("opened", 0.0, "bob", opened=(public, stranger)), replaced)
    assert (channel.line("opened"), channel.color("opened")) == ("☑️ 1 of 2 exposures closed", RED)
    assert (channel.line("replaced"), channel.thread("replaced")) == ("✅ Was open for 1 min, opened by `bob`", "")
    deliveries.post(exposure("deleted", 3600.0, "carol", closes_others=True))
    assert channel.line("opened") == "✅ Closed after 60 min by `carol`"
    assert channel.line("replaced") == "✅ Closed after 59 min by `carol`"


@pytest.mark.parametrize("opening", SHARED)
def test_a_shared_resource_is_closed_by_the_call_that_takes_the_grant_back(opening):
    given, taken = SHARED[opening]
    opened, closed = message_of(*given, "alice", 45), message_of(*taken, "bob", 50)
    channel = Deliveries().post(opened, closed)
    assert channel.line(name_of(opened)) == "✅ Closed after 5 min by `bob`"
    assert channel.line(name_of(closed)) == "✅ Was open for 5 min, opened by `alice`"
    assert channel.thread(name_of(closed)) == name_of(opened)


@pytest.mark.parametrize(
    "closing",
    [
        {"closed": (RDP,)},
        {"closed": (RuleRef("sgr-9", SSH.shape),)},
        {"closed": (SSH,), "group_key": "1/eu-west-1/sg-2"},
        {"closed": (SSH,), "group_key": "2/eu-west-1/sg-1"},
    ],
    ids=["another rule", "another id", "another group", "another account"],
)
def test_closing_another_rule_changes_nothing(closing):
    channel = Deliveries().post(OPENED, exposure("closed", 60.0, **closing))
    assert (channel.line("opened"), channel.color("opened")) == ("", RED)
    assert channel.thread("closed") == ""


def test_a_rule_closed_before_the_opening_is_another_rule():
    channel = Deliveries().post(OPENED, exposure("closed", -60.0, closed=(RuleRef("", SSH.shape),)))
    assert channel.line("opened") == ""


def test_a_message_with_two_exposures_is_resolved_when_both_are_closed():
    opened = exposure("opened", 0.0, opened=(SSH, RDP))
    deliveries = Deliveries()
    channel = deliveries.post(opened, CLOSED)
    assert (channel.line("opened"), channel.color("opened")) == ("☑️ 1 of 2 exposures closed", RED)
    deliveries.post(exposure("later", 3600.0 * 5, "carol", closed=(RDP,)))
    assert (channel.line("opened"), channel.color("opened")) == ("✅ Closed after 5 h by `carol`", GREEN)


def test_the_actor_of_a_closing_is_escaped():
    channel = Deliveries().post(OPENED, exposure("closed", 60.0, "<!here>`*x*", closed=(SSH,)))
    assert channel.line("opened") == "✅ Closed after 1 min by `&lt;!here&gt;ˋ*x*`"


@pytest.mark.parametrize("order", [(OWN, EVENT), (EVENT, OWN)])
def test_a_removal_that_gatewatch_and_cloudtrail_report_is_answered_twice_in_one_thread(order):
    channel = Deliveries().post(OPENED, *order)
    assert channel.line("opened") == "✅ Closed after 1 min by `gatewatch`"
    assert [channel.thread(each.notification.key) for each in order] == ["opened", "opened"]


def test_removals_of_two_equal_rules_belong_to_their_own_openings():
    again = exposure("again", 1000.0, "bob", opened=(RuleRef("sgr-3", SSH.shape),))
    later = exposure("later", 3600.0, closed=(RuleRef("sgr-3", SSH.shape),))
    channel = Deliveries().post(OPENED, CLOSED, again, later)
    assert (channel.thread("closed"), channel.thread("later")) == ("opened", "again")


def test_a_webhook_shows_the_state_in_the_message_of_the_closing():
    channel = Deliveries(WEBHOOK).post(OPENED, CLOSED)
    assert channel.line("opened") == ""
    assert channel.line("closed") == "✅ Was open for 14 min, opened by `bob`"
    assert channel.thread("closed") == ""


def test_a_topic_gets_the_closing_in_the_thread_of_the_opening():
    names = []

    class Topic(Channel):
        def post(self, content, presentation, destination):
            names.append(presentation.thread)
            return super().post(content, presentation, destination)

    deliveries = Deliveries(SnsTopic())
    deliveries.channel = Topic()
    deliveries.post(OPENED, CLOSED, exposure("other", 99.0, closed=(RDP,)))
    assert names == ["", "event-opened", ""]


def test_fallback_messages_are_updated_like_any_other():
    opened, closed = (msgspec.structs.replace(each, fallback_for="everyone") for each in (OPENED, CLOSED))
    channel = Deliveries().post(opened, closed)
    name, answer = (f"{each}#for-everyone" for each in ("opened", "closed"))
    blocks = channel.of(name)["attachments"][0]["blocks"]
    assert blocks[0]["elements"][0]["text"] == "⚠️ Sent here because delivery to `everyone` failed."
    assert channel.line(name) == "✅ Closed after 14 min by `alice`"
    assert channel.thread(answer) == name
    assert channel.color(name) == GREEN


@pytest.mark.parametrize("order", list(itertools.permutations(STORY)))
def test_every_order_ends_the_same(order):
    deliveries = Deliveries()
    channel = deliveries.post(*order)
    assert {name: channel.line(name) for name in END} == END
    assert {channel.color(name) for name in END} == {GREEN}
    assert sorted(channel.names()) == sorted(each.notification.key for each in STORY)
    assert deliveries.rows() == in_order().rows()


def in_order():
    deliveries = Deliveries()
    deliveries.post(*STORY)
    return deliveries


@given(
    st.lists(st.sampled_from(STORY), max_size=8),
    st.permutations(STORY),
    st.lists(st.booleans(), max_size=30),
    st.lists(st.booleans(), max_size=10),
)
def test_duplicates_and_failures_in_any_order_end_the_same_and_post_each_message_once(
    first, remaining, throttled, refused
):
    deliveries = Deliveries()
    deliveries.table.faults = throttled
    post = Once(deliveries)
    for number, each in enumerate([*first, *remaining]):
        if number < len(refused) and refused[number]:
            deliveries.channel.refusals = [TransientDeliveryError("busy")]
        post(each)
        deliveries.channel.refusals = []
    expected = in_order()
    lost = [name for name in expected.rows("parent") if name not in deliveries.rows()]
    if not lost:  # a row that an ending process had to write is lost with it: its message is answered, not updated
        assert {name: deliveries.channel.line(name) for name in END} == END
        assert deliveries.rows() == expected.rows()
    assert sorted(deliveries.channel.names()) == sorted(each.notification.key for each in STORY)
    assert deliveries.rows("exposures") == expected.rows("exposures")


class ClosedDuringThePost(Channel):
    """While the opening is posted, the other message group of the channel reports that it was closed."""

    def __init__(self, deliveries, *meanwhile):
        super().__init__()
        self.deliveries, self.meanwhile = deliveries, list(meanwhile)

    def post(self, content, *arguments):
        receipt = super().post(content, *arguments)
        while self.meanwhile:
            self.deliveries.post(self.meanwhile.pop())
        return receipt


def test_an_opening_that_is_closed_while_it_is_posted_ends_as_closed():
    deliveries = Deliveries()
    deliveries.channel = ClosedDuringThePost(deliveries, CLOSED)
    channel = deliveries.post(OPENED)
    assert (channel.line("opened"), channel.color("opened")) == ("✅ Closed after 14 min by `alice`", GREEN)


def test_an_update_after_the_post_that_fails_does_not_repeat_the_post():
    deliveries = Deliveries()
    deliveries.channel = ClosedDuringThePost(deliveries, CLOSED)
    deliveries.channel.update = raising(TransientDeliveryError("HTTP 503"))
    channel = deliveries.post(OPENED)
    assert channel.names() == ["opened", "closed"]
    assert channel.line("opened") == ""


def raising(error):
    def fail(*_arguments):
        raise error

    return fail


def test_both_message_groups_of_a_destination_add_to_the_history_of_a_group():
    deliveries = Deliveries(WEBHOOK)
    deliveries.channel = ClosedDuringThePost(deliveries, CLOSED)
    deliveries.post(exposure("again", 3600.0, opened=(SSH, RDP)), OPENED)
    (history,) = deliveries.rows("exposures").values()
    assert len(history["openings"]) == 3
    assert len(history["closings"]) == 1


def test_a_refused_update_does_not_block_the_answer():
    deliveries = Deliveries()
    deliveries.post(OPENED)
    deliveries.channel.refusals = [PermanentDeliveryError("message_not_found")]
    assert deliveries.post(CLOSED).thread("closed") == "opened"


def test_an_answer_to_a_deleted_thread_is_posted_in_the_channel():
    deliveries = Deliveries()
    deliveries.post(OPENED)
    gone = PermanentDeliveryError("message_not_found")
    deliveries.channel.refusals = [gone, gone]
    assert deliveries.post(CLOSED).thread("closed") == ""


def test_any_other_refusal_of_an_answer_is_permanent():
    deliveries = Deliveries()
    deliveries.post(OPENED)
    deliveries.channel.refusals = [PermanentDeliveryError("message_not_found"), PermanentDeliveryError("is_archived")]
    with pytest.raises(PermanentDeliveryError, match="is_archived"):
        deliveries.post(CLOSED)


def test_a_row_that_cannot_be_written_after_the_post_is_written_before_the_next_read():
    deliveries = Deliveries()
    threads = threads_of(deliveries.channel, ThreadStore(HubTable(deliveries.table, "gatewatch-test", lambda: 1000.0)))
    deliveries.table.faults = [False, False, True, True]
    threads.post(OPENED, Presentation(), APP)
    threads.post(CLOSED, Presentation(), APP)
    assert deliveries.channel.thread("closed") == "opened"


def test_a_group_with_many_exposures_is_updated_over_several_attempts():
    deliveries, seconds = Deliveries(), itertools.count(step=3)
    rules = [RuleRef(f"sgr-{number}", f"ingress tcp {number}-{number} 0.0.0.0/0") for number in range(10)]
    deliveries.post(*(exposure(f"opened-{n}", float(n), opened=(rule,)) for n, rule in enumerate(rules)))
    store = ThreadStore(HubTable(deliveries.table, "gatewatch-test", lambda: 1000.0))
    threads = threads_of(deliveries.channel, store, lambda: next(seconds))
    attempts = 0
    while "deleted" not in deliveries.channel.names():
        attempts += 1
        try:
            threads.post(exposure("deleted", 99.0, closes_others=True), Presentation(), APP)
        except TransientDeliveryError:
            continue
    assert 1 < attempts < 12
    assert {deliveries.channel.color(f"opened-{n}") for n in range(10)} == {GREEN}


def test_a_message_in_parts_is_updated_with_its_own_rules():
    deliveries = Deliveries()
    deliveries.post(OPENED, cut=(1, 1))
    deliveries.post(CLOSED)
    payload = deliveries.channel.of("opened")
    assert "Part 1 of 2" in payload["attachments"][0]["blocks"][0]["text"]["text"]
    assert deliveries.channel.line("opened") == "✅ Closed after 14 min by `alice`"


def test_later_parts_of_a_message_report_no_exposure():
    deliveries = Deliveries()
    threads = threads_of(deliveries.channel, ThreadStore(HubTable(deliveries.table, "gatewatch-test", lambda: 1000.0)))
    threads.post(OPENED, Presentation(part=2, cut=(1, 1)), APP)
    assert deliveries.table.rows == {}


def test_an_alert_without_exposure_that_is_not_grouped_reads_nothing():
    deliveries = Deliveries()
    deliveries.post(exposure("other", 0.0))
    assert deliveries.table.rows == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "119 min"), (7200, "2 h"), (172800, "2 d")],
)
def test_a_duration_is_shown_in_one_unit(seconds, text):
    assert duration(seconds, LOADED.labels("en")) == text


class Machine(Channel):
    """A destination without threads that uses the ids of exposures."""

    def __init__(self):
        super().__init__()
        self.exposures = {}

    def post(self, content, presentation, destination):
        self.exposures[content.notification.key] = (presentation.exposure, presentation.ended_exposures)
        return super().post(content, presentation, destination)


def exposures_of(*contents):
    deliveries = Deliveries(WEBHOOK)
    deliveries.channel = Machine()
    deliveries.post(*contents)
    return deliveries.channel.exposures


def test_an_exposure_has_an_id_that_its_closing_repeats():
    found = exposures_of(OPENED, CLOSED)
    assert found["closed"] == ("", (found["opened"][0],))
    assert found["opened"][0] and not found["opened"][1]


def test_an_exposure_of_two_rules_ends_with_the_second():
    found = exposures_of(exposure("both", 0.0, opened=(SSH, RDP)), CLOSED, exposure("later", 3600.0, closed=(RDP,)))
    assert (found["closed"], found["later"]) == (("", ()), ("", (found["both"][0],)))


def test_the_same_rules_of_a_group_have_the_same_id_and_those_of_another_group_another():
    again = exposure("again", 1000.0, opened=(RuleRef("sgr-9", SSH.shape),))
    other = exposure("other", 1000.0, opened=(SSH,), group_key="1/eu-west-1/sg-2")
    found = exposures_of(OPENED, CLOSED, again, other, exposure("more", 2000.0, opened=(SSH, RDP)))
    assert found["again"][0] == found["opened"][0]
    assert len({found[name][0] for name in ("opened", "other", "more")}) == 3


def test_a_closing_that_arrives_first_ends_nothing():
    found = exposures_of(CLOSED, OPENED)
    assert (found["closed"], found["opened"][1]) == (("", ()), ())


def store_of(table):
    return ThreadStore(HubTable(table, "gatewatch-test", lambda: 1000.0))


@pytest.fixture
def rolled_up():
    """A table with the message of a roll-up of two alerts."""
    table = Table()
    store = store_of(table)
    store.save_parent_later("sec-app", "rolled", ParentMessage(channel="C1", ts="1.1", content=OPENED))
    for name in ("one", "two"):
        store.save_parent_later("sec-app", name, ParentMessage(channel="C1", ts="1.1", inside="rolled"))
    return table


def test_two_processes_that_change_a_message_at_once_show_and_store_both_changes(rolled_up):
    """The two message groups of a destination are served by two processes."""
    closed, shown = AlertState(exposed=1, closed=1), []

    def apply(name, channel):
        updates = MessageUpdates(channel, store_of(rolled_up), logging.getLogger("updates"), lambda: 0.0)
        updates.apply({name: closed}, "sec-app", APP, updates.deadline())

    class Showing(Channel):
        def update(self, parent, _destination):
            shown.append(set(parent.state.alerts))
            if len(shown) == 1:
                apply("two", self)

    apply("one", Showing())
    assert shown == [{"one"}, {"two"}, {"one", "two"}]
    assert store_of(rolled_up).parent("sec-app", "rolled").state.alerts == {"one": closed, "two": closed}


class Together:
    """A critical opening and its closing in one channel, posted by two processes."""

    def __init__(self):
        self.table, self.now = Table(), 1000.0
        self.channel = Channel()

    def start_opening(self, **counts):
        """The opening is in the history, its post is counted, and nothing says how the post ended."""
        started = LedgerEntry(DeliveryState.STARTED, posting_since=self.now, **counts)
        change = OPENED.notification.exposure_change
        self.store().record_change("sec-app", change.group_key, OPENED.key, change)
        Ledger(self.hub_table()).write(part_key(OPENED.key, 1), started)

    def post(self, message):
        threads_of(self.channel, self.store()).post(message, Presentation(), APP)
        Ledger(self.hub_table()).write(part_key(message.key, 1), LedgerEntry(DeliveryState.DELIVERED))

    def store(self):
        return ThreadStore(self.hub_table())

    def hub_table(self):
        return HubTable(self.table, "gatewatch-test", lambda: self.now)


def test_a_closing_waits_while_its_opening_is_being_posted_by_another_process():
    together = Together()
    together.start_opening(uncertain=1)
    with pytest.raises(TransientDeliveryError, match="the opening is being posted") as caught:
        together.post(CLOSED)
    assert caught.value.retry_after == 2.0
    together.post(OPENED)
    together.post(CLOSED)
    assert together.channel.thread("closed") == "opened"


def test_a_closing_waits_for_no_opening_that_was_lost_or_given_up():
    late, given_up = Together(), Together()
    late.start_opening(uncertain=1)
    late.now += 75
    late.post(CLOSED)
    given_up.start_opening(uncertain=3)
    Ledger(given_up.hub_table()).write(part_key(OPENED.key, 1), LedgerEntry(DeliveryState.GIVING_UP))
    given_up.post(CLOSED)
    assert [each.channel.thread("closed") for each in (late, given_up)] == ["", ""]


@pytest.mark.parametrize(("posted", "kept"), [("1.0", "1.1"), ("1.2", "1.2")])
def test_of_two_copies_of_a_message_the_later_one_is_updated(rolled_up, posted, kept):
    store_of(rolled_up).save_parent_later("sec-app", "rolled", ParentMessage(channel="C1", ts=posted, content=OPENED))
    assert store_of(rolled_up).parent("sec-app", "rolled").ts == kept
