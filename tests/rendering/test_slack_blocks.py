"""Blocks keep Slack's limits: a message of them has no problem, and each takes as much as Slack does."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from gatewatch.errors import RenderError
from gatewatch.rendering.escaping import as_markup
from gatewatch.rendering.slack_blocks import attachment, context, field_section, header, payload, section
from gatewatch.rendering.slack_limits import (
    MAX_BLOCKS,
    MAX_FIELD,
    MAX_FIELDS,
    MAX_HEADER,
    MAX_SECTION,
    MAX_TEXT,
)
from gatewatch.rendering.slack_validation import slack_problems

COLOR = "#0c3f7d"
LIMITS = (0, MAX_HEADER, MAX_FIELD, MAX_SECTION, MAX_TEXT)
LENGTHS = sorted({length + more for length in LIMITS for more in (-1, 0, 1)} - {-1})


def of(length):
    return as_markup("é" * length)


TEXTS = st.sampled_from(LENGTHS).map(of)
BLOCKS = st.one_of(
    st.tuples(st.just(header), TEXTS),
    st.tuples(st.just(section), TEXTS),
    st.tuples(st.just(context), TEXTS),
    st.tuples(st.just(field_section), st.lists(TEXTS, max_size=MAX_FIELDS + 2)),
)


@given(st.sampled_from([COLOR, f"{COLOR}\n", "good", "red", ""]), TEXTS, st.lists(BLOCKS, max_size=3), TEXTS)
def test_a_message_is_rejected_here_or_has_no_problem(color, fallback, blocks, other):
    try:
        made = [make(given) for make, given in blocks]
        message = payload(color, fallback, made, attachment(other, made))
    except RenderError:
        return
    assert slack_problems(message) == ()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda more: header(of(MAX_HEADER + more)), id="title"),
        pytest.param(lambda more: section(of(MAX_SECTION + more)), id="section"),
        pytest.param(lambda more: context(of(MAX_SECTION + more)), id="context"),
        pytest.param(lambda more: field_section([of(MAX_FIELD + more)]), id="field"),
        pytest.param(lambda more: field_section([of(1)] * (MAX_FIELDS + more)), id="fields"),
        pytest.param(lambda more: attachment(of(MAX_TEXT + more), [section(of(1))]), id="fallback"),
        pytest.param(lambda more: attachment(of(1), [section(of(1))] * (MAX_BLOCKS + more)), id="blocks"),
    ],
)
def test_what_slack_takes_is_made_and_one_more_is_rejected(make):
    make(0)
    with pytest.raises(RenderError, match="Slack would reject the message"):
        make(1)


@pytest.mark.parametrize("make", [header, section, context, lambda text: field_section([text])])
def test_an_empty_text_is_rejected(make):
    with pytest.raises(RenderError, match=re.escape("a text has 0 characters; Slack takes 1 to")):
        make(Markup())


@pytest.mark.parametrize("make", [field_section, lambda blocks: attachment(of(1), blocks)])
def test_nothing_in_place_of_blocks_or_fields_is_rejected(make):
    with pytest.raises(RenderError, match="0 blocks or fields"):
        make([])


@pytest.mark.parametrize("color", ["red", "#12345", f"{COLOR}\n", "#12345g"])
def test_a_color_of_another_form_is_rejected(color):
    with pytest.raises(RenderError, match="is not a color"):
        payload(color, of(1), [section(of(1))])


def test_the_error_of_a_long_text_does_not_repeat_it():
    with pytest.raises(RenderError) as error:
        section(Markup("secret") * MAX_SECTION)
    assert "secret" not in str(error.value)
