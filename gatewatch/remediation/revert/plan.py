"""The frozen plan of a revert: settings of AWS with their entries before and after. No side effects.

A setting is whatever one AWS call replaces: a rule, a resource policy, a list of accounts, a switch. Its state is a
tuple of entries, each a text, so that every kind of setting has the same plan, snapshot and undo.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

import msgspec
from msgspec import Struct

from gatewatch.errors import GatewatchError
from gatewatch.model.notification import Sentence

Entries = tuple[str, ...]


class SettingKind(StrEnum):
    """In the order in which they are changed. Each has a sentence `revert_<kind>` in templates/labels."""

    RULE = "rule"
    BUCKET_POLICY = "bucket_policy"
    BUCKET_ACL = "bucket_acl"
    BUCKET_BLOCK = "bucket_block"
    ACCOUNT_BLOCK = "account_block"
    QUEUE_POLICY = "queue_policy"
    TOPIC_POLICY = "topic_policy"
    FUNCTION_POLICY = "function_policy"
    FUNCTION_URL = "function_url"
    SNAPSHOT_SHARE = "snapshot_share"
    IMAGE_SHARE = "image_share"
    DB_SNAPSHOT_SHARE = "db_snapshot_share"
    DB_CLUSTER_SNAPSHOT_SHARE = "db_cluster_snapshot_share"
    SNAPSHOT_BLOCK = "snapshot_block"
    IMAGE_BLOCK = "image_block"
    ENDPOINT_GROUPS = "endpoint_groups"
    INTERFACE_GROUPS = "interface_groups"
    LOAD_BALANCER_GROUPS = "load_balancer_groups"
    CLASSIC_LOAD_BALANCER_GROUPS = "classic_load_balancer_groups"
    DATABASE_GROUPS = "database_groups"
    DATABASE_CLUSTER_GROUPS = "database_cluster_groups"
    DATABASE_ACCESS = "database_access"
    ACCESS_KEY = "access_key"


class Obstacle(StrEnum):
    """Why a call is not reverted. Each has a sentence `not_reverted_<obstacle>` in templates/labels."""

    NO_KIND = "no_kind"
    NOT_APPLIED = "not_applied"
    NOT_UNDERSTOOD = "not_understood"
    CONFLICTING = "conflicting"
    UNLISTED_ACCOUNT = "unlisted_account"
    INCOMPLETE = "incomplete"
    OWN_ACTION = "own_action"
    OPENS_NOTHING = "opens_nothing"
    INVALID_NAME = "invalid_name"
    NOT_FOUND = "not_found"
    ALREADY_CLOSED = "already_closed"
    ALREADY_RESTORED = "already_restored"
    CHANGED = "changed"
    EARLIER_UNKNOWN = "earlier_unknown"
    EARLIER_OPEN = "earlier_open"
    REQUIRED = "required"
    NO_UNDO = "no_undo"
    NOT_READABLE = "not_readable"


class NotRevertibleError(GatewatchError):
    """A call is not reverted, or a revert not undone; nothing was changed. `detail` is a resource or an error code."""

    def __init__(self, obstacle: Obstacle, detail: str = "") -> None:
        super().__init__(f"{obstacle}: {detail}" if detail else obstacle.value)
        self.obstacle = obstacle
        self.detail = detail

    @property
    def sentence(self) -> Sentence:
        return Sentence(f"not_reverted_{self.obstacle}", {"detail": self.detail})


class PlannedChange(Struct, frozen=True):
    """One setting, and its entries before and after. `resource` is in the form that the kind of setting demands."""

    kind: SettingKind
    resource: str
    before: Entries
    after: Entries

    @property
    def removed(self) -> Entries:
        return tuple(each for each in self.before if each not in self.after)

    @property
    def added(self) -> Entries:
        return tuple(each for each in self.after if each not in self.before)

    @property
    def reversed(self) -> PlannedChange:
        return PlannedChange(self.kind, self.resource, self.after, self.before)


class RevertPlan(Struct, frozen=True, kw_only=True):
    """What takes back one call. `event_id` is that of the call."""

    event_id: str
    account_id: str
    region: str
    changes: tuple[PlannedChange, ...]

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the plan, which people compare before they approve it."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    @property
    def change_id(self) -> str:
        return f"rev-{self.hash[:12]}"
