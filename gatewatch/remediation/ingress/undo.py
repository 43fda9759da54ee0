"""The way back: a change's pre-image × what stands now -> actions that put every rule, description and tag back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gatewatch.remediation.ingress.access import access_of
from gatewatch.remediation.ingress.conflict_guard import Dispute, GroupRef, Stop
from gatewatch.remediation.ingress.plan import Action, Authorize, IngressPlan, Revoke, Standing, rule_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.remediation.ingress.conflict_guard import Guard
    from gatewatch.remediation.preimages import PreImage


def actions_of(image: PreImage) -> tuple[Action, ...]:
    return msgspec.json.decode(image.body, type=tuple[Action, ...])


def group_of(image: PreImage) -> GroupRef:
    return GroupRef(image.account_id, image.region, image.resource_id)


def plan_undo(image: PreImage, standing: Sequence[Standing]) -> IngressPlan:
    """What was removed comes back first, then what was added goes; what is so already is left out."""
    now = {access: each for each in standing if (access := access_of(each.rule)) is not None}
    done = actions_of(image)
    removed = [each.standing for each in done if isinstance(each, Revoke)]
    returned = tuple(
        Authorize(msgspec.structs.replace(each.rule, rule_id=None), each.tags, instead_of=each.rule.rule_id)
        for each in removed
        if access_of(each.rule) not in now
    )
    added = (access_of(each.rule) for each in done if isinstance(each, Authorize))
    gone = tuple(Revoke(now[access]) for access in added if access is not None and access in now)
    return IngressPlan(group_id=image.resource_id, actions=(*returned, *gone))


def leave_alone(image: PreImage, guard: Guard) -> None:
    """Said before the rules come back, so that enforcement does not do the same again at once."""
    for dispute in _disputes(image):
        guard.stop(dispute, Stop.UNDONE)


def _disputes(image: PreImage) -> Iterator[Dispute]:
    """What was removed, and what was authorised because it was missing."""
    for each in actions_of(image):
        access = access_of(rule_of(each))
        is_missing = isinstance(each, Authorize)
        if access is not None and (isinstance(each, Revoke) or each.instead_of is None):
            yield Dispute(group_of(image), access, is_missing=is_missing)
