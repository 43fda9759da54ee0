"""Values of security groups: a rule allows one traffic, in one direction, to or from one peer.

The values of a rule have `gc=False`: they hold text and numbers, so they are never part of a reference cycle, and a
file of groups makes thousands of them.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Direction(StrEnum):
    INGRESS = "ingress"
    EGRESS = "egress"


class PortRange(Struct, frozen=True, gc=False):
    """Both ends are inclusive."""

    first: int
    last: int

    def covers(self, port: int) -> bool:
        return self.first <= port <= self.last


class IcmpType(Struct, frozen=True, gc=False):
    """-1 means all types, or all codes."""

    type: int
    code: int


class Traffic(Struct, frozen=True, gc=False):
    """Traffic that a rule allows. `protocol` None: not in the event. `ports` only for tcp and udp."""

    protocol: str | None = None
    ports: PortRange | None = None
    icmp: IcmpType | None = None


UNKNOWN_TRAFFIC = Traffic()


class CidrPeer(Struct, frozen=True, gc=False, tag=True):
    """A canonical CIDR: host bits cleared, IPv6 compressed."""

    cidr: str

    @property
    def kind(self) -> str:
        return "ipv6" if ":" in self.cidr else "ipv4"

    @property
    def text(self) -> str:
        return self.cidr


class PrefixListPeer(Struct, frozen=True, gc=False, tag=True):
    prefix_list_id: str

    @property
    def kind(self) -> str:
        return "prefix_list"

    @property
    def text(self) -> str:
        return self.prefix_list_id


class GroupPeer(Struct, frozen=True, gc=False, tag=True):
    """Another security group. `owner` only when it is not the account of the event, or when only a name is known."""

    name: str
    owner: str | None = None
    foreign: bool = False

    @property
    def kind(self) -> str:
        return "security_group"

    @property
    def text(self) -> str:
        return f"{self.owner}/{self.name}" if self.owner else self.name


class EveryonePeer(Struct, frozen=True, tag=True):
    """Anyone, as a resource policy, an access control list or a shared snapshot says it."""

    @property
    def kind(self) -> str:
        return "everyone"

    @property
    def text(self) -> str:
        return "*"


class AccountPeer(Struct, frozen=True, tag=True):
    """An AWS account by its 12 digits, or the canonical id that Amazon S3 has for one."""

    account_id: str

    @property
    def kind(self) -> str:
        return "account"

    @property
    def text(self) -> str:
        return self.account_id


Peer = CidrPeer | PrefixListPeer | GroupPeer | EveryonePeer | AccountPeer


class SecurityGroupRule(Struct, frozen=True, gc=False, kw_only=True):
    """EC2's SecurityGroupRule: one direction, one traffic, one peer. None where the event does not say.

    Only an entry of a network ACL `denies`.
    """

    rule_id: str | None = None
    direction: Direction | None = None
    traffic: Traffic = UNKNOWN_TRAFFIC
    peer: Peer | None = None
    description: str | None = None
    denies: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether ports and peer are unknown: a rule named by its id alone, or one that could not be read."""
        return self.traffic.protocol is None and self.peer is None


NO_RULE = SecurityGroupRule()


class Group(Struct, frozen=True, kw_only=True):
    """The security group a change is about; None where the event does not say. `tags` are never taken from events."""

    id: str | None = None
    name: str | None = None
    vpc_id: str | None = None
    tags: tuple[tuple[str, str], ...] | None = None


NO_GROUP = Group()
