"""A message of an app whose answer was lost is found in its channel; what is not certain is posted again."""

import json
from datetime import UTC, datetime

import pytest

from chaos.clock import START
from chaos.faults import Killed, Script
from chaos.harness import Harness
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.slack_search import NOT_FOUND, find_post, metadata, search_request
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UncertainDeliveryError
from gatewatch.local.slack.inbox import Inbox
from gatewatch.model.message import PostMark
from gatewatch.model.severity import Severity
from support.slack_server import APP, PAYLOAD, TOKEN, Secrets, Server, http, reset, slack
from support.threads import alert

NOW = 1_712_345_678.0
FIRST = PostMark(id="first", since=NOW)
SECOND = PostMark(id="second", earlier=frozenset({"first"}), since=NOW)
TAKEN = ["answer too slow", "answer reset mid-body"]


def inbox():
    return Inbox(clock=lambda: datetime.fromtimestamp(NOW, UTC))


def post_to(local, mark, thread_ts=""):
    return slack(Secrets(TOKEN), f"{local.url}api/").post("sec-app", PAYLOAD, APP, thread_ts, mark)


def test_a_message_that_is_in_the_channel_is_not_posted_again():
    with inbox() as local:
        first = post_to(local, FIRST)
        again = post_to(local, SECOND)
    assert len(local.received) == 1
    assert (again.ts, again.channel) == (first.ts, first.channel)
    assert again.response == "found in the channel after a lost answer"


def test_a_message_that_is_in_a_thread_is_not_posted_again():
    with inbox() as local:
        parent = post_to(local, PostMark())
        first = post_to(local, FIRST, parent.ts)
        assert post_to(local, SECOND, parent.ts).ts == first.ts
        post_to(local, PostMark(id="third", earlier=frozenset({"first"}), since=NOW))
    assert [one.parent_number for one in local.received] == [0, 1, 0]


@pytest.mark.parametrize("mark", [FIRST, PostMark(id="other", earlier=frozenset({"unknown"}), since=NOW)])
def test_what_is_not_in_the_channel_is_posted(mark):
    with inbox() as local:
        post_to(local, FIRST)
        post_to(local, mark)
    assert len(local.received) == 2


def test_messages_from_before_the_first_post_are_not_read():
    with inbox() as local:
        post_to(local, FIRST)
        post_to(local, PostMark(id="second", earlier=frozenset({"first"}), since=NOW + 3600))
    assert len(local.received) == 2


def test_an_edited_message_is_still_found():
    with inbox() as local:
        first = post_to(local, FIRST)
        slack(Secrets(TOKEN), f"{local.url}api/").update(first.channel, first.ts, PAYLOAD, APP)
        assert post_to(local, SECOND).ts == first.ts


def test_a_post_of_more_alerts_is_a_delivery_but_no_message_that_is_edited():
    with inbox() as local:
        post_to(local, PostMark(id="first", parts=3, since=NOW))
        receipt = post_to(local, SECOND)
    assert len(local.received) == 1
    assert receipt.ts == ""


FOR_GOOD = [
    http(200, '{"ok":false,"error":"missing_scope","needed":"channels:history"}'),
    http(200, '{"ok":false,"error":"channel_not_found"}'),
    http(200, '{"ok":true}'),
    http(200, '{"ok":true,"messages":{}}'),
    http(200, '{"ok":true,"messages":[]}'),
    http(404, ""),
]
FOR_NOW = [
    http(429, '{"ok":false,"error":"ratelimited"}', Retry_After="60"),
    http(500, ""),
    http(200, "<html>"),
    http(200, '{"ok":true,"messages":[' + "[" * 100_000),
    reset(),
]
WAITING = PostMark(id="second", earlier=frozenset({"first"}), since=NOW, may_wait=True)


@pytest.mark.parametrize(
    ("answer", "mark"), [*((each, SECOND) for each in [*FOR_GOOD, *FOR_NOW]), *((each, WAITING) for each in FOR_GOOD)]
)
def test_a_channel_that_cannot_be_read_gets_the_message_again(answer, mark):
    with Server(answer, http(200, '{"ok":true,"channel":"C1","ts":"9.9"}')) as server:
        receipt = slack(Secrets(TOKEN), f"http://127.0.0.1:{server.port}/api/").post("a", PAYLOAD, APP, "", mark)
    assert receipt.ts == "9.9"
    assert [head.split()[1] for head, _ in server.requests] == ["/api/conversations.history", "/api/chat.postMessage"]


@pytest.mark.parametrize("answer", FOR_NOW)
def test_a_channel_that_cannot_be_read_for_the_moment_is_asked_again_first(answer):
    with Server(answer) as server, pytest.raises(TransientDeliveryError) as caught:
        slack(Secrets(TOKEN), f"http://127.0.0.1:{server.port}/api/").post("a", PAYLOAD, APP, "", WAITING)
    assert not isinstance(caught.value, UncertainDeliveryError)
    assert len(server.requests) == 1


def test_a_revoked_token_is_read_again_before_the_search():
    answers = http(200, '{"ok":false,"error":"token_revoked"}'), http(200, '{"ok":true,"messages":[]}')
    with Server(*answers, http(200, '{"ok":true}')) as server:
        slack(Secrets("old", TOKEN), f"http://127.0.0.1:{server.port}/api/").post("a", PAYLOAD, APP, "", SECOND)
    assert [TOKEN in head for head, _ in server.requests] == [False, True, True]


