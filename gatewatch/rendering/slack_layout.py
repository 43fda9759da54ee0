"""The layout of a Slack message: one attachment with what decides, then one with the details, which Slack may fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from gatewatch.rendering.escaping import as_markup, join_safe, mrkdwn, truncate_escaped
from gatewatch.rendering.overview import Overview, WorstRule, overview_of, url_in_link
from gatewatch.rendering.slack_blocks import attachment, context, field_section, header, payload, section
from gatewatch.rendering.slack_limits import MAX_HEADER, MAX_SECTION
from gatewatch.rendering.slack_sections import section_texts
from gatewatch.rendering.text.state import alert_state_line, message_state_lines, status_headline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from gatewatch.config.settings import Colors
    from gatewatch.model.message_state import AlertState, MessageState
    from gatewatch.rendering.alert_texts import AlertTexts
    from gatewatch.rendering.slack_blocks import Block
    from gatewatch.rendering.text.fields import Field
    from gatewatch.rendering.text.labels import Labels

_MAX_ROLLUP_TITLE = 120  # of a header, because counts follow it
_MAX_FIRST_SECTION = MAX_SECTION - 400  # with room for a line about the state


class RolledUpAlert(NamedTuple):
    """One alert of a roll-up: its texts, its worst rule, a line for each of its rules, and its state."""

    texts: AlertTexts
    worst: WorstRule
    lines: Sequence[Markup]
    state: AlertState


def overview_blocks(title: Markup, overview: Overview) -> list[Block]:
    """What decides: the title, then place, rule and advice, then the links."""
    blocks = [header(title), *map(section, overview.sections)]
    return [*blocks, context(overview.links)] if overview.links else blocks


def field_blocks(fields: Sequence[Field]) -> list[Block]:
    """The fields in two columns, each below its name; no block without fields."""
    return [field_section(map(_field_text, fields))] if fields else []


def _field_text(field: Field) -> Markup:
    return as_markup("\n".join((f"*{field.name}*", *map(mrkdwn, field.lines))))


def rollup_payload(
    alerts: Sequence[RolledUpAlert], state: MessageState, labels: Labels, colors: Colors
) -> dict[str, Any]:
    """What decides about the worst, its fields, then each alert with its headline, rules, reasons and link.

    `alerts` are in the order of display, the worst first. Raises `RenderError` when Slack would reject the message.
    """
    worst, more = alerts[0], f" · +{len(alerts) - 1}"
    headline = truncate_escaped(status_headline(worst.texts.headline, state, labels), _MAX_ROLLUP_TITLE)
    title = as_markup(f"{headline}{more}{_reply_count(state)}")
    overview = overview_of(worst.texts, worst.worst, title, message_state_lines(state, labels, is_rollup=True), labels)
    first = worst._replace(lines=[*overview.left_out, *overview.remaining(worst.lines, worst.worst)])
    color, summary = colors.resolved if state.is_over else worst.texts.color, worst.texts.summary + more
    listed = [block for each in (first, *alerts[1:]) for block in _rolled_up_blocks(each, worst, labels)]
    details = attachment(worst.texts.event_text, [*field_blocks(worst.texts.fields), *listed])
    return payload(color, summary, overview_blocks(title, overview), details)


def _rolled_up_blocks(alert: RolledUpAlert, worst: RolledUpAlert, labels: Labels) -> Iterator[Block]:
    """The sections of an alert, and as small text fields that the worst alert has not, reasons, event and link."""
    # The headline becomes bold: a star or a back-tick of an event must not end that.
    bold = Markup(truncate_escaped(alert.texts.headline, MAX_HEADER).replace("*", "∗").replace("`", "ˋ"))
    head = join_safe("\n", filter(None, (Markup(f"*{bold}*"), alert_state_line(alert.state, labels))))
    sections = [head, *section_texts(alert.lines)]
    if len(sections) > 1 and len(sections[0]) + len(sections[1]) < _MAX_FIRST_SECTION:
        sections[:2] = [join_safe("\n", sections[:2])]
    texts = alert.texts
    other_fields = [each for each in texts.fields if each not in worst.texts.fields]
    reasons = join_safe(labels.line["between_reasons"], texts.reasons)
    why = Markup(f"*{labels.line['why']}* ") + reasons if reasons else Markup()
    event = texts.event
    if texts.links:
        event += Markup(f" · <{url_in_link(texts.links[0].url)}|{texts.links[0].name}>")
    small = (join_safe(" · ", map(_field_in_one_line, other_fields)), why, event)
    yield from map(section, sections)
    yield context(join_safe("\n", filter(None, small)))


def _field_in_one_line(field: Field) -> Markup:
    return join_safe(" ", (Markup(f"*{field.name}*"), *map(mrkdwn, field.lines)))


def title_of(headline: str, part_text: str, state: MessageState, labels: Labels) -> Markup:
    """The header: status and headline, cut where they are too long, the part and the number of alerts in the thread."""
    suffix = f"{mrkdwn(f' · {part_text}') if part_text else ''}{_reply_count(state)}"
    title = truncate_escaped(status_headline(headline, state, labels), MAX_HEADER - len(suffix))
    return as_markup(f"{title}{suffix}") if suffix else title


def _reply_count(state: MessageState) -> str:
    return f" 🧵 +{len(state.replies)}" if state.replies else ""
