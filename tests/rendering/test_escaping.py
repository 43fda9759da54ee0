"""Whatever stands in an event, it is one line of visible text in Slack, and nothing but text."""

import json
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from gatewatch.rendering.escaping import clean, code, code_block, escape, fitting, json_value, mrkdwn

ANY = st.text(st.characters(exclude_categories=[]), max_size=400)
NASTY = st.one_of(ANY, st.text("&<>`\u202e\u200b\n a", max_size=400))


def is_hidden(char):
    """Format characters that are seen: signs of Arabic, Syriac and Kaithi numbers, joiners of hieroglyphs."""
    category = unicodedata.category(char)
    name = unicodedata.name(char, "")
    visible = name.startswith(("ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN"))
    return category in {"Cc", "Cs", "Zl", "Zp"} or (category == "Cf" and not visible) or name == "ARABIC LETTER MARK"


@given(NASTY)
def test_clean_text_is_one_line_without_a_hidden_character(text):
    assert not [char for char in clean(text) if is_hidden(char)]


@given(NASTY, st.integers(2, 300))
def test_clean_text_is_never_longer_than_asked(text, longest):
    assert len(clean(text, longest)) <= longest


def test_what_is_hidden_becomes_visible_and_a_line_break_a_space():
    assert clean("a\u202eb\u200bc\x00d\r\ne\u2028f") == "a\ufffdb\ufffdc\ufffdd e f"


def test_a_cut_is_seen():
    assert clean("abcdef", 4) == "abc…"


def test_harmless_text_stays_as_it_is():
    assert clean("홈 오피스, 東京, naïve 🔴") == "홈 오피스, 東京, naïve 🔴"


def test_three_characters_are_escaped_the_ampersand_first():
    assert escape("<!here> & &lt;") == "&lt;!here&gt; &amp; &amp;lt;"


@given(NASTY)
def test_no_control_sequence_of_slack_survives(text):
    assert not {"<", ">"} & set(mrkdwn(text))


def test_markup_is_not_escaped_again():
    assert mrkdwn(Markup("*bold* &amp;")) == "*bold* &amp;"


@given(NASTY)
def test_a_code_span_has_a_backtick_at_either_end_and_nowhere_else(text):
    span = code(text)
    assert span == "" or (span[0] == span[-1] == "`" and "`" not in span[1:-1] and len(span) > 2)
    assert span == span.strip()


@given(NASTY)
def test_a_code_span_stays_within_its_length_after_escaping(text):
    assert len(code(text)) <= 258


@pytest.mark.parametrize("nothing", ["", " ", "\n\t"])
def test_a_code_span_of_nothing_is_nothing(nothing):
    assert code(nothing) == ""


@given(NASTY, st.integers(20, 300))
def test_fitting_text_is_short_enough_and_cuts_no_entity(text, longest):
    safe = fitting(text, longest)
    assert len(safe) <= longest
    assert "&" not in safe.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")


def test_fitting_keeps_what_fits():
    assert fitting("a & b", 9) == "a &amp; b"
    assert fitting("a & b", 8) == "a &amp;…"
    assert fitting("a & b", 7) == "a …"


def test_a_very_long_text_is_cut_at_once():
    start = time.perf_counter()
    fitting("&" * 2_000_000, 150)
    assert time.perf_counter() - start < 1


@given(NASTY, st.integers(20, 300))
def test_a_code_block_is_not_left_and_fits(text, longest):
    block = code_block(text, longest)
    assert block.startswith("```")
    assert block.endswith("```")
    assert "`" not in block[3:-3]
    assert not {"<", ">"} & set(block)
    assert len(block) <= longest + 8


def test_a_code_block_keeps_its_lines_and_is_cut_between_two():
    assert code_block("one\ntwo", 100) == "```one\ntwo```"
    assert code_block("one\ntwo\nthree", 10) == "```one\ntwo\n…```"


@given(NASTY)
def test_a_value_of_a_json_template_is_json(text):
    assert json.loads(f'"{json_value(text)}"') == str(mrkdwn(text))
