"""The words everything speaks. Each value is frozen; account ids are strings."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from gatewatch.model.access import IamFacts, SignInFacts
from gatewatch.model.attached import Attached
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.hub import HubFacts
from gatewatch.model.rule import NO_GROUP, NO_RULE, Group, SecurityGroupRule


class Family(StrEnum):
    SECURITY_GROUP = "security_group"
    PREFIX_LIST = "prefix_list"
    ATTACHMENT = "attachment"
    IAM = "iam"
    SIGN_IN = "sign_in"
    COMPLIANCE = "compliance"
    HUB = "hub"


class Action(StrEnum):
    AUTHORIZE = "authorize"
    REVOKE = "revoke"
    MODIFY = "modify"
    DESCRIBE = "describe"
    CREATE = "create"
    DELETE = "delete"
    ASSOCIATE = "associate"
    DISASSOCIATE = "disassociate"
    ATTACH = "attach"
    DETACH = "detach"
    OTHER = "other"


class Outcome(StrEnum):
    """What became of a call. DENIED: no permission. FAILED: any other error. NO_OP: yes said, nothing changed."""

    APPLIED = "applied"
    DENIED = "denied"
    FAILED = "failed"
    DRY_RUN = "dry_run"
    NO_OP = "no_op"


class Via(StrEnum):
    CONSOLE = "console"
    CLI = "cli"
    SDK = "sdk"
    TERRAFORM = "terraform"
    CLOUDFORMATION = "cloudformation"
    SERVICE = "service"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """Security Hub's levels, in rising order of declaration."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    def __init__(self, _value: str) -> None:
        self.rank = len(type(self).__members__)  # of those declared before

    def one_step_down(self) -> Severity:
        return _LEVELS[max(0, self.rank - 1)]


_LEVELS = tuple(Severity)


class Actor(Struct, frozen=True):
    """The human or machine behind a call: the best name the event holds, and `userIdentity.type`."""

    name: str
    type: str


class ApiCall(Struct, frozen=True, kw_only=True):
    """One CloudTrail record, whatever it came wrapped in.

    `request` and `response` are the record's JSON, read only by `changes`; `record` is the whole of it, kept for
    the message of a call whose shape nobody knew. Texts that the record lacks are empty, `time` is None.
    """

    event_id: str
    event_name: str
    event_source: str
    time: datetime | None
    account_id: str
    region: str
    actor: Actor
    via: Via
    source_ip: str | None
    error_code: str | None
    request: Any
    response: Any
    record: dict[str, Any]
    shared_event_id: str | None = None

    @property
    def delivery_key(self) -> str:
        """CloudTrail gives one action that two accounts see two `eventID`s and one `sharedEventID`."""
        return self.shared_event_id or self.event_id


class Change(Struct, frozen=True, kw_only=True):
    """One thing that one call did, or tried to do: one rule and one peer at most.

    `resource_id` is what the change is about when that is no security group: a prefix list, an interface, an
    instance, `role/ci`. `facts` are what the families without a rule have to say. `understood` is False when the
    event was one of ours but its shape was not.

    Of a rule that the call names by its id alone, `remembered` is how it stood before; `seen_at` says that `rule` is
    how it stood then, at a time after the call.
    """

    family: Family
    action: Action
    outcome: Outcome
    group: Group = NO_GROUP
    rule: SecurityGroupRule = NO_RULE
    previous: SecurityGroupRule | None = None
    resource_id: str | None = None
    facts: IamFacts | SignInFacts | HubFacts | ComplianceFacts | None = None
    understood: bool = True
    remembered: SecurityGroupRule | None = None
    seen_at: datetime | None = None


class Exposure(StrEnum):
    """How much of the internet a peer lets in."""

    WORLD = "world"
    WIDE = "wide"
    NARROW = "narrow"


class Reason(Struct, frozen=True):
    """Why a severity was given: a code that `templates/labels` words in every language, and its values."""

    code: str
    values: dict[str, str] = {}


class Assessment(Struct, frozen=True):
    severity: Severity
    reasons: tuple[Reason, ...] = ()
    exposure: Exposure | None = None
    services: tuple[str, ...] = ()


class Account(Struct, frozen=True, kw_only=True):
    """What `accounts.yaml` knows of an account; `known` is False for the fallback.

    `read_role` is the role in it that tells what a group is attached to; without one nothing is asked.
    """

    id: str
    alias: str
    timezone: str
    language: str
    environment: str | None = None
    owner: str | None = None
    destinations: tuple[str, ...] = ()
    known: bool = True
    read_role: str | None = None


class AssessedChange(Struct, frozen=True):
    change: Change
    assessment: Assessment


class Links(Struct, frozen=True):
    """Console addresses; empty where the partition has no public console."""

    event: str = ""
    group: str = ""
    iam: str = ""


class Alert(Struct, frozen=True, kw_only=True):
    """One call, assessed and enriched: ready to word. `changes` stand in the order of the call.

    `attached` is what their group guards, if somebody asked.
    """

    call: ApiCall
    account: Account
    changes: tuple[AssessedChange, ...]
    links: Links
    attached: Attached | None = None

    @property
    def worst(self) -> AssessedChange:
        """The change that the headline is about: the first of the highest severity."""
        if len(self.changes) == 1:
            return self.changes[0]
        return max(self.changes, key=lambda each: each.assessment.severity.rank)

    @property
    def severity(self) -> Severity:
        return self.worst.assessment.severity