def test_the_search_sends_the_token_in_the_header_and_nothing_of_the_message():
    with Server(http(200, '{"ok":true,"messages":[]}'), http(200, '{"ok":true}')) as server:
        slack(Secrets(TOKEN), f"http://127.0.0.1:{server.port}/api/").post("a", PAYLOAD, APP, "", SECOND)
    head, body = server.requests[0]
    assert f"Authorization: Bearer {TOKEN}" in head
    assert body == b"channel=C0123456789&oldest=1712345618.000000&limit=50&include_all_metadata=true"


def test_a_thread_is_read_by_its_parent():
    method, body = search_request("C1", "1712345678.000100", SECOND)
    assert method == "conversations.replies"
    assert body.endswith(b"&ts=1712345678.000100")


def test_the_metadata_has_a_random_id_and_a_number():
    payload = {"id": "first", "parts": 1}
    assert metadata(FIRST) == {"metadata": {"event_type": "gatewatch_post", "event_payload": payload}}
    assert metadata(PostMark()) == {}


def test_metadata_that_slack_does_not_accept_is_left_out():
    answers = http(200, '{"ok":false,"error":"metadata_must_be_sent_from_app"}'), http(200, '{"ok":true}')
    with Server(*answers) as server:
        slack(Secrets(TOKEN), f"http://127.0.0.1:{server.port}/api/").post("a", PAYLOAD, APP, "", FIRST)
    assert ["metadata" in json.loads(body) for _, body in server.requests] == [True, False]


def test_another_refusal_is_final():
    with Server(http(200, '{"ok":false,"error":"invalid_blocks"}')) as server, pytest.raises(PermanentDeliveryError):
        slack(Secrets(TOKEN), f"http://127.0.0.1:{server.port}/api/").post("a", PAYLOAD, APP, "", FIRST)
    assert len(server.requests) == 1


def found(*messages):
    return find_post(json.dumps({"ok": True, "messages": messages}).encode(), "C1", SECOND)


def written(ts="1712345679.000100", event_type="gatewatch_post", **payload):
    return {"ts": ts, "metadata": {"event_type": event_type, "event_payload": {"id": "first", "parts": 1} | payload}}


@pytest.mark.parametrize(
    "hostile",
    [
        written(event_type="gatewatch_alert"),
        written(id="second"),
        written(id=""),
        written(id=["first"]),
        written(parts="1"),
        {"ts": "1.1", "metadata": "first"},
        {"ts": 1.1, "metadata": written()["metadata"]},
        {"ts": "1.1", "text": json.dumps(written()["metadata"])},
        "first",
        None,
    ],
)
def test_what_others_write_into_the_channel_neither_pretends_a_delivery_nor_hides_one(hostile):
    """The id of the next post, `second`, is in no message yet; the one of the first is, once it is delivered."""
    assert found(hostile) is NOT_FOUND
    assert found(hostile, written(), hostile).ts == "1712345679.000100"


def test_the_oldest_message_is_the_one_of_the_app():
    copied = written("1712345700.000100")
    assert found(copied, written()).ts == found(written(), copied).ts == "1712345679.000100"


def message(number=1, severity=Severity.CRITICAL):
    return alert(f"event-{number}", severity, destination="payments")


def served(*messages, fate):
    harness = Harness(fate, lambda harness, _channel, key: harness.fate.slack("", key))
    harness.aws.sqs.fate = Script()
    Outbox(harness.aws.sqs, "outbox.fifo").put(messages)
    harness.aws.sqs.fate = harness.fate
    harness.run()
    assert not harness.outbox.messages
    return harness


@pytest.mark.parametrize("fault", TAKEN)
def test_a_lost_answer_of_an_app_causes_no_copy(fault):
    harness = served(message(), fate=Script(answers=[fault]))
    assert harness.deliveries.copies == {"event-1#payments#1": 1}
    assert harness.http.searches == 1
    assert harness.clock.now - START == pytest.approx(60, abs=1)


def test_a_process_that_ends_after_its_post_causes_no_copy():
    harness = served(message(), fate=Script({("slack.post done", 1): Killed()}))
    assert harness.deliveries.copies == {"event-1#payments#1": 1}


def test_a_post_that_never_arrived_is_made_again():
    harness = served(message(), fate=Script(answers=["slow beyond the timeout"]))
    assert harness.deliveries.copies == {"event-1#payments#1": 1}
    assert harness.http.searches == 1


def test_a_rollup_whose_answer_was_lost_is_found_with_all_of_its_alerts():
    rolled = [message(number, Severity.LOW) for number in range(5)]
    harness = served(*rolled, fate=Script(answers=["answer too slow"]))
    assert set(harness.deliveries.copies.values()) == {1}
    assert len(harness.http.shown) == 1


def test_alerts_that_arrive_later_do_not_join_a_rollup_whose_answer_was_lost():
    harness = Harness(Script(answers=["answer too slow"]), lambda harness, _channel, key: harness.fate.slack("", key))
    outbox = Outbox(harness.aws.sqs, "outbox.fifo")
    outbox.put([message(number, Severity.LOW) for number in range(3)])
    harness.run(until=START + 30)
    outbox.put([message(number, Severity.LOW) for number in range(3, 6)])
    harness.run()
    assert set(harness.deliveries.copies.values()) == {1}
    assert [len(keys) for keys in harness.deliveries.posts["payments"]] == [3, 3]
