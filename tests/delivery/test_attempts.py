"""Posts without an answer are counted before they are made, and there are three of them at most."""

import pytest

from chaos.clock import START
from chaos.faults import KillAt, Killed, Script, lost, throttled
from chaos.harness import Harness
from chaos.slack import UNSENT
from gatewatch.delivery.attempts import MAX_UNCERTAIN_POSTS, MAX_WITHOUT_FALLBACK, Attempts, new_post_id
from gatewatch.delivery.ledger import NOT_POSTED, DeliveryState, LedgerEntry
from gatewatch.delivery.outbox import Outbox
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UnansweredError, UncertainDeliveryError
from gatewatch.model.message import PostMark, Receipt
from gatewatch.model.severity import Severity
from support.threads import alert

UNANSWERED = ["answer too slow", "answer reset mid-body", "slow beyond the timeout"]


class Rows:
    """A ledger that records what is written to it."""

    def __init__(self):
        self.rows = {}

    def write(self, key, entry):
        self.rows[key] = entry

    write_later = write


def post(rows, *outcomes, key="one#1"):
    """Post once; return how often the post itself was made."""
    posts = []

    def attempt(_mark):
        posts.append(rows.rows[key].uncertain)
        for each in outcomes:
            raise each
        return Receipt("sec-all", "ok")

    try:
        Attempts(rows, lambda: 7.0, lambda: "id").post({key: rows.rows.get(key, NOT_POSTED)}, (1,), attempt)
    finally:
        rows.posts = posts
    return posts


def test_a_post_is_counted_before_it_is_made_with_the_cut_of_its_message():
    rows = Rows()
    assert post(rows) == [1]
    started = LedgerEntry(DeliveryState.STARTED, cut=(1,), uncertain=1, posts=("id",), posting_since=7.0)
    assert rows.rows == {"one#1": started}


@pytest.mark.parametrize("error", [TransientDeliveryError("HTTP 503", 7.0), PermanentDeliveryError("no_service")])
def test_a_post_that_was_not_accepted_is_taken_off_the_count(error):
    rows = Rows()
    with pytest.raises(type(error)) as caught:
        post(rows, error)
    assert caught.value is error
    assert rows.rows["one#1"].uncertain == 0


def test_a_post_without_an_answer_is_made_again_after_one_and_two_minutes_and_no_more():
    rows, waits = Rows(), []
    for _ in range(MAX_UNCERTAIN_POSTS - 1):
        with pytest.raises(UncertainDeliveryError) as caught:
            post(rows, UncertainDeliveryError("no answer"))
        waits.append(caught.value.retry_after)
    assert waits == [60, 120]
    with pytest.raises(UnansweredError, match="sent 3 times without an answer, so it may have arrived: no answer"):
        post(rows, UncertainDeliveryError("no answer"))
    with pytest.raises(UnansweredError):
        post(rows)
    assert rows.posts == []


def test_a_process_that_ends_during_a_post_has_counted_it():
    rows = Rows()
    with pytest.raises(Killed):
        post(rows, Killed())
    assert (rows.rows["one#1"].uncertain, rows.rows["one#1"].unanswered) == (1, 0)


def mark_of(*entries):
    marks = []
    parts = {f"{number}#1": entry for number, entry in enumerate(entries)}
    Attempts(Rows(), lambda: 9.0, lambda: "next").post(parts, (1,), marks.append)
    return marks[0]


def entry(*posts, since=0.0):
    return LedgerEntry(DeliveryState.STARTED, uncertain=len(posts), posts=posts, posting_since=since)


def test_the_first_post_has_an_id_and_is_not_looked_for():
    assert mark_of(NOT_POSTED) == PostMark(id="next", parts=1, earlier=frozenset(), since=9.0, may_wait=True)
    assert len({new_post_id() for _ in range(100)}) == 100


def test_a_later_post_is_looked_for_by_the_ids_that_all_of_its_parts_have():
    first, second = entry("a", "b", since=5.0), entry("b", "c", since=3.0)
    assert mark_of(first, second) == PostMark(id="next", parts=2, earlier=frozenset("b"), since=3.0, may_wait=True)
    assert mark_of(first, NOT_POSTED).earlier == frozenset()


@pytest.mark.parametrize(("since", "may_wait"), [(9.0 - 599, True), (9.0 - 600, False)])
def test_a_post_waits_ten_minutes_for_a_channel_that_cannot_be_read(since, may_wait):
    assert mark_of(entry("a", since=since)).may_wait is may_wait


def message(number=1, severity=Severity.CRITICAL, **facts):
    return alert(f"event-{number}", severity, destination="sec-all", **facts)


def served(*messages, fate=None, weather=None):
    harness = Harness(fate or Script(), weather)
    harness.aws.sqs.fate = Script()
    Outbox(harness.aws.sqs, "outbox.fifo").put(messages)
    harness.aws.sqs.fate = harness.fate
    harness.run()
    assert not harness.outbox.messages
    return harness


def in_sec_all(fault):
    return lambda _harness, channel, _key: fault if channel == "sec-all" else None


@pytest.mark.parametrize("fault", UNSENT)
def test_a_post_that_was_not_sent_as_a_whole_is_not_counted(fault):
    harness = served(message(), fate=Script(answers=[fault] * 5), weather=None)
    assert harness.deliveries.copies == {"event-1#sec-all#1": 1}


