"""What decides about an alert: the first attachment of a Slack message, so short that Slack does not fold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup
from msgspec import Struct, structs

from gatewatch.rendering.escaping import as_markup, code_block, join_safe, trusted_label
from gatewatch.rendering.slack_limits import MAX_SECTION, MAX_UNFOLDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gatewatch.rendering.alert_texts import AlertTexts, Link
    from gatewatch.rendering.text.labels import Labels

_MAX_COMMAND = 2000
_EMPTY = Markup()
_BETWEEN = " · "
_BREAKS = 6  # between the header, the place, the rule, its reasons, the advice with its command, and the links


class WorstRule(Struct, frozen=True):
    """The line of the worst rule, with and without its description; all are empty where a change has no rule."""

    whole: Markup = _EMPTY
    brief: Markup = _EMPTY
    description: Markup = _EMPTY


class Overview(Struct, frozen=True):
    """The sections and the links of the first attachment.

    `rule` is the line of the worst rule as it is shown. `left_out`: reasons and command that did not fit.
    """

    sections: tuple[Markup, ...]
    links: Markup
    rule: Markup
    left_out: tuple[Markup, ...]

    def with_links_inside(self) -> Overview:
        """With the links in the last section, if it has room: that leaves a block to the buttons of actions."""
        *others, last = self.sections
        text = _lines(last, self.links)
        return self if len(text) > MAX_SECTION else structs.replace(self, sections=(*others, text), links=_EMPTY)

    def remaining(self, lines: Sequence[Markup], worst: WorstRule) -> Sequence[Markup]:
        """The lines, which begin with the worst rule, without what the overview shows."""
        if not self.rule:
            return lines
        return lines[1:] if self.rule == worst.whole else [worst.description, *lines[1:]]


class _Facts(Struct, frozen=True):
    rule: Markup
    reasons: Markup
    command: Markup

    @property
    def length(self) -> int:
        return len(self.rule) + len(self.reasons) + len(self.command)


def overview_of(texts: AlertTexts, worst: WorstRule, title: str, state: Markup, labels: Labels) -> Overview:
    """Place and advice always, and of rule, reasons and command as much as fits; `state` stands above the place."""
    place, advice = _lines(state, texts.place), _titled("next_steps", trusted_label(texts.advice), labels)
    free = MAX_UNFOLDED - _BREAKS - sum(map(len, (title, place, advice, _BETWEEN.join(_names(texts.links)))))
    command = code_block(texts.command, _MAX_COMMAND) if texts.command else trusted_label(texts.no_command)
    reasons = _reasons(texts.reasons, labels)
    elsewhere = trusted_label(labels.no_undo["below"]) if texts.command else _EMPTY
    first_reason = _reasons(texts.reasons[:1], labels) if len(texts.reasons) > 1 else reasons
    choices = _choices(worst, reasons, first_reason, (command, elsewhere, _EMPTY))
    shown = next(each for each in choices if each.length <= free or not each.length)
    left_out = (
        reasons if shown.reasons != reasons else _EMPTY,
        _titled("ingress_undo", command, labels, "\n") if shown.command != command else _EMPTY,
    )
    sections = (place, _lines(shown.rule, shown.reasons), _lines(advice, shown.command))
    return Overview(_present(*sections), link_line(texts.links), shown.rule, _present(*left_out))


def _choices(worst: WorstRule, reasons: Markup, first_reason: Markup, commands: Iterable[Markup]) -> Iterable[_Facts]:
    """From everything to nothing: the description goes first, then all reasons but one, then the command."""
    for command in commands:
        yield _Facts(worst.whole, reasons, command)
        yield _Facts(worst.brief, reasons, command)
        yield _Facts(worst.brief, first_reason, command)
    yield _Facts(worst.brief, _EMPTY, _EMPTY)
    yield _Facts(_EMPTY, first_reason, _EMPTY)
    yield _Facts(_EMPTY, _EMPTY, _EMPTY)


def link_line(links: Iterable[Link]) -> Markup:
    """The links as text: a button shows a warning in a workspace whose app takes no interactions."""
    return as_markup(_BETWEEN.join([f"<{url_in_link(each.url)}|{each.name}>" for each in links]))


def _names(links: Iterable[Link]) -> list[str]:
    return [each.name for each in links]


def url_in_link(url: str) -> str:
    """A URL as it stands in a link of mrkdwn; `replace` of Markup would escape what it gets."""
    return str(url).replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")


def _reasons(reasons: Sequence[Markup], labels: Labels) -> Markup:
    return _titled("why", join_safe(labels.line["between_reasons"], reasons), labels)


def _titled(title: str, text: Markup, labels: Labels, between: str = " ") -> Markup:
    return as_markup(f"*{trusted_label(labels.line[title])}*{between}{text}") if text else _EMPTY


def _lines(*texts: Markup) -> Markup:
    present = _present(*texts)
    return present[0] if len(present) == 1 else join_safe("\n", present)


def _present(*texts: Markup) -> tuple[Markup, ...]:
    return tuple([each for each in texts if each])
