"""Clicks in Slack: what a verified request asks for, and its form in the queue.

Slack signs the whole body, but a person chooses what is clicked and typed: every value is checked by what it is used
for, and the state is read from the table, never from the message.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from gatewatch.config.languages import LANGUAGES, Language
from gatewatch.errors import UndecodableError
from gatewatch.model.alert_actions import ActionButton
from gatewatch.model.typed_decoding import decode_json

if TYPE_CHECKING:
    from gatewatch.actions.slack_signature import SignedRequest
    from gatewatch.config.actions import ActionSettings

ACTION_PREFIX = "gatewatch."
_VALUE = re.compile(r"(?:([a-z_]{1,30}):)?([0-9a-f]{32})(?:\.([0-9a-f]{1,32}))?\Z")
_USER = re.compile(r"[UW][A-Z0-9]{2,30}\Z")
_CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,30}\Z")
_MESSAGE = re.compile(r"[0-9]{1,12}\.[0-9]{1,8}\Z")
_MAX_TEXT = 1000


class Click(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One click or one submitted dialog. `key` is the same when Slack repeats the request.

    `channel` and `ts` are the message with the button; without `ts` the click was made at a terminal. `trigger` opens a
    dialog within three seconds and is never stored. `inputs` are what was typed in a dialog. `at` is in seconds since
    1970. `language` is that of the message, empty when the button does not say; it decides nothing but texts.
    """

    key: str
    button: ActionButton
    alert: str
    user: str
    channel: str
    ts: str
    at: float
    name: str = ""
    proposal: str = ""
    trigger: str = ""
    language: Language | Literal[""] = ""
    inputs: dict[str, str] = {}

    @property
    def source(self) -> str:
        return f"{self.channel}/{self.ts}" if self.ts else self.channel


class Dialog(Struct, frozen=True):
    """A submitted dialog before its metadata is verified."""

    button: str
    metadata: str
    user: str
    name: str
    inputs: dict[str, str]


def payload_of(request: SignedRequest) -> dict[str, Any] | None:
    """The payload of a request; None for one without a payload, such as `ssl_check`. Raises `UndecodableError`."""
    try:
        fields = parse_qs(request.body.decode(), strict_parsing=True, max_num_fields=20)
        payload = json.loads(fields["payload"][0]) if "payload" in fields else None
    except (ValueError, RecursionError) as error:
        raise UndecodableError("", f"is no form with a payload ({type(error).__name__})") from error
    if payload is not None and not isinstance(payload, dict):
        raise UndecodableError("", "has a payload that is no object")
    return payload


def is_ours(payload: dict[str, Any], settings: ActionSettings) -> bool:
    """Whether a payload is from our workspace, our app and a user of our workspace.

    In a shared channel people of other organizations can click; `user.team_id` names theirs. For an app that is
    installed in a whole organization `team` is null (docs.slack.dev, interaction payloads).
    """
    is_here = _at(payload, "team", "id") == settings.team or _is_from_organization(payload, settings)
    home = _at(payload, "user", "team_id") or settings.team
    return is_here and payload.get("api_app_id") == settings.app and home in settings.homes


def _is_from_organization(payload: dict[str, Any], settings: ActionSettings) -> bool:
    enterprise = _at(payload, "enterprise", "id")
    is_org_wide = payload.get("team") is None and payload.get("is_enterprise_install") is True
    return is_org_wide and bool(enterprise) and enterprise == settings.enterprise


def click_of(payload: dict[str, Any], key: str, at: float) -> Click | None:
    """Return the click on a button of gatewatch; None for anything else. Raises `UndecodableError`."""
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    name = action.get("action_id")
    if payload.get("type") != "block_actions" or not isinstance(name, str) or not name.startswith(ACTION_PREFIX):
        return None
    chosen = _at(action, "selected_option", "value") or action.get("value")
    found = _VALUE.match(chosen) if isinstance(chosen, str) else None
    if found is None:
        raise UndecodableError("", "is a click on a button without an id")
    container = payload.get("container")
    return Click(
        key=key,
        button=_button(found[1] or name.removeprefix(ACTION_PREFIX)),
        alert=found[2],
        proposal=found[3] or "",
        user=_checked(_USER, _at(payload, "user", "id"), "user"),
        name=_name(payload),
        channel=_checked(_CHANNEL, _at(container, "channel_id") or _at(payload, "channel", "id"), "channel"),
        ts=_checked(_MESSAGE, _at(container, "message_ts"), "message"),
        trigger=str(payload.get("trigger_id") or ""),
        language=_language(_at(action, "block_id")),
        at=at,
    )


def dialog_of(payload: dict[str, Any]) -> Dialog | None:
    """Return a submitted dialog of gatewatch; None for anything else. Raises `UndecodableError`."""
    name = _at(payload, "view", "callback_id")
    if payload.get("type") != "view_submission" or not name.startswith(ACTION_PREFIX):
        return None
    return Dialog(
        button=name.removeprefix(ACTION_PREFIX),
        metadata=_at(payload, "view", "private_metadata"),
        user=_checked(_USER, _at(payload, "user", "id"), "user"),
        name=_name(payload),
        inputs=dict(_inputs(payload)),
    )


def encode_click(click: Click) -> str:
    return msgspec.json.encode(msgspec.structs.replace(click, trigger="")).decode()


def decode_click(body: str) -> Click:
    """Raises `UndecodableError`."""
    try:
        return decode_json(body, Click)
    except msgspec.DecodeError as error:
        raise UndecodableError("", f"is no click ({type(error).__name__})") from error


def _inputs(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """What was typed, by the id of the block. Texts are cut here too, although the dialog limits them."""
    view = payload.get("view")
    state = view.get("state") if isinstance(view, dict) else None
    values = state.get("values") if isinstance(state, dict) else None
    found = []
    for block, elements in (values if isinstance(values, dict) else {}).items():
        for element in (elements if isinstance(elements, dict) else {}).values():
            text = _at(element, "selected_date") or _at(element, "value")
            found.append((str(block)[:30], text[:_MAX_TEXT]))
    return found[:10]


def _language(block: str) -> Language | Literal[""]:
    """The language that a block of buttons names; empty for anything else."""
    named = block.removeprefix(ACTION_PREFIX).partition(".")[0]
    return next((each for each in LANGUAGES if each == named), "")


def _button(name: str) -> ActionButton:
    try:
        return ActionButton(name)
    except ValueError:
        raise UndecodableError("", "names no action of gatewatch") from None


def _name(payload: dict[str, Any]) -> str:
    return (_at(payload, "user", "username") or _at(payload, "user", "name"))[:80]


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.match(text):
        raise UndecodableError("", f"names no {what}")
    return text


def _at(value: object, *path: str) -> str:
    """The text at a path of keys, as valid Unicode; empty when there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
