"""One CloudTrail record as `ApiCall`, its actor and access method."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class AccessMethod(StrEnum):
    """How a call was made."""

    CONSOLE = "console"
    CLI = "cli"
    SDK = "sdk"
    TERRAFORM = "terraform"
    CLOUDFORMATION = "cloudformation"
    SERVICE = "service"
    UNKNOWN = "unknown"


class Actor(Struct, frozen=True):
    """Caller of a call: the best name that the event holds, and `userIdentity.type`.

    `name` may hold text of the caller's choice (session name, source identity): it is shown and never decides.
    `verified_names` are those that AWS vouches for: a user, a role by name and ARN. `session` is the session name of
    a role; `is_session_verified` when Identity Center chose it. `is_organization_root`: a session of `AssumeRoot`.
    `access_key` is masked. `mfa`: whether a user or a session signed in with MFA; None where the event does not tell.
    """

    name: str
    type: str
    verified_names: tuple[str, ...] = ()
    session: str = ""
    is_session_verified: bool = False
    is_organization_root: bool = False
    access_key: str = ""
    mfa: bool | None = None


class ApiCall(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One CloudTrail record without its wrapper.

    `request` and `response` are the record's JSON, read only by `events.changes`. `record` is the whole record, kept
    for messages about calls that were not understood. Texts that the record lacks are empty, `time` is None.

    `is_aws_work`: an AWS service acted with an identity of its own. `delegate_account`: a product provider acted with
    delegated access. `corrects`: the `eventID` that this record replaces (addendum). `conflicts`: fields in which the
    envelope and the record disagree; such an event is not trusted.
    """

    event_id: str
    event_name: str
    event_source: str
    time: datetime | None
    account_id: str
    region: str
    actor: Actor
    via: AccessMethod
    source_ip: str | None
    error_code: str | None
    request: Any = None
    response: Any = None
    record: dict[str, Any] = {}
    shared_event_id: str | None = None
    source_identity: str | None = None
    delegate_account: str | None = None
    is_aws_work: bool = False
    corrects: str | None = None
    conflicts: tuple[str, ...] = ()

    @property
    def is_by_root(self) -> bool:
        """Whether the root user itself called: no session of `AssumeRoot`, no service on its behalf."""
        if self.actor.type != "Root" or self.actor.is_organization_root:
            return False
        return self.via not in {AccessMethod.CLOUDFORMATION, AccessMethod.SERVICE}

    @property
    def delivery_key(self) -> str:
        """Id for deduplication: one action seen by two accounts has two `eventID`s and one `sharedEventID`."""
        return f"{self.corrects}#correction" if self.corrects else self.shared_event_id or self.event_id
