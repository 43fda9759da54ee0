"""What one call did: `Change`, one rule and one peer at most."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.iam import IamFacts, SignInFacts
from gatewatch.model.monitoring import MonitoringFacts
from gatewatch.model.resource import ResourceFacts
from gatewatch.model.security_group import NO_GROUP, NO_RULE, Group, SecurityGroupRule


class Family(StrEnum):
    SECURITY_GROUP = "security_group"
    PREFIX_LIST = "prefix_list"
    ATTACHMENT = "attachment"
    IAM = "iam"
    SIGN_IN = "sign_in"
    COMPLIANCE = "compliance"
    HUB = "hub"
    NETWORK = "network"
    PUBLIC_ACCESS = "public_access"
    ORGANIZATION = "organization"
    DETECTION = "detection"


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
    """Outcome of a call. DENIED: no permission. FAILED: any other error. NO_OP: succeeded without changing anything."""

    APPLIED = "applied"
    DENIED = "denied"
    FAILED = "failed"
    DRY_RUN = "dry_run"
    NO_OP = "no_op"


class Change(Struct, frozen=True, kw_only=True):
    """One thing that one call did, or tried to do: one rule and one peer at most.

    `resource_id` names the resource when it is not a security group: a prefix list, an interface, an instance,
    `role/ci`. `previous` is the known rule before a modification. `facts` hold the values of families without rules.
    `understood` is False for a supported call of an unknown form; `is_severe` says that calls of this name are, or may
    be, high or critical.

    For a rule that the call names by its id alone, `rule_before` is the rule before the call, and `observed_at` the
    time after the call at which `rule` was looked up. `undo`: the arguments of the AWS CLI that take an opening back,
    without `aws` and the Region, where only the request tells them.
    """

    family: Family
    action: Action
    outcome: Outcome
    group: Group = NO_GROUP
    rule: SecurityGroupRule = NO_RULE
    previous: SecurityGroupRule | None = None
    resource_id: str | None = None
    facts: IamFacts | SignInFacts | MonitoringFacts | ComplianceFacts | ResourceFacts | None = None
    understood: bool = True
    rule_before: SecurityGroupRule | None = None
    observed_at: datetime | None = None
    is_severe: bool = False
    undo: tuple[str, ...] = ()
