"""The quick check admits nothing that the full one refuses, and admits the messages that gatewatch writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from gatewatch.rendering.overview import url_in_link
from gatewatch.rendering.slack_schema import has_known_form
from gatewatch.rendering.slack_validation import slack_problems
from support.paths import GOLDEN

LENGTHS = st.sampled_from([0, 1, 149, 150, 151, 1999, 2000, 2001, 2999, 3000, 3001, 39_999, 40_000, 40_001])
TEXTS = LENGTHS.map(lambda length: "é" * length) | st.none() | st.integers()


def text_objects(kind: str) -> st.SearchStrategy[Any]:
    plain = {"type": st.sampled_from([kind, "mrkdwn", "plain_text", "other"]), "text": TEXTS}
    flag = {"verbatim": st.booleans()} if kind == "mrkdwn" else {"emoji": st.booleans()}
    return st.fixed_dictionaries(plain | flag, optional={"other": st.none()}) | st.none()


MRKDWN = text_objects("mrkdwn")
BLOCKS = st.one_of(
    st.fixed_dictionaries({"type": st.just("header"), "text": text_objects("plain_text")}),
    st.fixed_dictionaries(
        {"type": st.just("section")},
        optional={"text": MRKDWN, "fields": st.lists(MRKDWN, max_size=12), "block_id": TEXTS},
    ),
    st.fixed_dictionaries({"type": st.just("context"), "elements": st.lists(MRKDWN, max_size=12)}),
    st.fixed_dictionaries({"type": st.sampled_from(["actions", "divider", "image"])}),
)
MESSAGES = st.fixed_dictionaries(
    {
        "attachments": st.lists(
            st.fixed_dictionaries(
                {"fallback": TEXTS, "blocks": st.lists(BLOCKS, max_size=3)},
                optional={"color": st.sampled_from(["#123abc", "#123abc\n", "good", "red", ""])},
            ),
            max_size=3,
        ),
        "unfurl_links": st.just(value=False),
        "unfurl_media": st.just(value=False),
    },
    optional={"text": TEXTS},
)


@given(MESSAGES)
def test_what_has_the_known_form_has_no_problem(message) -> None:
    assert not has_known_form(message) or slack_problems(message) == ()


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/slack*.json")), ids=lambda path: path.parent.name)
def test_every_golden_message_has_the_known_form(path) -> None:
    found = json.loads(path.read_bytes())
    messages = found if isinstance(found, list) else [found]
    assert [has_known_form(each) for each in messages] == [True] * len(messages)


@pytest.mark.parametrize("url", ["https://example.com/a?b=1&c=2", Markup("https://example.com/a?b=1&c=2")])
def test_the_signs_of_an_address_are_escaped_once(url) -> None:
    assert url_in_link(url) == "https://example.com/a?b=1&amp;c=2"
    assert url_in_link("a|b<c>") == "a%7Cb%3Cc%3E"
