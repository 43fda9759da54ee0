"""The variables of the Slack message templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from gatewatch.rendering.escaping import join_safe, mrkdwn, truncate_escaped
from gatewatch.rendering.overview import WorstRule, overview_of, url_in_link
from gatewatch.rendering.slack_limits import MAX_HEADER, MAX_SECTION
from gatewatch.rendering.slack_sections import section_texts
from gatewatch.rendering.text.state import alert_state_line, message_state_lines, status_headline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.config.settings import Colors
    from gatewatch.model.message_state import AlertState, MessageState
    from gatewatch.rendering.alert_texts import AlertTexts
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


def rollup_context(
    alerts: Sequence[RolledUpAlert], state: MessageState, labels: Labels, colors: Colors
) -> dict[str, Any]:
    """The variables of the roll-up template; `alerts` are in the order of display, the worst first."""
    worst, more = alerts[0], f" · +{len(alerts) - 1}"
    headline = truncate_escaped(status_headline(worst.texts.headline, state, labels), _MAX_ROLLUP_TITLE)
    title = join_safe("", (headline, Markup(more), _reply_count(state)))
    overview = overview_of(worst.texts, worst.worst, title, message_state_lines(state, labels, is_rollup=True), labels)
    first = worst._replace(lines=[*overview.left_out, *overview.remaining(worst.lines, worst.worst)])
    return {
        "color": colors.resolved if state.is_over else worst.texts.color,
        "fallback": worst.texts.summary + more,
        "title": title,
        "overview": overview,
        "event": worst.texts.event_text,
        "fields": worst.texts.fields,
        "alerts": [_rolled_up_texts(each, worst, labels) for each in (first, *alerts[1:])],
    }


def _rolled_up_texts(alert: RolledUpAlert, worst: RolledUpAlert, labels: Labels) -> tuple[list[Markup], Markup]:
    """The sections of an alert, and its small text: fields that the worst alert has not, reasons, event and link."""
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
    return sections, join_safe("\n", filter(None, small))


def _field_in_one_line(field: Field) -> Markup:
    return join_safe(" ", (Markup(f"*{field.name}*"), *map(mrkdwn, field.lines)))


def title_of(headline: str, part_text: str, state: MessageState, labels: Labels) -> Markup:
    """The header: status and headline, cut where they are too long, the part and the number of alerts in the thread."""
    suffix = (f" · {part_text}" if part_text else "") + _reply_count(state)
    headline = status_headline(headline, state, labels)
    return join_safe("", (truncate_escaped(headline, MAX_HEADER - len(suffix)), Markup(suffix)))


def _reply_count(state: MessageState) -> Markup:
    return Markup(f" 🧵 +{len(state.replies)}") if state.replies else Markup()
