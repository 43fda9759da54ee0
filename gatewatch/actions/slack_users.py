"""Who a Slack user is: a member of the workspace or not, and the e-mail address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.actions.people import person_in_slack, person_with_user_name
from gatewatch.config.actions import EMAIL
from gatewatch.errors import PermanentDeliveryError
from gatewatch.model.identity import canonical_identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.actions.identity_center import IdentityCenter
    from gatewatch.actions.slack_api import SlackApi
    from gatewatch.config.actions import ActionSettings
    from gatewatch.config.people import PersonEntry
    from gatewatch.model.alert_actions import Person
    from gatewatch.model.api_call import Actor

_NO_SUCH_USER = frozenset({"users_not_found", "user_not_found", "user_not_visible"})
# users.info (docs.slack.dev): what a user may be who is no full member.
_NO_MEMBER = (
    "deleted",
    "is_bot",
    "is_restricted",
    "is_ultra_restricted",
    "is_stranger",
    "is_app_user",
    "is_workflow_bot",
)


class SlackUsers:
    """`identity_center` finds people who are not in `people`, where the settings allow it.

    Methods raise `TransientDeliveryError`, and `PermanentDeliveryError` when the app lacks a scope.
    """

    def __init__(
        self,
        api: SlackApi,
        settings: ActionSettings,
        people: Sequence[PersonEntry],
        identity_center: IdentityCenter | None = None,
    ) -> None:
        self._api = api
        self._identity_center = identity_center
        self._settings = settings
        self._people = people

    def member(self, user_id: str) -> Person | None:
        """Return a full member of the workspace; None for a guest, a bot, a deactivated user and a stranger."""
        user = self._user("users.info", {"user": user_id})
        if user is None or user.get("id") != user_id or not self._is_home(user):
            return None
        if any(user.get(each) is not False for each in _NO_MEMBER[:4]) or any(
            user.get(each) for each in _NO_MEMBER[4:]
        ):
            return None
        profile = user.get("profile")
        email = profile.get("email") if isinstance(profile, dict) else ""
        if not isinstance(email, str) or user.get("is_email_confirmed") is False:
            email = ""  # whoever typed it does not have to own it
        person = person_in_slack(user_id, str(user.get("name") or "")[:80], email, self._people)
        return self._looked_up(person, email)

    def _looked_up(self, person: Person, email: str) -> Person:
        if person.identities or self._identity_center is None:
            return person
        found = self._identity_center.find(email)
        if found.problem:
            return msgspec.structs.replace(person, unmapped=found.problem)
        return person_with_user_name(person, found.name, self._people)

    def _is_home(self, user: dict[str, Any]) -> bool:
        """Whether a user belongs to our workspace; on Enterprise Grid `enterprise_user` lists the workspaces of one."""
        if user.get("team_id") == self._settings.team:
            return True
        found = user.get("enterprise_user")
        organization = found.get("enterprise_id") if isinstance(found, dict) else None
        teams = found.get("teams") if isinstance(found, dict) else None
        is_ours = bool(organization) and organization == self._settings.enterprise
        return is_ours and isinstance(teams, list) and self._settings.team in teams

    def actor(self, actor: Actor) -> str:
        """Return the user id of the actor of a call, who has to be a person; empty when nobody is found.

        The session name counts only where IAM Identity Center chose it: anybody else could name somebody else.
        """
        names = {*actor.verified_names, *([actor.session] if actor.is_session_verified else [])}
        known = {canonical_identity(each) for each in names if each}
        entry = next((each for each in self._people if known & set(each.identities)), None)
        if entry and entry.slack:
            return entry.slack
        email = entry.email if entry else next((each for each in sorted(names) if EMAIL.match(each)), "")
        user = self._user("users.lookupByEmail", {"email": email}) if email else None
        return str(user.get("id") or "") if user else ""

    def _user(self, method: str, fields: dict[str, str]) -> dict[str, Any] | None:
        try:
            user = self._api.call(method, fields).get("user")
        except PermanentDeliveryError as error:
            if str(error) in _NO_SUCH_USER:
                return None
            raise
        return user if isinstance(user, dict) else None
