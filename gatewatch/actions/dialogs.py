"""Dialogs of Slack: a date, or a reason. The metadata of a dialog is signed for the person who opened it."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.actions.click import ACTION_PREFIX, Click, decode_click, encode_click
from gatewatch.errors import UndecodableError
from gatewatch.model.alert_actions import ActionButton

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatewatch.actions.click import Dialog

    Block = dict[str, Any]

_MAX_REASON = 500
_TITLES = {
    ActionButton.SNOOZE_UNTIL: "modal_snooze",
    ActionButton.PROPOSE_EXCEPTION: "modal_exception",
    ActionButton.BREAK_GLASS: "modal_break_glass",
}


def needs_dialog(button: ActionButton) -> bool:
    return button in _TITLES


def dialog_view(click: Click, texts: Mapping[str, str], secret: bytes) -> dict[str, Any]:
    """The view of the dialog of a button. `texts` are the section `action` of the labels."""
    return {
        "type": "modal",
        "callback_id": f"{ACTION_PREFIX}{click.button}",
        "title": _plain(texts[_TITLES[click.button]]),
        "submit": _plain(texts["submit"]),
        "close": _plain(texts["cancel"]),
        "private_metadata": _sealed(click, secret),
        "blocks": _BLOCKS[click.button](texts),
    }


def not_recorded_view(texts: Mapping[str, str]) -> dict[str, Any]:
    """Says that a click was not recorded."""
    return {
        "type": "modal",
        "title": _plain(texts["modal_not_recorded"]),
        "close": _plain(texts["cancel"]),
        "blocks": [{"type": "section", "text": _plain(texts["not_recorded"])}],
    }


def not_recorded_answer(dialog: Dialog, texts: Mapping[str, str]) -> dict[str, Any]:
    """The answer to a submitted dialog that was not recorded: Slack shows it in the dialog, which stays open."""
    return {"response_action": "errors", "errors": dict.fromkeys(list(dialog.inputs)[:1], texts["not_recorded"])}


def submitted_click(dialog: Dialog, key: str, at: float, secrets: Sequence[bytes]) -> Click:
    """The click of a submitted dialog. Raises `UndecodableError` when its metadata is not what the person was given."""
    body, _, seal = dialog.metadata.rpartition(".")
    valid = [hmac.compare_digest(_seal(body, dialog.user, secret), seal.encode()) for secret in secrets]
    if not any(valid):
        raise UndecodableError("", "is a dialog that was not opened by this person")
    opened = decode_click(body)
    if opened.button != dialog.button:
        raise UndecodableError("", "is another dialog than the one that was opened")
    return msgspec.structs.replace(opened, key=key, at=at, inputs=dialog.inputs)


def _sealed(click: Click, secret: bytes) -> str:
    body = encode_click(click)
    return f"{body}.{_seal(body, click.user, secret).decode()}"


def _seal(body: str, user: str, secret: bytes) -> bytes:
    """Under a key of its own, so that a seal is never the signature of a request."""
    key = hmac.new(secret, b"gatewatch dialog", hashlib.sha256).digest()
    return hmac.new(key, f"{user}\n{body}".encode("utf-8", "replace"), hashlib.sha256).hexdigest().encode()


def _snooze_blocks(texts: Mapping[str, str]) -> list[Block]:
    return [_date("until", texts["modal_date"])]


def _exception_blocks(texts: Mapping[str, str]) -> list[Block]:
    return [
        _text("owner", texts["modal_owner"], 80),
        _text("reason", texts["modal_reason"], _MAX_REASON),
        _text("ticket", texts["modal_ticket"], 80),
        _date("expires", texts["modal_expires"]),
    ]


def _break_glass_blocks(texts: Mapping[str, str]) -> list[Block]:
    said = {"type": "section", "text": _plain(texts["modal_break_glass_text"])}
    return [said, _text("reason", texts["modal_reason"], _MAX_REASON)]


_BLOCKS = {
    ActionButton.SNOOZE_UNTIL: _snooze_blocks,
    ActionButton.PROPOSE_EXCEPTION: _exception_blocks,
    ActionButton.BREAK_GLASS: _break_glass_blocks,
}


def _date(name: str, label: str) -> Block:
    return _input(name, label, {"type": "datepicker"})


def _text(name: str, label: str, maximum: int) -> Block:
    return _input(name, label, {"type": "plain_text_input", "max_length": maximum, "min_length": 1})


def _input(name: str, label: str, element: dict[str, Any]) -> Block:
    return {"type": "input", "block_id": name, "label": _plain(label), "element": {**element, "action_id": name}}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
