"""Buttons and menus of actions below the first attachment of a Slack message, and the revert that is proposed.

A button carries the opaque id of the alert, and of a proposal, and nothing else: the state is in the table. Its block
names the language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.model.alert_actions import ActionButton, ActionStatus
from gatewatch.rendering.escaping import code, format_safe, join_safe, mrkdwn
from gatewatch.rendering.notices import notice_paragraphs, sentence_mrkdwn
from gatewatch.rendering.slack_blocks import context, section
from gatewatch.rendering.slack_limits import MAX_ALL_BLOCKS, MAX_UNFOLDED
from gatewatch.rendering.time_text import local_minute

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markupsafe import Markup

    from gatewatch.model.alert_actions import RevertProposal, ShownActions
    from gatewatch.model.notification import OperatorNotice
    from gatewatch.rendering.slack_blocks import Block
    from gatewatch.rendering.text.labels import Labels

ACTION_PREFIX = "gatewatch."
MENU = f"{ACTION_PREFIX}menu"
# A plan is not folded either: 100 characters are left for the line that says how many changes are not shown.
_MAX_LINES, _MAX_PLAN = 10, MAX_UNFOLDED - 100
_STYLES = {
    ActionButton.ACKNOWLEDGE: "primary",
    ActionButton.APPROVE_REVERT: "danger",
    ActionButton.APPROVE_UNDO: "danger",
}
_IN_MENU = frozenset(
    {
        ActionButton.SNOOZE_HOUR,
        ActionButton.SNOOZE_DAY,
        ActionButton.SNOOZE_UNTIL,
        ActionButton.PROPOSE_EXCEPTION,
    }
)
_OF_PROPOSAL = frozenset(
    {
        ActionButton.APPROVE_REVERT,
        ActionButton.REJECT_REVERT,
        ActionButton.APPROVE_UNDO,
        ActionButton.REJECT_UNDO,
        ActionButton.BREAK_GLASS,
    }
)
_PROPOSED = {ActionStatus.REVERT_PROPOSED: "proposal", ActionStatus.UNDO_PROPOSED: "proposal_undo"}
# Slack asks again before it sends the click: keys of the title, the text and the button.
_CONFIRMED = {
    ActionButton.APPROVE_REVERT: ("approve_title", "approve_text"),
    ActionButton.APPROVE_UNDO: ("approve_undo_title", "approve_undo_text"),
}


def with_actions(message: dict[str, Any], shown: ShownActions | None, labels: Labels, language: str) -> dict[str, Any]:
    """Add the blocks of actions below the first attachment; as many of them as Slack accepts, the buttons first.

    They are an attachment of their own, so that Slack does not fold the plan and its buttons with the text above.
    """
    if shown is None:
        return message
    first, *others = message["attachments"]
    used = _size([each["blocks"] for each in message["attachments"]])
    buttons = _button_blocks(shown, labels, language)
    for added in ([*_proposal_blocks(shown, labels), *buttons], buttons):
        if used + _size(added) <= MAX_ALL_BLOCKS:
            own = [{"color": first["color"], "blocks": added}] if added else []
            return message | {"attachments": [first, *own, *others]}
    return message


def question_blocks(notice: OperatorNotice, shown: ShownActions, labels: Labels) -> list[Block]:
    """The question to the actor, with its answers as buttons."""
    return [*thread_blocks(notice, labels), *_button_blocks(shown, labels, notice.language)]


def thread_blocks(notice: OperatorNotice, labels: Labels) -> list[Block]:
    """What is posted in the thread of an alert about an action."""
    head, *more = notice_paragraphs(notice, labels)
    title = sentence_mrkdwn(notice.title, labels)
    return [section(title), *map(section, more), context(head)]


def _size(blocks: Sequence[Any]) -> int:
    return len(msgspec.json.encode(blocks).decode())


def _proposal_blocks(shown: ShownActions, labels: Labels) -> list[Block]:
    status, proposal = shown.actions.status, shown.actions.proposal
    if not shown.buttons:
        return []
    if proposal and status in _PROPOSED:
        return [section(join_safe("\n", _proposal_lines(_PROPOSED[status], proposal, shown.timezone, labels)))]
    line = labels.action.get(f"status_{status}")
    return [context(mrkdwn(line))] if line else []


def _proposal_lines(title: str, proposal: RevertProposal, timezone: str, labels: Labels) -> list[Markup]:
    values = {
        "person": code(proposal.proposed.person.name or proposal.proposed.person.id),
        "time": mrkdwn(local_minute(proposal.expires_at, timezone)),
        "hash": code(proposal.plan.hash[:12]),
    }
    lines = [format_safe(labels.action[title], values)]
    size = len(lines[0])
    for number, each in enumerate(proposal.plan.lines):
        line = mrkdwn("• ") + sentence_mrkdwn(each, labels)
        if number == _MAX_LINES or (size := size + len(line)) > _MAX_PLAN:
            count = str(len(proposal.plan.lines) - number)
            return [*lines, format_safe(labels.action["more_lines"], {"count": mrkdwn(count)})]
        lines.append(line)
    return lines


def _button_blocks(shown: ShownActions, labels: Labels, language: str) -> list[Block]:
    """`block_id` names the language for dialogs; each update of a message has another one, as Slack recommends."""
    elements = [_button(each, shown, labels) for each in shown.buttons if each not in _IN_MENU]
    if listed := [each for each in shown.buttons if each in _IN_MENU]:
        elements.append(_menu(listed, shown, labels))
    name = f"{ACTION_PREFIX}{language}.{len(shown.actions.audit)}"
    return [{"type": "actions", "block_id": name, "elements": elements}] if elements else []


def _button(button: ActionButton, shown: ShownActions, labels: Labels) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "button",
        "action_id": f"{ACTION_PREFIX}{button}",
        "text": _plain(labels.action[button]),
        "value": _value(button, shown),
    }
    if button in _STYLES:
        element["style"] = _STYLES[button]
    if button in _CONFIRMED:
        title, text = _CONFIRMED[button]
        parts = {"title": title, "text": text, "confirm": "approve_ok", "deny": "cancel"}
        element["confirm"] = {part: _plain(labels.action[name]) for part, name in parts.items()}
    return element


def _menu(buttons: Iterable[ActionButton], shown: ShownActions, labels: Labels) -> dict[str, Any]:
    """An option carries the name of its action before the id, because a menu has only one `action_id`."""
    options = [{"text": _plain(labels.action[each]), "value": f"{each}:{shown.id}"} for each in buttons]
    return {"type": "overflow", "action_id": MENU, "options": options}


def _value(button: ActionButton, shown: ShownActions) -> str:
    proposal = shown.actions.proposal
    return f"{shown.id}.{proposal.id}" if proposal and button in _OF_PROPOSAL else shown.id


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
