"""Text of an event becomes one line of visible, escaped text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from gatewatch.rendering.escaping import code, code_block, escape, mrkdwn, sanitize, truncate_escaped
from support.limits import ends

ANY = st.text(st.characters(exclude_categories=[]), max_size=400)
HOSTILE_TEXT = st.one_of(ANY, st.text("&<>`\u202e\u200b\n a", max_size=400))


def is_hidden(char):
    """Controls and format characters, but for visible ones: Arabic, Syriac and Kaithi number signs, hieroglyphs."""
    category = unicodedata.category(char)
    name = unicodedata.name(char, "")
    visible = name.startswith(("ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN"))
    return category in {"Cc", "Cs", "Zl", "Zp"} or (category == "Cf" and not visible) or char == "\u061c"


@given(HOSTILE_TEXT)
def test_sanitized_text_is_one_line_without_hidden_characters(text):
    assert not [char for char in sanitize(text) if is_hidden(char)]


@given(HOSTILE_TEXT, st.integers(2, 300))
def test_sanitized_text_is_never_longer_than_max_length(text, max_length):
    assert len(sanitize(text, max_length)) <= max_length


def test_hidden_characters_become_visible_and_line_breaks_become_spaces():
    assert sanitize("a\u202eb\u200bc\x00d\r\ne\u2028f") == "a\ufffdb\ufffdc\ufffdd e f"


def test_cut_text_ends_with_an_ellipsis():
    assert sanitize("abcdef", 4) == "abc…"


def test_visible_text_is_unchanged():
    assert sanitize("홈 오피스, 東京, naïve 🔴") == "홈 오피스, 東京, naïve 🔴"


def test_the_three_control_characters_are_escaped():
    assert escape("<!here> & &lt;") == "&lt;!here&gt; &amp; &amp;lt;"


@given(HOSTILE_TEXT)
def test_mrkdwn_contains_no_control_sequence(text):
    assert not {"<", ">"} & set(mrkdwn(text))


def test_markup_is_not_escaped_again():
    assert mrkdwn(Markup("*bold* &amp;")) == "*bold* &amp;"


@given(HOSTILE_TEXT)
def test_a_code_span_has_a_backtick_at_both_ends_and_nowhere_else(text):
    span = code(text)
    assert span == "" or (span[0] == span[-1] == "`" and "`" not in span[1:-1] and len(span) > 2)
    assert span == span.strip()


@given(HOSTILE_TEXT)
def test_a_code_span_stays_within_its_length_after_escaping(text):
    assert len(code(text)) <= 258


@pytest.mark.parametrize("empty", ["", " ", "\n\t"])
def test_the_code_span_of_an_empty_text_is_empty(empty):
    assert code(empty) == ""


@given(HOSTILE_TEXT, st.integers(20, 300))
def test_truncated_text_fits_and_cuts_no_entity(text, max_length):
    safe = truncate_escaped(text, max_length)
    assert len(safe) <= max_length
    assert "&" not in safe.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")


def test_text_that_fits_is_not_cut():
    assert truncate_escaped("a & b", 9) == "a &amp; b"
    assert truncate_escaped("a & b", 8) == "a &amp;…"
    assert truncate_escaped("a & b", 7) == "a …"


def test_a_very_long_text_is_cut_in_linear_time():
    with ends():
        assert len(truncate_escaped("&" * 5_000_000, 150)) <= 150


@given(HOSTILE_TEXT, st.integers(20, 300))
def test_a_code_block_has_backticks_at_both_ends_only_and_fits(text, max_length):
    block = code_block(text, max_length)
    assert block.startswith("```")
    assert block.endswith("```")
    assert "`" not in block[3:-3]
    assert not {"<", ">"} & set(block)
    assert len(block) <= max_length + 8


def test_a_code_block_keeps_its_lines_and_is_cut_between_lines():
    assert code_block("one\ntwo", 100) == "```one\ntwo```"
    assert code_block("one\ntwo\nthree", 10) == "```one\ntwo\n…```"
