"""Entries of all batches in order: the calls that need earlier files are assessed, so the result equals a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.history.entries import CallInOrder, assessed, english_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.config.settings import Settings
    from gatewatch.history.entries import Assessed, Entry, Problem


def merge(entries: Iterable[Entry], settings: Settings) -> Iterator[Assessed | Problem]:
    """Yield the entries in the order of the files, each call assessed with what the files before it say."""
    assessor, english = Assessor(settings, InMemoryRuleHistory()), english_labels()
    for each in entries:
        if not isinstance(each, CallInOrder):
            yield each
        elif alert := assess_call(each.call, assessor):
            yield assessed(alert, english)
