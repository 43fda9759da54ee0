"""`actions:` of policy.yaml: what people may do from Slack and with `gatewatch act`. Everything is off by default."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.config.destinations import SecretRef
from gatewatch.config.yaml_file import load_content
from gatewatch.errors import ConfigurationError
from gatewatch.model.severity import Severity
from gatewatch.model.typed_decoding import convert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TEAM = re.compile(r"T[A-Z0-9]{2,30}\Z")
_ENTERPRISE = re.compile(r"E[A-Z0-9]{2,30}\Z")
_APP = re.compile(r"A[A-Z0-9]{2,30}\Z")
SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,30}\Z")
EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\Z")
# functions/actions may read secrets below this path only.
_PATHS = ("/gatewatch/actions/", "gatewatch/actions/")
_MAX_MINUTES = 60  # a proposal is about what the resource was when it was made


class ActionMode(StrEnum):
    """READ_ONLY: acknowledge and snooze, which needs no permission in any member."""

    OFF = "off"
    READ_ONLY = "read_only"
    FULL = "full"


class ActionSettings(Struct, frozen=True, forbid_unknown_fields=True, rename={"written_mode": "mode"}):
    """`allow`: Slack user ids and e-mail addresses of those who may propose and approve reverts.

    `enterprise`: id of the organization on Enterprise Grid that the workspace `team` belongs to, if it does. From
    severity `two_person_from` on, a revert needs two people with different AWS identities.
    """

    written_mode: ActionMode | bool = ActionMode.OFF  # YAML 1.1 reads `off` as false
    team: str = ""
    enterprise: str = ""
    app: str = ""
    signing_secret: SecretRef | None = None
    token: SecretRef | None = None
    allow: tuple[str, ...] = ()
    two_person_from: Severity = Severity.INFO
    expires_minutes: int = 15
    break_glass: bool = False

    @property
    def mode(self) -> ActionMode:
        return self.written_mode if isinstance(self.written_mode, ActionMode) else ActionMode.OFF

    @property
    def is_on(self) -> bool:
        return self.mode is not ActionMode.OFF

    @property
    def homes(self) -> frozenset[str]:
        """The ids by which Slack names where our users belong: on Enterprise Grid that is the organization."""
        return frozenset({self.team, self.enterprise} - {""})

    @property
    def secrets(self) -> dict[str, SecretRef]:
        """The secrets by their key in policy.yaml."""
        refs = {"signing_secret": self.signing_secret, "token": self.token}
        return {key: ref for key, ref in refs.items() if ref is not None}

    def needs_two_people(self, severity: Severity) -> bool:
        return severity.rank >= self.two_person_from.rank

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield key and sentence for every problem that the types do not exclude."""
        if self.written_mode is True:
            yield "mode", "is true; write off, read_only or full."
        if self.is_on:
            yield from self._missing()
        if self.enterprise and not _ENTERPRISE.match(self.enterprise):
            yield "enterprise", f'"{self.enterprise}" is not the id of a Slack organization, such as E012ABCDEF.'
        for index, each in enumerate(self.allow):
            if not SLACK_USER.match(each) and not EMAIL.match(each):
                yield (
                    f"allow[{index}]",
                    f'"{each}" is neither a Slack user id such as U012ABCDEF nor an e-mail address.',
                )
        if not 1 <= self.expires_minutes <= _MAX_MINUTES:
            yield "expires_minutes", f"is not from 1 to {_MAX_MINUTES}."

    def _missing(self) -> Iterator[tuple[str, str]]:
        if not _TEAM.match(self.team):
            yield "team", f'"{self.team}" is not the id of a Slack workspace, such as T012ABCDEF.'
        if not _APP.match(self.app):
            yield "app", f'"{self.app}" is not the id of a Slack app, such as A012ABCDEF.'
        for key, ref in (("signing_secret", self.signing_secret), ("token", self.token)):
            if ref is None or (ref.ssm is None) == (ref.secret is None):
                yield key, "write either {ssm: /path} or {secret: name}."
            elif not (ref.ssm or ref.secret or "").startswith(_PATHS):
                yield key, "is not below gatewatch/actions/, which is all that functions/actions may read."
        if self.mode is ActionMode.FULL and not self.allow:
            yield (
                "allow",
                "is empty, so nobody may revert; write user ids or e-mail addresses, or mode: read_only.",
            )


def load_action_settings(policy: Path) -> ActionSettings:
    """Read the one section, for the function that answers Slack. Raises `ConfigurationError`."""
    try:
        return convert(load_content(policy).get("actions") or {}, ActionSettings)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{policy}: actions: {error}") from error
