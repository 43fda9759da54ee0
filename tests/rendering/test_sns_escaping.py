"""Text of an event cannot format, mention, link or hide anything in a chat, an email or a subject."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from gatewatch.rendering.escaping import code, code_block
from gatewatch.rendering.sns_escaping import (
    MailText,
    ascii_value,
    chat_json_value,
    chat_markup,
    chat_text,
    chat_value,
    mail_value,
    plain_text,
    unformatted,
)

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
HOSTILE_TEXT = st.one_of(ANY, st.text("*_`~:/@.<>&|w aé홈\n\u202e", max_size=300))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("*bold* ~no~ `code`", "∗bold∗ ∼no∼ ˋcodeˋ"),
        ("_it_ and __so__", "＿it＿ and ＿＿so＿＿"),
        ("AWSReservedSSO_Admin_0123", "AWSReservedSSO_Admin_0123"),
        (":tada: :+1: :100:", "∶tada: ∶+1: ∶100:"),
        ("2026-11-21 03:04:51 KST", "2026-11-21 03:04:51 KST"),
        ("@here @channel alice@example.com", "＠here ＠channel alice@example․com"),
        ("https://evil.example/a?b", "https∶//evil․example/a?b"),
        ("www.evil.example", "www․evil․example"),
        ("10.0.0.0/8 and 2001:db8::/32", "10.0.0.0/8 and 2001∶db8::/32"),
        ("Read it. Then ask.", "Read it. Then ask."),
    ],
)
def test_characters_with_a_meaning_are_replaced_by_look_alikes(written, shown):
    assert unformatted(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("*Why* it says @here and www.evil.example", "*Why* it says ＠here and www․evil․example"),
        ("*Owner* <!subteam^S0123ABC>, <@U0123ABC>", "*Owner* <!subteam^S0123ABC>, <@U0123ABC>"),
        ("`@here :x:` and :x:", "`@here :x:` and ∶x:"),
        ("```\nhttps://a\n*b*\n``` ~c~", "```\nhttps://a\n*b*\n``` ∼c∼"),
        ("a*b*c *d", "a∗b∗c ∗d"),
    ],
)
def test_markup_of_gatewatch_is_kept_and_text_around_it_is_escaped(written, shown):
    assert chat_markup(written) == shown


@given(HOSTILE_TEXT)
def test_no_chat_markup_is_left(text):
    rendered = chat_value(text)
    assert not set("*`~<>") & set(rendered)
    assert "://" not in rendered
    assert not re.search(r"(?<!\w)@\w|(?<![^\W_])_|_(?![^\W_])", rendered)


@given(HOSTILE_TEXT, st.integers(20, 250))
def test_text_fits_after_escaping(text, max_length):
    assert len(chat_text(text, max_length)) <= max_length


@given(HOSTILE_TEXT)
def test_a_value_of_a_json_template_is_valid_json(text):
    assert json.loads(f'"{chat_json_value(text)}"') == chat_value(text)


def test_markup_is_kept_in_a_chat_and_removed_in_an_email():
    span = Markup("*Who* ") + code("a *b* <c> `d` _e_")
    assert chat_value(span) == "*Who* `a *b* &lt;c&gt; ˋdˋ _e_`"
    assert mail_value(span) == "Who a *b* <c> ˋdˋ _e_"


@given(HOSTILE_TEXT)
def test_plain_text_of_a_code_span_is_the_original_without_urls(text):
    span = code(text)
    assert plain_text(span) == str(span)[1:-1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace(
        "://", "[:]//"
    )


@given(HOSTILE_TEXT)
def test_no_url_of_an_event_becomes_a_link_in_an_email(text):
    for value in (text, code(text), code_block(text, 200)):
        assert "://" not in mail_value(value)
    assert mail_value(MailText("https://console.aws.amazon.com/x_y_z")) == "https://console.aws.amazon.com/x_y_z"


def test_plain_text_removes_markup_and_names_the_owner():
    assert plain_text("*Owner* <@U0123ABC> <!subteam^S0123> <!subteam^S0123|@oncall> _Denied_ `a_b_c`") == (
        "Owner @U0123ABC subteam^S0123 subteam^S0123 Denied a_b_c"
    )
    assert plain_text("```one\ntwo *three*```\n&lt;x&gt; &amp;amp;") == "one\ntwo *three*\n<x> &amp;"


@given(st.text(max_size=200))
def test_a_subject_is_printable_ascii(text):
    assert re.fullmatch(r"(?:[!-~](?:[ -~]*[!-~])?)?", ascii_value(text))
