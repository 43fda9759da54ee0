"""The smallest difference between the rules of a group and the policy, as frozen actions. No side effects.

A rule that is allowed in part is narrowed: its allowed parts are authorised before the rule is revoked. A rule that
cannot be read is not changed, but reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.ingress import OwnGroup
from gatewatch.model.security_group import Direction, GroupPeer, SecurityGroupRule
from gatewatch.remediation.ingress.access import (
    Access,
    access_of,
    intersection,
    is_covered,
    minimal_cover,
    permitted_part,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.config.ingress import IngressPolicy, Permit

Tags = tuple[tuple[str, str], ...]


class CurrentRule(Struct, frozen=True):
    """An existing rule with its tags."""

    rule: SecurityGroupRule
    tags: Tags = ()


class Authorize(Struct, frozen=True, tag=True):
    """Authorise a rule.

    `replaces`: id of the rule whose allowed part this is (empty when its id is unknown); None for a required rule.
    """

    rule: SecurityGroupRule
    tags: Tags = ()
    replaces: str | None = None


class Revoke(Struct, frozen=True, tag=True):
    """Revoke one rule by its id, once each of its `allowed_parts` exists."""

    current: CurrentRule
    allowed_parts: tuple[Access, ...] = ()


IngressAction = Authorize | Revoke


def rule_of(action: IngressAction) -> SecurityGroupRule:
    return action.rule if isinstance(action, Authorize) else action.current.rule


class IngressPlan(Struct, frozen=True, kw_only=True):
    """Actions, authorisations first. `unreadable`: ids of rules that cannot be read and are not changed."""

    group_id: str
    actions: tuple[IngressAction, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def authorizes(self) -> tuple[Authorize, ...]:
        return tuple(each for each in self.actions if isinstance(each, Authorize))

    @property
    def revokes(self) -> tuple[Revoke, ...]:
        return tuple(each for each in self.actions if isinstance(each, Revoke))

    @property
    def missing(self) -> tuple[Authorize, ...]:
        return tuple(each for each in self.authorizes if each.replaces is None)

    @property
    def is_compliant(self) -> bool:
        """Whether every rule could be read and nothing has to change."""
        return not self.actions and not self.unreadable


def plan_ingress(group_id: str, current: Sequence[CurrentRule], ingress: IngressPolicy) -> IngressPlan:
    """Plan what makes the inbound rules of a group what `ingress` allows and requires."""
    permits = (*ingress.allowed, *ingress.required)
    assessed = list(_assessed(current, permits, group_id))
    whole = [each.access for each in assessed if each.is_allowed]
    excess = [each for each in assessed if not each.is_allowed]
    narrowed = tuple(_narrowed(excess, whole))
    kept = [access for each in narrowed if (access := access_of(each.rule)) is not None]
    required = minimal_cover(_required(ingress.required, group_id), [*whole, *kept])
    return IngressPlan(
        group_id=group_id,
        actions=(*narrowed, *_missing(required, ingress.required), *(_revoke(each, narrowed) for each in excess)),
        unreadable=tuple(each.rule.rule_id or "?" for each in current if access_of(each.rule) is None),
    )


class _AssessedRule(Struct, frozen=True):
    """A rule and the parts of it that are allowed."""

    current: CurrentRule
    access: Access
    parts: tuple[Access, ...]

    @property
    def is_allowed(self) -> bool:
        return is_covered(self.access, self.parts)


def _assessed(current: Iterable[CurrentRule], permits: Sequence[Permit], group_id: str) -> Iterator[_AssessedRule]:
    for each in current:
        if (access := access_of(each.rule)) is not None:
            parts = (permitted_part(access, permit, group_id) for permit in permits)
            yield _AssessedRule(each, access, tuple(part for part in parts if part is not None))


def _narrowed(excess: Iterable[_AssessedRule], whole: Sequence[Access]) -> Iterator[Authorize]:
    """Yield the allowed parts of the rules to revoke, each part once, with its rule's description and tags."""
    existing = list(whole)
    for each in excess:
        for part in minimal_cover(each.parts, existing):
            existing.append(part)
            old = each.current.rule
            rule = _rule(part, old.description)
            yield Authorize(rule, each.current.tags, replaces=old.rule_id or "")


def _revoke(each: _AssessedRule, narrowed: Iterable[Authorize]) -> Revoke:
    added = [access for one in narrowed if (access := access_of(one.rule)) is not None]
    return Revoke(each.current, tuple(one for one in added if any(intersection(one, part) for part in each.parts)))


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
