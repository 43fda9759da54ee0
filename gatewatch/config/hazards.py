"""Warnings about valid settings that cause damage together, or have no effect: `gatewatch check` prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.config.ingress import EnforcementMode
from gatewatch.model.network import ALL_PROTOCOLS, exposure_of_cidr
from gatewatch.model.security_group import CidrPeer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.iam import KeyPolicy
    from gatewatch.config.ingress import IngressPolicy, Permit
    from gatewatch.config.settings import Settings

_SHORT_DAYS = 7


def find_hazards(settings: Settings) -> Iterator[str]:
    """Yield one sentence for each dangerous combination."""
    if settings.access_keys.mode == "enforce":
        yield from _access_key_hazards(settings.access_keys)
    ingress = settings.ingress
    if EnforcementMode.ENFORCE in {ingress.mode, *ingress.environments.values(), *ingress.accounts.values()}:
        yield from _ingress_hazards(ingress)
    if settings.context.first_time.raises_severity and not settings.context.first_time.enabled:
        yield "context.first_time: raises_severity has no effect without enabled."


def _access_key_hazards(policy: KeyPolicy) -> Iterator[str]:
    """Deleted keys cannot be restored, and applications stop when their key is deactivated."""
    days = policy.deactivate_after_days
    if policy.delete_at_once:
        used = ", even when they are in use" if policy.cut_recently_used else ""
        yield f"access_keys: enforce and delete_at_once delete keys after {days} days{used}; this cannot be undone."
    elif policy.cut_recently_used:
        yield f"access_keys: enforce and cut_recently_used deactivate keys that are in use after {days} days."
    if days <= _SHORT_DAYS:
        yield f"access_keys: enforce with deactivate_after_days {days} leaves little time to rotate a key."
    if policy.warn_after_days >= days:
        yield "access_keys: enforce with warn_after_days not before deactivate_after_days changes keys without warning."
    if not policy.delete_at_once and policy.delete_after_deactivation_days <= 1:
        yield "access_keys: enforce deletes keys a day after they are deactivated; an undo after that is not possible."


def _ingress_hazards(ingress: IngressPolicy) -> Iterator[str]:
    for index, each in enumerate(ingress.exempt_groups):
        if each.group is None:
            yield (
                f"ingress.exempt_groups[{index}]: matches by name or tags; who may create or tag a security "
                "group can exempt one from enforcement."
            )
    if any(map(_is_open_to_internet, ingress.allowed)):
        yield "ingress.allowed: allows all traffic from the internet, so enforcement never closes such a rule."


def _is_open_to_internet(permit: Permit) -> bool:
    peer = permit.peer
    is_world = isinstance(peer, CidrPeer) and exposure_of_cidr(peer.cidr).is_world
    return is_world and permit.traffic.protocol == ALL_PROTOCOLS
