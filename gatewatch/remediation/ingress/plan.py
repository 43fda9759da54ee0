"""The smallest difference between the rules of a group and the policy, as frozen actions. No side effects.

What is not allowed is closed before anything is authorised. A rule that is allowed in part is modified in place to one
of its allowed parts, which works in a group without room for another rule. Required rules are authorised afterwards,
then the further parts of narrowed rules, because the group may not have room for all of them.
A rule that cannot be read is not changed, but reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.ingress import OwnGroup
from gatewatch.model.security_group import Direction, GroupPeer, SecurityGroupRule
from gatewatch.remediation.ingress.access import Access, access_of, is_covered, minimal_cover, permitted_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.config.ingress import IngressPolicy, Permit

Tags = tuple[tuple[str, str], ...]


class CurrentRule(Struct, frozen=True, gc=False):
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


class Modify(Struct, frozen=True, tag=True):
    """Modify one rule in place to `rule`; its id and tags stay."""

    current: CurrentRule
    rule: SecurityGroupRule


class Revoke(Struct, frozen=True, tag=True):
    """Revoke one rule by its id."""

    current: CurrentRule


IngressAction = Authorize | Modify | Revoke


def rule_of(action: IngressAction) -> SecurityGroupRule:
    """Return the rule that is not allowed, or the one that is missing."""
    return action.rule if isinstance(action, Authorize) else action.current.rule


class IngressPlan(Struct, frozen=True, kw_only=True):
    """Actions, closings first. `unreadable`: ids of rules that cannot be read and are not changed."""

    group_id: str
    actions: tuple[IngressAction, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def authorizes(self) -> tuple[Authorize, ...]:
        return tuple(each for each in self.actions if isinstance(each, Authorize))

    @property
    def closings(self) -> tuple[Modify | Revoke, ...]:
        return tuple(each for each in self.actions if not isinstance(each, Authorize))

    @property
    def missing(self) -> tuple[Authorize, ...]:
        return tuple(each for each in self.authorizes if each.replaces is None)

    @property
    def is_compliant(self) -> bool:
        """Whether every rule could be read and nothing has to change."""
        return not self.actions and not self.unreadable


def plan_ingress(
    group_id: str,
    current: Sequence[CurrentRule],
    ingress: IngressPolicy,
    interrupted: Iterable[Authorize] = (),
) -> IngressPlan:
    """Plan what makes the inbound rules of a group what `ingress` allows and requires.

    `interrupted`: allowed parts that an earlier run closed and did not authorise again. Those that are still allowed
    are planned.
    """
    permits = (*ingress.required, *ingress.allowed)
    assessed = list(_assessed(current, permits, group_id))
    allowed = [each.access for each in assessed if each.is_allowed]
    required = list(_required(ingress.required, group_id))
    narrowed = list(_narrowed([each for each in assessed if not each.is_allowed], allowed, required))
    certain = [*allowed, *(each.parts[0] for each in narrowed if each.parts)]
    missing = minimal_cover(required, certain)
    further = [part for each in narrowed for part in _further_parts(each)]
    return IngressPlan(
        group_id=group_id,
        actions=(
            *map(_closing, narrowed),
            *_missing(missing, ingress.required),
            *_still_allowed([*further, *interrupted], permits, group_id, [*certain, *missing]),
        ),
        unreadable=tuple(each.rule.rule_id or "?" for each in current if access_of(each.rule) is None),
    )


class _AssessedRule(Struct, frozen=True, gc=False):
    """A rule and the parts of it that are allowed."""

    current: CurrentRule
    access: Access
    parts: tuple[Access, ...]
    is_allowed: bool = False


def _assessed(current: Iterable[CurrentRule], permits: tuple[Permit, ...], group_id: str) -> Iterator[_AssessedRule]:
    for each in current:
        if (access := access_of(each.rule)) is not None:
            parts = tuple(permitted_parts(access, permits, group_id))
            yield _AssessedRule(each, access, parts, access in parts or is_covered(access, parts))


def _narrowed(
    excess: Iterable[_AssessedRule], allowed: Sequence[Access], required: Sequence[Access]
) -> Iterator[_AssessedRule]:
    """Yield the rules to close with the parts to keep, required ones first; none that another rule already allows."""
    existing = list(allowed)
    for each in excess:
        parts = minimal_cover(each.parts, existing)
        existing.extend(parts)
        in_order = sorted(parts, key=lambda part: not any(is_covered(access, [part]) for access in required))
        yield _AssessedRule(each.current, each.access, tuple(in_order))


def _closing(each: _AssessedRule) -> Modify | Revoke:
    if not each.parts:
        return Revoke(each.current)
    return Modify(each.current, _rule(each.parts[0], each.current.rule.description))


def _further_parts(each: _AssessedRule) -> Iterator[Authorize]:
    old = each.current.rule
    return (Authorize(_rule(part, old.description), each.current.tags, old.rule_id or "") for part in each.parts[1:])


def _required(required: Iterable[Permit], group_id: str) -> Iterator[Access]:
    for permit in required:
        peer = GroupPeer(group_id) if isinstance(permit.peer, OwnGroup) else permit.peer
        yield Access(permit.traffic, peer)  # type: ignore[arg-type]  # any_group cannot be required


def _missing(wanted: Iterable[Access], required: Iterable[Permit]) -> Iterator[Authorize]:
    described = {(each.traffic, each.peer): each.description for each in required}
    for each in wanted:
        description = described.get((each.traffic, each.peer)) or described.get((each.traffic, OwnGroup()))
        yield Authorize(_rule(each, description))


def _still_allowed(
    parts: Iterable[Authorize], permits: tuple[Permit, ...], group_id: str, existing: Sequence[Access]
) -> Iterator[Authorize]:
    """Yield the parts that are allowed and that nothing else allows already."""
    known = list(existing)
    for each in parts:
        access = access_of(each.rule)
        if access is None or is_covered(access, known):
            continue
        if is_covered(access, permitted_parts(access, permits, group_id)):
            known.append(access)
            yield each


def _rule(access: Access, description: str | None) -> SecurityGroupRule:
    return SecurityGroupRule(
        direction=Direction.INGRESS, traffic=access.traffic, peer=access.peer, description=description
    )
