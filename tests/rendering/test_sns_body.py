"""SNS bodies without a template, and the problems of a notification."""

import pytest

from gatewatch.rendering.chatbot_validation import chatbot_problems, truncate_at_line
from gatewatch.rendering.sns_body import build_sns_body, subject_of


def simple(texts=("*one* `two`",), **fields):
    return build_sns_body("🔴 Title", list(texts), subject="S", keywords=("high", ""), thread="t-1", **fields)


def test_a_simple_body_is_a_notification_and_a_mail():
    body = simple()
    assert chatbot_problems(body.chat) == ()
    assert body.mail == "🔴 Title\n\none two\n"
    assert body.chat["content"]["keywords"] == ["high"]
    assert body.chat["metadata"]["threadId"] == "t-1"


def test_a_body_of_empty_texts_is_valid():
    body = build_sns_body("", [], subject="", keywords=(), thread="t")
    assert chatbot_problems(body.chat) == ()
    assert body.subject == subject_of("") == "gatewatch alert"


@pytest.mark.parametrize("length", [7990, 8001, 30_000])
def test_text_that_is_too_long_for_a_notification_is_cut_there_and_complete_in_the_email(length):
    text = "0123456789\n" * (length // 11)
    body = simple([text])
    assert chatbot_problems(body.chat) == ()
    assert len(body.chat["content"]["description"]) <= 8000
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
