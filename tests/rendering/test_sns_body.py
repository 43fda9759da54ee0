"""SNS bodies without a template, lines added at delivery, threads, and conversion to Slack."""

import json
import re

import pytest

from gatewatch.delivery.sns_to_slack import as_slack
from gatewatch.model.message import Message
from gatewatch.rendering.chatbot_validation import chatbot_problems, truncate_at_line
from gatewatch.rendering.notices import with_banner
from gatewatch.rendering.slack_validation import mentions, slack_problems
from gatewatch.rendering.sns import sns_bodies
from gatewatch.rendering.sns_body import SnsBody, build_sns_body, subject_of, with_leading_line, with_thread
from support.hostile import COLORS, EVENTS, TEMPLATES, alert_of_record, many_rules

LINK = "https://console.aws.amazon.com/x"


def simple(texts=("*one* `two`",), **fields):
    return build_sns_body("🔴 Title", list(texts), subject="S", keywords=("high", ""), thread="t-1", **fields)


def alert_body(case="world"):
    return sns_bodies(alert_of_record(EVENTS[case]), TEMPLATES, COLORS)[0]


def test_a_simple_body_is_a_notification_and_a_mail():
    body = simple(links=[("Event", LINK)])
    assert chatbot_problems(body.chat) == ()
    assert body.mail == f"🔴 Title\n\none two\n\nEvent:\n{LINK}\n"
    assert body.chat["content"]["nextSteps"] == [f"<{LINK}|Event>"]
    assert body.chat["content"]["keywords"] == ["high"]
    assert body.chat["metadata"]["threadId"] == "t-1"


def test_a_body_of_empty_texts_is_valid():
    body = build_sns_body("", [], subject="", keywords=(), thread="t")
    assert chatbot_problems(body.chat) == ()
    assert body.subject == subject_of("") == "gatewatch alert"


@pytest.mark.parametrize("length", [7990, 8001, 30_000])
def test_text_that_is_too_long_for_a_notification_is_cut_there_and_complete_in_the_email(length):
    text = "0123456789\n" * (length // 11)
    long = LINK + "x" * 400
    body = simple([text], links=[("Event", long)])
    assert chatbot_problems(body.chat) == ()
    assert body.chat["content"]["description"].endswith(f"<{long}|Event>")
    if length < 25_000:
        assert text.strip() in body.mail


def test_text_is_cut_at_the_end_of_a_line_and_marked():
    assert truncate_at_line("one\ntwo\nthree", 10) == "one\ntwo\n…"
    assert truncate_at_line("0123456789", 5) == "012\n…"
    assert truncate_at_line("fits", 4) == "fits"


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
def test_problems_of_the_envelope_are_named(change, sentence):
    assert chatbot_problems(simple().chat | change) == (sentence,)


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
def test_problems_of_the_content_are_named(change, sentence):
    chat = simple().chat
    assert chatbot_problems(chat | {"content": chat["content"] | change}) == (sentence,)


def test_problems_of_the_metadata_are_named():
    chat = simple().chat
    assert chatbot_problems(chat | {"metadata": {"threadId": 1, "enableCustomActions": "no"}}) == (
        "metadata.threadId is not a string.",
        "metadata.enableCustomActions is neither true nor false.",
    )
    assert chatbot_problems([]) == ("The notification is not a JSON object.",)


def test_a_leading_line_follows_the_first_paragraph_of_the_email_and_precedes_the_description():
    body = with_leading_line(alert_body(), "✅ Was open for 14 min, opened by `alice *x*`")
    head, line, *_ = body.mail.split("\n\n")
    assert head.startswith("🔴 Critical · payments-prod · SSH")
    assert line == "✅ Was open for 14 min, opened by alice *x*"
    assert body.chat["content"]["description"].startswith("✅ Was open for 14 min, opened by `alice *x*`\n\n*Account*")
    assert chatbot_problems(body.chat) == ()


def test_a_body_can_join_the_thread_of_another_notification():
    assert with_thread(alert_body(), "e-0").chat["metadata"]["threadId"] == "e-0"


def test_a_banner_is_added_to_both_forms_of_a_body():
    assert json.loads(with_banner(alert_body().encode(), "Delivery <failed>."))["mail"].split("\n\n")[1] == (
        "⚠️ Delivery <failed>."
    )
    assert with_banner("no JSON", "Delivery failed.") == "no JSON"


def slack_of(body):
    message = Message(key="k", destination="sec-prod", body=body.encode() if isinstance(body, SnsBody) else body)
    return as_slack(message).body


@pytest.mark.parametrize("case", EVENTS)
def test_an_sns_body_converted_to_slack_is_valid_and_mentions_nobody(case):
    for body in sns_bodies(
        alert_of_record(EVENTS[case][-1] if isinstance(EVENTS[case], list) else EVENTS[case]), TEMPLATES, COLORS
    ):
        payload = json.loads(slack_of(body))
        assert slack_problems(payload) == ()
        assert mentions(payload) == ()
        texts = [each["text"]["text"] for each in payload["attachments"][0]["blocks"][1:]]
        description = body.chat["content"]["description"]
        assert "\n".join(texts).startswith(description)
        assert all(text.count("```") % 2 == 0 for text in texts)
        assert len(json.dumps(payload, ensure_ascii=False)) < 13_000


def test_every_rule_is_kept_when_a_slack_channel_is_the_fallback_of_a_topic():
    payloads = [slack_of(body) for body in sns_bodies(alert_of_record(many_rules(300, "홈" * 255)), TEMPLATES, COLORS)]
    assert sorted(re.findall(r"sgr-\d{17}", "".join(payloads))) == [f"sgr-{each:017d}" for each in range(1, 301)]


def test_a_slack_payload_is_not_converted():
    assert slack_of('{"attachments":[]}') == '{"attachments":[]}'
