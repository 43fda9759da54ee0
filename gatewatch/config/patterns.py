"""Patterns of policy.yaml: one or a list of them, with `*`, `?` and `[…]` as in `fnmatch`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Patterns = str | tuple[str, ...]


def pattern_list(patterns: Patterns | None) -> tuple[str, ...]:
    """Return the patterns as a tuple; empty for None."""
    if patterns is None:
        return ()
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


def matches_patterns(patterns: Patterns | None, *facts: str | None) -> bool:
    """Return whether any pattern matches any of the facts; None matches everything. An unknown fact is empty text."""
    return patterns is None or any(fnmatchcase(fact or "", each) for each in pattern_list(patterns) for fact in facts)


def matches_tags(patterns: Mapping[str, Patterns], tags: Iterable[tuple[str, str]]) -> bool:
    """Return whether every key is a tag whose value matches."""
    if not patterns:
        return True
    known = dict(tags)
    return all(key in known and matches_patterns(value, known[key]) for key, value in patterns.items())


def is_wildcard(patterns: Patterns | None) -> bool:
    """Return whether the patterns exclude nothing: None, or one that consists of `*` and `?` only."""
    return patterns is None or any(each and not each.strip("*?") for each in pattern_list(patterns))
