"""What an event writes is only words in a chat, a mail and a subject: nothing formats, calls, links or hides."""

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
    unformatted,
    unmarked,
)

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
NASTY = st.one_of(ANY, st.text("*_`~:/@.<>&|w aé홈\n\u202e", max_size=300))


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
def test_what_would_format_name_an_emoji_call_or_link_looks_alike_and_does_not(written, shown):
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
def test_of_our_own_markup_only_what_stands_outside_of_it_is_made_words(written, shown):
    assert chat_markup(written) == shown


@given(NASTY)
def test_nothing_of_a_chats_markup_is_left(text):
    said = chat_value(text)
    assert not set("*`~<>") & set(said)
    assert "://" not in said
    assert not re.search(r"(?<!\w)@\w|(?<![^\W_])_|_(?![^\W_])", said)


@given(NASTY, st.integers(20, 250))
def test_a_text_fits_after_it_was_made_harmless(text, longest):
    assert len(chat_text(text, longest)) <= longest


@given(NASTY)
def test_a_value_of_a_json_template_is_json(text):
    assert json.loads(f'"{chat_json_value(text)}"') == chat_value(text)


def test_markup_stays_in_a_chat_and_is_taken_away_in_a_mail():
    span = Markup("*Who* ") + code("a *b* <c> `d` _e_")
    assert chat_value(span) == "*Who* `a *b* &lt;c&gt; ˋdˋ _e_`"
    assert mail_value(span) == "Who a *b* <c> ˋdˋ _e_"


@given(NASTY)
def test_what_stood_in_a_code_span_comes_out_as_it_was_except_for_what_a_phone_would_link(text):
    span = code(text)
    assert unmarked(span) == str(span)[1:-1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace(
        "://", "[:]//"
    )


@given(NASTY)
def test_no_address_of_an_event_becomes_a_link_in_a_mail(text):
    for value in (text, code(text), code_block(text, 200)):
        assert "://" not in mail_value(value)
    assert mail_value(MailText("https://console.aws.amazon.com/x_y_z")) == "https://console.aws.amazon.com/x_y_z"


def test_our_own_markup_is_taken_away_and_an_owner_is_named():
    assert unmarked("*Owner* <@U0123ABC> <!subteam^S0123> <!subteam^S0123|@oncall> _Denied_ `a_b_c`") == (
        "Owner @U0123ABC subteam^S0123 subteam^S0123 Denied a_b_c"
    )
    assert unmarked("```one\ntwo *three*```\n&lt;x&gt; &amp;amp;") == "one\ntwo *three*\n<x> &amp;"


@given(st.text(max_size=200))
def test_a_subject_is_printable_ascii(text):
    assert re.fullmatch(r"(?:[!-~](?:[ -~]*[!-~])?)?", ascii_value(text))
