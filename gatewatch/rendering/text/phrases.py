"""Sentences of the labels, filled with the values of one change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.change import Outcome

if TYPE_CHECKING:
    from gatewatch.rendering.text.labels import Labels

# Placeholders whose values are texts of the labels. Others are values from the event, which keep their case.
_LABEL_VALUES = ("{target}", "{entity}")


class Phrase(Struct, frozen=True):
    """A key of the labels and the values for its braces."""

    key: str
    values: Mapping[str, str]


def outcome_sentence(
    phrase: Phrase, outcome: Outcome, applied: Mapping[str, str], attempts: Mapping[str, str], labels: Labels
) -> str:
    """What happened, from `applied`; for any other outcome, what was attempted, from `attempts`. Plain text."""
    pattern = applied[phrase.key]
    if outcome is not Outcome.APPLIED:
        pattern = labels.attempt_outcome[outcome].replace("{attempt}", attempts[phrase.key])
    text = pattern.format_map(phrase.values)
    is_event_value = pattern.startswith("{") and not pattern.startswith(_LABEL_VALUES)
    return text if is_event_value else text[:1].upper() + text[1:]
