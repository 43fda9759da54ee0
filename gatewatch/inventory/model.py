"""What one account and Region had open to the internet when it was read."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from gatewatch.model.reachability import Reachability
from gatewatch.model.security_group import NO_GROUP, Group, SecurityGroupRule
from gatewatch.model.severity import Severity


class ResourceKind(StrEnum):
    """Resources that can be public, and what is read of them.

    `NETWORK`: names and interfaces of the groups with open rules; `GROUP_SHARES`: which groups other accounts may use.
    Both have no items; without them, reachability is unknown.
    """

    RULES = "rules"
    NETWORK = "network"
    GROUP_SHARES = "group_shares"
    PREFIX_LISTS = "prefix_lists"
    SNAPSHOTS = "snapshots"
    IMAGES = "images"
    DATABASES = "databases"
    DATABASE_SNAPSHOTS = "database_snapshots"
    DATABASE_CLUSTER_SNAPSHOTS = "database_cluster_snapshots"
    BUCKETS = "buckets"


class OpenItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule, an entry of a prefix list or a resource that the internet may use.

    `since`: the first reading that found it, in seconds since 1970; `absent_at`: the last one that did not, 0 if none;
    `seen_at`: the last one that found it, which is an earlier one while it cannot be read.
    `resource_id` is empty for the rule of a group. `owner_id`: the account that shares the group with this one, if it
    is not its own; `shared_with`: principals that this account shares its group with. `was_there_first`: it was open
    when the account was first read.
    """

    kind: ResourceKind
    severity: Severity
    resource_id: str = ""
    group: Group = NO_GROUP
    owner_id: str = ""
    shared_with: tuple[str, ...] = ()
    rule: SecurityGroupRule | None = None
    services: tuple[str, ...] = ()
    reachability: Reachability | None = None
    since: float = 0.0
    absent_at: float = 0.0
    seen_at: float = 0.0
    was_there_first: bool = False

    @property
    def text(self) -> str:
        """A rule as `tcp 22 from 0.0.0.0/0`, an entry of a prefix list as its CIDR, a resource as `public`."""
        rule = self.rule
        if rule is None:
            return "public"
        if self.kind is ResourceKind.PREFIX_LISTS and rule.peer:
            return rule.peer.text
        traffic, peer = rule.traffic, rule.peer.text if rule.peer else "?"
        ports = "-".join(map(str, dict.fromkeys((traffic.ports.first, traffic.ports.last)))) if traffic.ports else ""
        return f"{' '.join(each for each in (traffic.protocol or 'any traffic', ports) if each)} from {peer}"

    @property
    def identity(self) -> str:
        """The id of the rule, or of the resource with its peer: what stays the same from one reading to the next."""
        rule = self.rule
        if rule is None:
            return self.resource_id
        return rule.rule_id or f"{self.resource_id} {rule.peer.text if rule.peer else ''}"

    def opens_the_same(self, other: OpenItem) -> bool:
        """Whether both are the same rule with the same traffic and peer, or the same resource."""
        return self.identity == other.identity and _access(self) == _access(other)


def _access(item: OpenItem) -> object:
    return (item.rule.traffic, item.rule.peer) if item.rule else None


class RegionInventory(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`at`: the last reading, in seconds since 1970. `unread` has what it could not read, with the error code.

    `read_at`: when each kind was last read, at least in part. `unexplained` are rules that no event reported, by id,
    with the time at which they were first seen; `unreported` are those for which a notice has yet to be sent. `parts`:
    number of further rows of the table that hold the rest of the items.
    """

    account_id: str
    region: str
    at: float
    items: tuple[OpenItem, ...] = ()
    unread: dict[ResourceKind, str] = {}
    read_at: dict[ResourceKind, float] = {}
    unexplained: dict[str, float] = {}
    unreported: dict[str, float] = {}
    calls: int = 0
    parts: int = 0

    def last_read(self, kind: ResourceKind) -> float | None:
        """Return when a kind was last read; None if never. A row of an older version does not say it."""
        if self.read_at:
            return self.read_at.get(kind)
        return None if kind in self.unread else self.at


class AccountInventory(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The Regions of an account that are read; `error` is the code of the error when they are not known."""

    account_id: str
    at: float
    regions: tuple[str, ...] = ()
    error: str = ""
