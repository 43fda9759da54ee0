"""A rule as it stands in a Slack message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.rendering.escaping import as_markup, code, mrkdwn, trusted_label

if TYPE_CHECKING:
    from markupsafe import Markup

    from gatewatch.rendering.text.rule_context import RuleTexts
    from gatewatch.rendering.text.rule_diff import RuleDiff

_NEXT_LINE = "\n      "


def rule_line(texts: RuleTexts) -> Markup:
    """One line with the rule; below it what a modification changed, and the description."""
    words = (
        texts.severity_mark,
        _between("*", texts.direction, "*"),
        trusted_label(texts.placeholder),
        code(texts.traffic),
        _between("(", texts.services, ")"),
        trusted_label(texts.preposition) if texts.peer else "",
        code(texts.peer),
        _between("(", texts.peer_comment, ")"),
        code(texts.group_id),
    )
    notes = (code(texts.rule_id), mrkdwn(texts.observed), _between("_", texts.outcome, "_"))
    line = " · ".join(filter(None, (" ".join(filter(None, words)), *notes)))
    return as_markup(_NEXT_LINE.join(filter(None, (line, _difference(texts.diff), code(texts.description)))))


def without_description(line: Markup, description: Markup) -> Markup:
    """The line of a rule without its last line."""
    return as_markup(line.removesuffix(f"{_NEXT_LINE}{description}"))


def _difference(diff: RuleDiff) -> str:
    if not diff.before:
        return mrkdwn(diff.comment)
    return f"{code(diff.before)} → {code(diff.after)}" + (f" ({mrkdwn(diff.comment)})" if diff.comment else "")


def _between(left: str, label: str, right: str) -> str:
    return f"{left}{trusted_label(label)}{right}" if label else ""
