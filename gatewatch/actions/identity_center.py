"""Users of IAM Identity Center by their e-mail address: their user name is the session name in CloudTrail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.aws.error_codes import error_code
from gatewatch.config.actions import EMAIL

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

_SECONDS, _MAX_ENTRIES = 60.0, 1000  # of the cache of addresses without a user
_MISSING = "ResourceNotFoundException"
NO_USER, NOT_READABLE = "no_user", "not_readable"


class FoundUser(Struct, frozen=True):
    """`name` is a user name; without one `problem` is NO_USER or NOT_READABLE."""

    name: str = ""
    problem: str = ""


class IdentityCenter:
    """`connect` returns a client of the identity store and may raise botocore's errors."""

    def __init__(self, connect: Callable[[], Any], store_id: str, now: Callable[[], float], log: Logger) -> None:
        self._connect = connect
        self._store_id = store_id
        self._now = now
        self._log = log
        self._not_found: dict[str, tuple[float, FoundUser]] = {}

    def find(self, email: str) -> FoundUser:
        """Return the one enabled user with an address. Whatever fails is an answer without a user, and logged."""
        if not email.isascii() or not EMAIL.match(email):
            return FoundUser(problem=NO_USER)
        until, known = self._not_found.get(email, (0.0, FoundUser()))
        if self._now() < until:
            return known
        found = self._asked(email)
        if found.problem:
            self._remember(email, found)
        return found

    def _asked(self, email: str) -> FoundUser:
        try:
            name = self._user_name(self._connect(), email)
        except (ClientError, BotoCoreError) as error:
            self._log.warning("the identity store cannot be read", extra={"reason": error_code(error)})
            return FoundUser(problem=NOT_READABLE)
        return FoundUser(name) if name else FoundUser(problem=NO_USER)

    def _user_name(self, client: Any, email: str) -> str:
        """The name of the user who has the whole address, without regard to case; empty without one."""
        for each in dict.fromkeys((email, email.lower())):
            try:
                user = self._user(client, each)
            except ClientError as error:
                if error_code(error) != _MISSING:
                    raise
                continue
            addresses = {str(one.get("Value", "")).casefold() for one in user.get("Emails", [])}
            is_enabled = user.get("UserStatus", "ENABLED") == "ENABLED"
            return str(user.get("UserName", "")) if is_enabled and email.casefold() in addresses else ""
        return ""

    def _user(self, client: Any, email: str) -> dict[str, Any]:
        attribute = {"AttributePath": "emails.value", "AttributeValue": email}
        found = client.get_user_id(IdentityStoreId=self._store_id, AlternateIdentifier={"UniqueAttribute": attribute})
        user: dict[str, Any] = client.describe_user(IdentityStoreId=self._store_id, UserId=found["UserId"])
        return user

    def _remember(self, email: str, found: FoundUser) -> None:
        if len(self._not_found) >= _MAX_ENTRIES:
            self._not_found.clear()
        self._not_found[email] = (self._now() + _SECONDS, found)
