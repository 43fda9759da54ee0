"""How a modified rule differs from the one before it. Plain text, escaped by the renderer."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.network import address_growth, is_within, network_of, port_growth, traffic_is_within
from gatewatch.model.security_group import CidrPeer
from gatewatch.rendering.text.rules import traffic_text

if TYPE_CHECKING:
    from gatewatch.model.change import Change
    from gatewatch.model.security_group import Peer, SecurityGroupRule, Traffic
    from gatewatch.rendering.text.labels import Labels

_SAME = Fraction(1)
_MAX_WRITTEN_OUT = 10**12  # a larger factor is written as a power of two


class RuleDiff(Struct, frozen=True):
    """`before` and `after` hold what differs, `comment` how much wider or narrower the rule is. Empty: nothing."""

    before: str = ""
    after: str = ""
    comment: str = ""


_NO_DIFF = RuleDiff()


def diff_of_change(change: Change, labels: Labels) -> RuleDiff:
    """The difference that a modify made. An applied modify of an unknown rule has only a comment."""
    if change.action is not Action.MODIFY or change.family is not Family.SECURITY_GROUP:
        return _NO_DIFF
    if change.previous is None:
        is_unknown = change.outcome is Outcome.APPLIED and change.understood
        return RuleDiff(comment=labels.rule_diff["unknown"]) if is_unknown else _NO_DIFF
    return _diff(change.previous, change.rule, labels)


def is_narrowed(change: Change) -> bool:
    """Whether the new rule allows only a part of what the old rule allowed."""
    old, new = change.previous, change.rule
    return old is not None and _covers(old, new) and not _covers(new, old)


def _covers(outer: SecurityGroupRule, inner: SecurityGroupRule) -> bool:
    return _traffic_covers(outer.traffic, inner.traffic) and _peer_covers(outer.peer, inner.peer)


def _traffic_covers(outer: Traffic, inner: Traffic) -> bool:
    """A modify that does not name the ports leaves them unchanged."""
    return None in {outer.protocol, inner.protocol} or traffic_is_within(inner, outer)


def _peer_covers(outer: Peer | None, inner: Peer | None) -> bool:
    if isinstance(outer, CidrPeer) and isinstance(inner, CidrPeer):
        return is_within(network_of(inner), network_of(outer))
    return outer is None or inner is None or outer == inner


def _diff(old: SecurityGroupRule, new: SecurityGroupRule, labels: Labels) -> RuleDiff:
    before, after = [], []
    if new.traffic.protocol and old.traffic != new.traffic:
        before.append(traffic_text(old.traffic, labels))
        after.append(traffic_text(new.traffic, labels))
    if old.peer and new.peer and old.peer != new.peer:
        before.append(old.peer.text)
        after.append(new.peer.text)
    return RuleDiff(" ".join(before), " ".join(after), _comment(old, new, labels)) if before else _NO_DIFF


def _comment(old: SecurityGroupRule, new: SecurityGroupRule, labels: Labels) -> str:
    times = _growth(old, new)
    is_wider, is_narrower = _covers(new, old), _covers(old, new)
    if times is not None and times != _SAME:
        key, count = ("times_wider", times) if times > _SAME else ("times_narrower", 1 / times)
        return labels.rule_diff[key].format(times=_count(count))
    if times is None and is_wider != is_narrower:
        return labels.rule_diff["wider" if is_wider else "narrower"]
    return ""


def _growth(old: SecurityGroupRule, new: SecurityGroupRule) -> Fraction | None:
    """The growth of addresses times ports; None where one of them cannot be counted on both sides."""
    return _times(_peer_growth(old.peer, new.peer), _traffic_growth(old.traffic, new.traffic))


def _times(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else one * other


def _peer_growth(old: Peer | None, new: Peer | None) -> Fraction | None:
    if isinstance(old, CidrPeer) and isinstance(new, CidrPeer):
        return address_growth(network_of(old), network_of(new))
    return _SAME if new is None or old == new else None


def _traffic_growth(old: Traffic, new: Traffic) -> Fraction | None:
    if new.protocol is None or old == new:
        return _SAME
    is_countable = old.protocol == new.protocol and old.ports and new.ports
    return port_growth(old.ports, new.ports) if is_countable and old.ports and new.ports else None


def _count(times: Fraction) -> str:
    """`256`, `1.5`, `2^64`."""
    if times.denominator == 1:
        number = times.numerator
        return f"{number:,}" if number < _MAX_WRITTEN_OUT else f"2^{number.bit_length() - 1}"
    return f"{float(times):,.1f}"
