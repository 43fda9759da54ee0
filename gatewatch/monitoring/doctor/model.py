"""What the doctor sees and says. Facts are what AWS answered; a question that it refused is `Unseen`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Light(StrEnum):
    """RED: something does not work. YELLOW: it may not, or nobody could look. GREY: not asked for."""

    GREEN = "ok"
    YELLOW = "look"
    RED = "broken"
    GREY = "skipped"


class Finding(Struct, frozen=True):
    """One cell: `where` in words, `what` was looked at, and for everything that is not green what to do."""

    where: str
    what: str
    light: Light
    said: str
    remedy: str = ""


class Unseen(Struct, frozen=True):
    """A question that AWS did not answer."""

    reason: str


class Trail(Struct, frozen=True):
    """`records_writes` is None when the account may not read the trail's selectors: it is the organization's."""

    name: str
    is_logging: bool | None
    records_writes: bool | None


class Rule(Struct, frozen=True):
    """A rule on the default bus; `targets` are pairs of the target's and the role's ARN."""

    is_enabled: bool
    pattern: Mapping[str, Any] | None
    schedule: str | None
    targets: tuple[tuple[str, str], ...]


class MemberFacts(Struct, frozen=True):
    """One account in one Region. `rules` by name, None for one that is not there; `grants` by role ARN."""

    trails: tuple[Trail, ...] | Unseen
    rules: Mapping[str, Rule | None] | Unseen
    grants: Mapping[str, tuple[str, ...]] | Unseen
    undelivered: int | Unseen
    is_recording: bool | Unseen


class Mapped(Struct, frozen=True):
    """A function of the hub: its state, and whether its queue is served; None for one that has no queue."""

    state: str
    is_served: bool | None


class HubFacts(Struct, frozen=True):
    """`bus_policy` as JSON; `waiting` by queue; `subscribers` confirmed on the operators' topic."""

    bus_policy: Mapping[str, Any] | Unseen
    waiting: Mapping[str, int] | Unseen
    functions: Mapping[str, Mapped] | Unseen
    subscribers: int | Unseen
    heard: Mapping[str, int] | Unseen