@pytest.mark.parametrize("fault", UNANSWERED)
def test_a_channel_that_never_answers_gets_three_copies_at_most_and_the_fallback_one(fault):
    harness = served(message(), weather=in_sec_all(fault))
    copies = harness.deliveries.copies
    assert copies["event-1#sec-all#1"] == (3 if fault.startswith("answer") else 0)
    assert copies["event-1#alerts#for-sec-all#1"] == 1
    assert "sec-all did not answer: the message may be there already" in harness.aws.sns.published[0]["Message"]
    assert harness.dead_letters()["event-1#sec-all"].startswith("sent 3 times without an answer")
    assert harness.clock.now - START < 300


def test_a_lost_answer_causes_one_more_copy():
    harness = served(message(), fate=Script(answers=["answer too slow"]))
    assert harness.deliveries.copies == {"event-1#sec-all#1": 2}
    assert harness.clock.now - START == pytest.approx(60, abs=1)


def test_refusals_between_do_not_use_up_the_posts():
    answers = [*["503"] * 7, "answer too slow", *["429 with Retry-After 1"] * 7, "answer too slow", "503"]
    assert served(message(), fate=Script(answers=answers)).deliveries.copies == {"event-1#sec-all#1": 3}


def test_what_is_given_up_after_an_unanswered_post_may_be_there_already():
    harness = served(message(), fate=Script(answers=["answer too slow", "invalid_blocks"]))
    assert "may be there already" in harness.aws.sns.published[0]["Message"]


def test_a_rollup_that_is_never_answered_is_posted_three_times_and_each_alert_goes_to_the_fallback():
    harness = served(*[message(number, Severity.LOW) for number in range(5)], weather=in_sec_all("answer too slow"))
    copies = harness.deliveries.copies
    assert [copies[f"event-{number}#sec-all#1"] for number in range(5)] == [3] * 5
    assert [copies[f"event-{number}#alerts#for-sec-all#1"] for number in range(5)] == [1] * 5
    assert harness.clock.now - START < 300


def test_processes_that_end_after_each_post_make_three_copies_at_most():
    faults = {("slack.post done", number): Killed() for number in range(1, 10)}
    harness = served(message(), fate=Script(faults))
    assert harness.deliveries.copies == {"event-1#sec-all#1": 3, "event-1#alerts#for-sec-all#1": 1}
    assert harness.kills == 3


@pytest.mark.parametrize(("moment", "copies"), [("sns.publish", 1), ("sns.publish done", 4)])
def test_the_last_destination_is_tried_on_when_processes_end_at_its_posts(moment, copies):
    """Behind the hub topic there is nobody: three ended processes must not be the end of an alert."""
    faults = {(moment, number): Killed() for number in range(1, 4)}
    harness = served(message(), weather=in_sec_all("invalid_blocks"), fate=Script(faults))
    assert harness.deliveries.copies == {"event-1#alerts#for-sec-all#1": copies}
    assert list(harness.dead_letters()) == ["event-1#sec-all"]


def test_the_last_destination_gets_ten_copies_at_most():
    faults = {("sns.publish done", number): Killed() for number in range(1, 30)}
    harness = served(message(), weather=in_sec_all("invalid_blocks"), fate=Script(faults))
    assert harness.deliveries.copies == {"event-1#alerts#for-sec-all#1": MAX_WITHOUT_FALLBACK}
    assert harness.dead_letters()["event-1#alerts#for-sec-all"].startswith("sent 10 times without an answer")


def test_lost_answers_of_the_last_destination_cause_three_copies_at_most():
    faults = {("sns.publish done", number): lost("sns.publish") for number in range(1, 30)}
    harness = served(message(), weather=in_sec_all("invalid_blocks"), fate=Script(faults))
    assert harness.deliveries.copies == {"event-1#alerts#for-sec-all#1": MAX_UNCERTAIN_POSTS}
    assert harness.dead_letters()["event-1#alerts#for-sec-all"].startswith("sent 3 times without an answer")


def test_ended_processes_between_lost_answers_do_not_count_as_such():
    kills = {("sns.publish", number): Killed() for number in (1, 2, 4, 5)}
    faults = kills | {("sns.publish done", number): lost("sns.publish") for number in (1, 2)}
    harness = served(message(), weather=in_sec_all("invalid_blocks"), fate=Script(faults))
    assert harness.deliveries.copies == {"event-1#alerts#for-sec-all#1": 3}
    assert list(harness.dead_letters()) == ["event-1#sec-all"]


def test_a_count_that_could_not_be_taken_back_does_not_replace_a_later_row():
    """The row after a refusal is not written; the row of the delivery, which comes later, is the one that stays."""
    harness = served(
        message(), fate=Script({("ledger.write", 2): throttled("ledger.write")}, answers=["429 with Retry-After 1"])
    )
    Outbox(harness.aws.sqs, "outbox.fifo").put([message(2)])
    harness.run()
    harness.clock.sleep(400)
    Outbox(harness.aws.sqs, "outbox.fifo").put([message()])
    harness.run()
    assert harness.deliveries.copies == {"event-1#sec-all#1": 1, "event-2#sec-all#1": 1}


def _steps():
    fate = KillAt(answers=["answer too slow"])
    served(message(), fate=fate)
    return len(fate.steps)


@pytest.mark.parametrize("step", range(_steps()))
def test_a_kill_at_any_step_around_a_lost_answer_makes_three_copies_at_most(step):
    harness = served(message(), fate=KillAt(step, answers=["answer too slow"]))
    assert 1 <= harness.deliveries.copies["event-1#sec-all#1"] <= 3
    assert not harness.dead_letters()
