"""What a policy says of a fact: one pattern or a list of them, with `*`, `?` and `[…]` as in file names."""

from __future__ import annotations

from fnmatch import fnmatchcase

Patterns = str | tuple[str, ...]


def listed(patterns: Patterns | None) -> tuple[str, ...]:
    """One or several, always as a tuple; nothing said gives nothing."""
    if patterns is None:
        return ()
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


def fits(patterns: Patterns | None, *facts: str | None) -> bool:
    """Nothing said fits anything. A pattern fits when one of the facts does; what is not known is an empty text."""
    return patterns is None or any(fnmatchcase(fact or "", each) for each in listed(patterns) for fact in facts)


def is_wildcard(patterns: Patterns | None) -> bool:
    """Whether it leaves nothing out: not said, or a pattern of stars and question marks alone."""
    return patterns is None or any(each and not each.strip("*?") for each in listed(patterns))
