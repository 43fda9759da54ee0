"""What people do about the alerts of the scenario: their clicks on the buttons of the messages, in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from gatewatch.errors import GatewatchError
from gatewatch.local.slack.interactions import elements_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gatewatch.local.slack.inbox import Inbox
    from gatewatch.local.slack.store import ReceivedMessage

_ALICE, _BOB, _CAROL = "U0ALICE", "U0BOB", "U0CAROL"
TEN_RULES_EVENT = "b9da42d6-e111-4d7a-9d13-d54922ced431"
WIDE_RANGE_EVENT = "70ae9969-38af-4f55-a37f-a5bdd56a63e7"
RDP_EVENT = "4c1116b5-70a8-47b2-af06-2712ae1cdcd3"


class DemoClick(NamedTuple):
    """A click by a member of the workspace on a button, by the name of its action, of the message about an event."""

    user: str
    event_id: str
    action: str


class ClickError(GatewatchError):
    """A message or its button does not exist, or the app did not accept the click."""


CLICKS = (
    DemoClick(_ALICE, TEN_RULES_EVENT, "acknowledge"),
    DemoClick(_ALICE, WIDE_RANGE_EVENT, "snooze_day"),
    DemoClick(_CAROL, RDP_EVENT, "propose_revert"),  # refused: nobody knows who Carol is in AWS
    DemoClick(_ALICE, RDP_EVENT, "propose_revert"),
    DemoClick(_ALICE, RDP_EVENT, "approve_revert"),  # refused: Alice proposed it
    DemoClick(_BOB, RDP_EVENT, "approve_revert"),
)


def click_all(inbox: Inbox, work_off: Callable[[], Any]) -> None:
    """Click one after the other; `work_off` runs the functions until every queue is empty. Raises `ClickError`."""
    for each in CLICKS:
        answer = inbox.interact({"user": each.user, **_button(inbox, each)})
        if answer["status"] != 200:  # noqa: PLR2004  the status of an accepted click
            raise ClickError(f"{each.action} of {each.event_id} by {each.user} was answered {answer['status']}")
        work_off()


def _button(inbox: Inbox, click: DemoClick) -> dict[str, Any]:
    for message in inbox.received:
        if click.event_id in json.dumps(message.message) and (found := next(_named(message, click.action), None)):
            return {"message": message.number, **found}
    raise ClickError(f"no message about {click.event_id} has a button {click.action}")


def _named(message: ReceivedMessage, action: str) -> Iterator[dict[str, Any]]:
    """Yield the button, or the option of a menu, that asks for an action."""
    for element in elements_of(message.message):
        name = element["action_id"]
        if name == f"gatewatch.{action}":
            yield {"action": name, "value": element["value"]}
        options = (each["value"] for each in element.get("options", ()))
        yield from ({"action": name, "value": value} for value in options if value.startswith(f"{action}:"))
