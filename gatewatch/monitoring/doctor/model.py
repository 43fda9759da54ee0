"""States that the doctor gathers from AWS and the results of its checks. A failed query is a `QueryFailed`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from gatewatch.inventory.coverage import Gap


class CheckStatus(StrEnum):
    """ERROR: something does not work. WARNING: it may not work, or the check failed. SKIPPED: not checked."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


class CheckResult(Struct, frozen=True):
    """`where` is the hub, a destination, or account and Region; `remedy` is empty when `status` is OK."""

    where: str
    check: str
    status: CheckStatus
    detail: str
    remedy: str = ""


class QueryFailed(Struct, frozen=True):
    """An AWS query that failed; `reason` is its error code or type."""

    reason: str


class Trail(Struct, frozen=True):
    """A field is None when the account may not read it, as for an organization trail."""

    name: str
    is_logging: bool | None
    records_writes: bool | None


class EventRule(Struct, frozen=True):
    """An EventBridge rule on the default bus; `targets` are pairs of target ARN and role ARN."""

    is_enabled: bool
    pattern: Mapping[str, Any] | None
    schedule: str | None
    targets: tuple[tuple[str, str], ...]


class MemberState(Struct, frozen=True):
    """One account in one Region. `rules` by name, None for a missing one; `grants`: bus ARNs by role ARN."""

    trails: tuple[Trail, ...] | QueryFailed
    rules: Mapping[str, EventRule | None] | QueryFailed
    grants: Mapping[str, tuple[str, ...]] | QueryFailed
    undelivered: int | QueryFailed
    is_recording: bool | QueryFailed


class ForwardingState(Struct, frozen=True):
    """The part of a member that forwards events; fields as in `MemberState`."""

    rules: Mapping[str, EventRule | None] | QueryFailed
    grants: Mapping[str, tuple[str, ...]] | QueryFailed


class FunctionState(Struct, frozen=True):
    """A Lambda function. `is_served`: its event source mappings are enabled; None for a function without a queue."""

    state: str
    is_served: bool | None


class HubState(Struct, frozen=True):
    """`subscribers`: confirmed subscriptions of the operators topic; `last_canaries`: seconds by account and Region.

    `gaps`: what the sweep or the events do not see; None before the first report of the sweep.
    """

    bus_policy: Mapping[str, Any] | QueryFailed
    queue_depths: Mapping[str, int] | QueryFailed
    functions: Mapping[str, FunctionState] | QueryFailed
    subscribers: int | QueryFailed
    last_canaries: Mapping[str, int] | QueryFailed
    gaps: Sequence[Gap] | QueryFailed | None = None
