"""A body for a topic on its way: notes that come later, the thread, and Slack where a channel is the fallback."""

import json
import re

import pytest

from gatewatch.delivery.sns_to_slack import as_slack
from gatewatch.model.message import Message
from gatewatch.rendering.chatbot_validation import cut, problems
from gatewatch.rendering.notices import with_banner
from gatewatch.rendering.slack_validation import mentions
from gatewatch.rendering.slack_validation import problems as slack_problems
from gatewatch.rendering.sns import topic_bodies
from gatewatch.rendering.sns_body import TopicBody, subject_of, topic_body, with_note, with_thread
from support.hostile import COLORS, EVENTS, TEMPLATES, alert_of_record, many_rules

LINK = "https://console.aws.amazon.com/x"


def simple(texts=("*one* `two`",), **fields):
    return topic_body("🔴 Title", list(texts), subject="S", keywords=("high", ""), thread="t-1", **fields)


def worded(case="world"):
    return topic_bodies(alert_of_record(EVENTS[case]), TEMPLATES, COLORS)[0]


def test_a_simple_body_is_a_notification_and_a_mail():
    body = simple(links=[("Event", LINK)])
    assert problems(body.chat) == ()
    assert body.mail == f"🔴 Title\n\none two\n\nEvent:\n{LINK}\n"
    assert body.chat["content"]["nextSteps"] == [f"<{LINK}|Event>"]
    assert body.chat["content"]["keywords"] == ["high"]
    assert body.chat["metadata"]["threadId"] == "t-1"


def test_a_simple_body_without_words_still_is_one():
    body = topic_body("", [], subject="", keywords=(), thread="t")
    assert problems(body.chat) == ()
    assert body.subject == subject_of("") == "gatewatch alert"


@pytest.mark.parametrize("length", [7990, 8001, 30_000])
def test_what_a_chat_has_no_room_for_is_cut_there_and_stands_in_the_mail(length):
    text = "0123456789\n" * (length // 11)
    long = LINK + "x" * 400
    body = simple([text], links=[("Event", long)])
    assert problems(body.chat) == ()
    assert body.chat["content"]["description"].endswith(f"<{long}|Event>")
    if length < 25_000:
        assert text.strip() in body.mail


def test_a_cut_is_at_the_end_of_a_line_and_said():
    assert cut("one\ntwo\nthree", 10) == "one\ntwo\n…"
    assert cut("0123456789", 5) == "012\n…"
    assert cut("fits", 4) == "fits"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"version": "2"}, 'version is not "1.0".'),
        ({"source": "aws.ec2"}, 'source is not "custom".'),
        ({"id": 5}, "id is not a string."),
        ({"content": []}, "content is not an object."),
        ({"metadata": None}, "metadata is not an object."),
    ],
)
def test_an_envelope_that_a_chat_drops_is_named(change, sentence):
    assert problems(simple().chat | change) == (sentence,)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"textType": "html"}, 'content.textType is not "client-markdown".'),
        ({"title": ""}, "content.title has 0 characters; it takes 1 to 250."),
        ({"title": "x" * 251}, "content.title has 251 characters; it takes 1 to 250."),
        ({"description": "x" * 8001}, "content.description has 8001 characters; it takes 1 to 8000."),
        ({"description": None}, "content.description is not a string."),
        ({"nextSteps": ["x" * 351]}, "content.nextSteps[0] has 351 characters; it takes 1 to 350."),
        ({"nextSteps": ["x"] * 11}, "content.nextSteps is not a list of 10 at most."),
        ({"keywords": ["x" * 76]}, "content.keywords[0] has 76 characters; it takes 1 to 75."),
        ({"keywords": [7]}, "content.keywords[0] is not a string."),
    ],
)
def test_a_content_that_a_chat_drops_is_named(change, sentence):
    chat = simple().chat
    assert problems(chat | {"content": chat["content"] | change}) == (sentence,)


def test_a_metadata_that_a_chat_drops_is_named():
    chat = simple().chat
    assert problems(chat | {"metadata": {"threadId": 1, "enableCustomActions": "no"}}) == (
        "metadata.threadId is not a string.",
        "metadata.enableCustomActions is neither true nor false.",
    )
    assert problems([]) == ("The notification is not a JSON object.",)


def test_a_note_stands_under_the_first_lines_of_a_mail_and_above_all_of_a_chat():
    body = with_note(worded(), "✅ Was open for 14 min, opened by `alice *x*`")
    head, note, *_ = body.mail.split("\n\n")
    assert head.startswith("🔴 Critical · payments-prod · SSH")
    assert note == "✅ Was open for 14 min, opened by alice *x*"
    assert body.chat["content"]["description"].startswith("✅ Was open for 14 min, opened by `alice *x*`\n\n*Account*")
    assert problems(body.chat) == ()


def test_a_thread_is_that_of_another_notification():
    assert with_thread(worded(), "e-0").chat["metadata"]["threadId"] == "e-0"


def test_a_banner_stands_in_either_form():
    assert json.loads(with_banner(worded().encode(), "The <sky> falls."))["mail"].split("\n\n")[1] == (
        "⚠️ The <sky> falls."
    )
    assert with_banner("no JSON", "The sky falls.") == "no JSON"


def slack_of(body):
    message = Message(key="k", destination="sec-prod", body=body.encode() if isinstance(body, TopicBody) else body)
    return as_slack(message).body


@pytest.mark.parametrize("case", EVENTS)
def test_slack_takes_what_was_worded_for_a_topic_and_it_calls_nobody(case):
    for body in topic_bodies(
        alert_of_record(EVENTS[case][-1] if isinstance(EVENTS[case], list) else EVENTS[case]), TEMPLATES, COLORS
    ):
        payload = json.loads(slack_of(body))
        assert slack_problems(payload) == ()
        assert mentions(payload) == ()
        texts = [each["text"]["text"] for each in payload["attachments"][0]["blocks"][1:]]
        described = body.chat["content"]["description"]
        assert "\n".join(texts).startswith(described)
        assert all(text.count("```") % 2 == 0 for text in texts)
        assert len(json.dumps(payload, ensure_ascii=False)) < 13_000


def test_every_rule_comes_to_slack_when_a_channel_is_the_fallback_of_a_topic():
    payloads = [
        slack_of(body) for body in topic_bodies(alert_of_record(many_rules(300, "홈" * 255)), TEMPLATES, COLORS)
    ]
    assert sorted(re.findall(r"sgr-\d{17}", "".join(payloads))) == [f"sgr-{each:017d}" for each in range(1, 301)]


def test_what_was_worded_for_slack_stays_as_it_is():
    assert slack_of('{"attachments":[]}') == '{"attachments":[]}'
