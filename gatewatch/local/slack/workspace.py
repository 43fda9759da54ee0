"""The workspace of the local Slack: its ids, its members, its signing secret, and the dialogs that are open."""

from __future__ import annotations

import re
from threading import Lock
from typing import Any, NamedTuple

TEAM, APP, BOT = "T0LOCAL", "A0LOCAL", "B0LOCAL"
SIGNING_SECRET = "signing-secret-of-the-local-slack"  # noqa: S105  accepted by the local functions only
_CHANNEL = re.compile(r"[CDGU][A-Z0-9]{2,30}\Z")


class Member(NamedTuple):
    """A member of the workspace; a guest is no full member."""

    id: str
    name: str
    email: str
    is_guest: bool = False


MEMBERS = (
    Member("U0ALICE", "alice", "alice@example.com"),
    Member("U0BOB", "bob", "bob@example.com"),
    Member("U0CAROL", "carol", "carol@example.com"),
    Member("U0GUEST", "guest", "guest@example.org", is_guest=True),
)


def member_of(*, user_id: str = "", email: str = "") -> Member | None:
    """Return a member by id or by e-mail address."""
    found = (each for each in MEMBERS if each.id == user_id or (email and each.email == email.casefold()))
    return next(found, None)


def user_object(member: Member) -> dict[str, Any]:
    """Return a member as users.info does."""
    return {
        "id": member.id,
        "team_id": TEAM,
        "name": member.name,
        "deleted": False,
        "is_bot": False,
        "is_restricted": member.is_guest,
        "is_ultra_restricted": False,
        "profile": {"email": member.email},
    }


def channel_id(name: str) -> str:
    """Return the id of a channel, which Slack's answers have in place of its name."""
    return name if _CHANNEL.match(name) else "C" + re.sub("[^A-Z0-9]", "", f"0{name.upper()}")[:30]


class Dialogs:
    """Views that the app opened, by the trigger of the click."""

    def __init__(self) -> None:
        self._views: dict[str, dict[str, Any]] = {}
        self._lock = Lock()

    def open(self, trigger: str, view: dict[str, Any]) -> None:
        with self._lock:
            self._views[trigger] = view

    def take(self, trigger: str) -> dict[str, Any] | None:
        """Return the view of a trigger and forget it."""
        with self._lock:
            return self._views.pop(trigger, None)
