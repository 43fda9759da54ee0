"""`exceptions:` of policy.yaml: expected changes, with owner, reason, ticket and expiry date.

An exception that matches everything is refused: it would suppress every alert.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from gatewatch.config.expiry import end_of_day_everywhere, end_of_day_utc
from gatewatch.config.formats import parse_ports
from gatewatch.config.patterns import Patterns, is_wildcard, pattern_list
from gatewatch.model.change import Family
from gatewatch.model.network import MAX_PORT, Network, parse_cidr, world_networks
from gatewatch.model.security_group import PortRange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.config.yaml_file import YamlFile

_PEER_ID = re.compile(r"^(?:[0-9]{12}/)?sg-[0-9a-f]{8,17}\Z|^pl-[0-9a-f]{8,17}\Z")

NonEmptyText = Annotated[str, Meta(min_length=1)]


class ExceptionEffect(StrEnum):
    """MUTE: no message. LOWER: one severity lower. NOTIFY_ONLY: unchanged alert. None is ever remediated."""

    MUTE = "mute"
    LOWER = "lower"
    NOTIFY_ONLY = "notify-only"


class ExceptionMatch(Struct, frozen=True, forbid_unknown_fields=True):
    """All criteria must match. `port`: 22 or `"8000-8100"`; peers: CIDRs, `sg-…`, `<account>/sg-…`, `pl-…`."""

    account: Patterns | None = None
    environment: Patterns | None = None
    region: Patterns | None = None
    family: Family | tuple[Family, ...] | None = None
    group: Patterns | None = None
    port: int | str | None = None
    peer: Patterns | None = None
    actor: Patterns | None = None
    tags: dict[str, Patterns] = {}

    @property
    def ports(self) -> PortRange | None:
        """Return None without a port; an invalid one is a problem of the file."""
        return parse_ports(self.port)

    @property
    def networks(self) -> tuple[Network, ...]:
        return tuple(network for each in pattern_list(self.peer) if (network := parse_cidr(each)))

    @property
    def families(self) -> tuple[Family, ...]:
        return (self.family,) if isinstance(self.family, Family) else self.family or ()


class PolicyException(Struct, frozen=True, forbid_unknown_fields=True):
    """Active until the end of the day `expires`. `remind`: destinations of the reminder a week before."""

    id: NonEmptyText
    match: ExceptionMatch
    effect: ExceptionEffect
    owner: NonEmptyText
    reason: NonEmptyText
    ticket: NonEmptyText
    expires: date
    remind: tuple[str, ...] = ()

    def is_active(self, at: datetime) -> bool:
        """Return whether it applies to alerts: until midnight UTC."""
        return at < end_of_day_utc(self.expires)

    def may_be_active(self, at: datetime) -> bool:
        """Return whether it prevents remediation: until the day has ended in every time zone."""
        return at < end_of_day_everywhere(self.expires)


def read_exceptions(policy: YamlFile) -> tuple[PolicyException, ...]:
    """Return the exceptions; invalid ones become problems of the file."""
    found = policy.sequence("exceptions", PolicyException)
    for index, each in enumerate(found if policy.is_valid("exceptions") else ()):
        key = f"exceptions[{index}]"
        if each.id in {other.id for other in found[:index]}:
            policy.problem(f"{key}.id", f'"{each.id}" is used twice; give each exception its own id.')
        for criterion, sentence in _problems(each.match):
            policy.problem(f"{key}.match{criterion}", sentence)
    return found


def _problems(match: ExceptionMatch) -> Iterator[tuple[str, str]]:
    if match.port is not None and match.ports is None:
        yield ".port", 'is not a port; write a number such as 22 or a range such as "137-139".'
        return
    yield from (problem for each in pattern_list(match.peer) for problem in _peer_problems(each))
    if world_networks(match.networks):
        sentence = "covers the whole internet; name the networks that are meant, or leave peer out and name a group."
        yield ".peer", sentence
    yield from _empty_lists(match)
    if _matches_everything(match):
        yield "", "matches everything; name an account, a group, a port, a peer or another criterion."


def _peer_problems(peer: str) -> Iterator[tuple[str, str]]:
    if parse_cidr(peer) is None and not _PEER_ID.match(peer):
        sentence = f'"{peer}" is not a peer; write a CIDR such as 198.51.100.0/24, sg-…, <account>/sg-… or pl-….'
        yield ".peer", sentence


def _empty_lists(match: ExceptionMatch) -> Iterator[tuple[str, str]]:
    named: Sequence[str] = ("account", "environment", "region", "family", "group", "peer", "actor")
    for name in named:
        if getattr(match, name) == ():
            yield f".{name}", "is an empty list, which matches nothing; leave it out or write a value."


def _matches_everything(match: ExceptionMatch) -> bool:
    patterns = (match.account, match.environment, match.region, match.group, match.actor)
    all_ports = match.port is None or match.ports == PortRange(0, MAX_PORT)
    all_families = match.family is None or set(match.families) == set(Family)
    is_limited = match.tags or pattern_list(match.peer)
    return all(map(is_wildcard, patterns)) and all_ports and all_families and not is_limited
