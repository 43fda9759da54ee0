"""What stands in a group × what may and must -> the smallest difference, as frozen actions. Pure.

A rule that is allowed in part is narrowed: its allowed part is authorised beside it before the rule itself goes. A
rule that could not be read is left alone, and said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.ingress import OwnGroup
from gatewatch.model.security_group import Direction, GroupPeer, SecurityGroupRule
from gatewatch.remediation.ingress.access import Access, access_of, common, is_covered, least, permitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.config.ingress import Ingress, Permit

Tags = tuple[tuple[str, str], ...]


class Standing(Struct, frozen=True):
    """A rule as it stands, with the tags it carries."""

    rule: SecurityGroupRule
    tags: Tags = ()


class Authorize(Struct, frozen=True, tag=True):
    """Let something in. `instead_of`: the rule whose allowed part it is, by its id if known; None: it was missing."""

    rule: SecurityGroupRule
    tags: Tags = ()
    instead_of: str | None = None


class Revoke(Struct, frozen=True, tag=True):
    """Remove one rule by its id, once each of `kept` stands: what is allowed of it."""

    standing: Standing
    kept: tuple[Access, ...] = ()


Action = Authorize | Revoke


def rule_of(action: Action) -> SecurityGroupRule:
    return action.rule if isinstance(action, Authorize) else action.standing.rule


class IngressPlan(Struct, frozen=True, kw_only=True):
    """Authorisations first. `unreadable`: ids of rules that nobody here understands, so nobody touches them."""

    group_id: str
    actions: tuple[Action, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def authorizes(self) -> tuple[Authorize, ...]:
        return tuple(each for each in self.actions if isinstance(each, Authorize))

    @property
    def revokes(self) -> tuple[Revoke, ...]:
        return tuple(each for each in self.actions if isinstance(each, Revoke))

    @property
    def missing(self) -> tuple[Authorize, ...]:
        return tuple(each for each in self.authorizes if each.instead_of is None)

    @property
    def is_met(self) -> bool:
        """Whether what stands is allowed and complete: nothing to do, and nothing that could not be judged."""
        return not self.actions and not self.unreadable


def plan_ingress(group_id: str, standing: Sequence[Standing], ingress: Ingress) -> IngressPlan:
    permits = (*ingress.allowed, *ingress.required)
    judged = list(_judged(standing, permits, group_id))
    whole = [each.access for each in judged if each.is_allowed]
    excess = [each for each in judged if not each.is_allowed]
    narrowed = tuple(_kept(excess, whole))
    kept = [access for each in narrowed if (access := access_of(each.rule)) is not None]
    required = least(_required(ingress.required, group_id), [*whole, *kept])
    return IngressPlan(
        group_id=group_id,
        actions=(*narrowed, *_missing(required, ingress.required), *(_revoke(each, narrowed) for each in excess)),
        unreadable=tuple(each.rule.rule_id or "?" for each in standing if access_of(each.rule) is None),
    )


class _Judged(Struct, frozen=True):
    """A rule, and the parts of it that are allowed."""

    standing: Standing
    access: Access
    parts: tuple[Access, ...]

    @property
    def is_allowed(self) -> bool:
        return is_covered(self.access, self.parts)


def _judged(standing: Iterable[Standing], permits: Sequence[Permit], group_id: str) -> Iterator[_Judged]:
    for each in standing:
        if (access := access_of(each.rule)) is not None:
            parts = (permitted(access, permit, group_id) for permit in permits)
            yield _Judged(each, access, tuple(part for part in parts if part is not None))


def _kept(excess: Iterable[_Judged], whole: Sequence[Access]) -> Iterator[Authorize]:
    """What is allowed of the rules that must go, each part once, with its rule's description and tags."""
    standing = list(whole)
    for each in excess:
        for part in least(each.parts, standing):
            standing.append(part)
            old = each.standing.rule
            rule = _rule(part, old.description)
            yield Authorize(rule, each.standing.tags, instead_of=old.rule_id or "")


def _revoke(each: _Judged, narrowed: Iterable[Authorize]) -> Revoke:
    added = [access for one in narrowed if (access := access_of(one.rule)) is not None]
    return Revoke(each.standing, tuple(one for one in added if any(common(one, part) for part in each.parts)))


def _required(required: Iterable[Permit], group_id: str) -> Iterator[Access]:
    for permit in required:
        peer = GroupPeer(group_id) if isinstance(permit.peer, OwnGroup) else permit.peer
        yield Access(permit.traffic, peer)  # type: ignore[arg-type]  # any_group cannot be required


def _missing(wanted: Iterable[Access], required: Iterable[Permit]) -> Iterator[Authorize]:
    described = {(each.traffic, each.peer): each.description for each in required}
    for each in wanted:
        description = described.get((each.traffic, each.peer)) or described.get((each.traffic, OwnGroup()))
        yield Authorize(_rule(each, description))


def _rule(access: Access, description: str | None) -> SecurityGroupRule:
    return SecurityGroupRule(
        direction=Direction.INGRESS, traffic=access.traffic, peer=access.peer, description=description
    )
