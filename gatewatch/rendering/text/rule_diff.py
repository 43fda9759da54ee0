"""What an edit of a rule did: from what to what, and how much wider or narrower. Plain text, not yet escaped."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.network import growth, is_within, network_of, port_growth, traffic_is_within
from gatewatch.model.security_group import CidrPeer
from gatewatch.rendering.text import rules as rule_words

if TYPE_CHECKING:
    from gatewatch.model.change import Change
    from gatewatch.model.security_group import Peer, SecurityGroupRule, Traffic
    from gatewatch.rendering.text.labels import Labels

_SAME = Fraction(1)
_READABLE = 10**12  # beyond it a number of addresses is said as a power of two


class Edit(Struct, frozen=True):
    """`was` and `now` hold what differs; `note` says what that amounts to. Empty where there is nothing to say."""

    was: str = ""
    now: str = ""
    note: str = ""


_NOTHING = Edit()


def edit_of(change: Change, labels: Labels) -> Edit:
    """What a Modify changed; of one whose rule nobody knew before, that it is not known."""
    if change.action is not Action.MODIFY or change.family is not Family.SECURITY_GROUP:
        return _NOTHING
    if change.previous is None:
        is_told = change.outcome is Outcome.APPLIED and change.understood
        return Edit(note=labels.edit["unknown"]) if is_told else _NOTHING
    return _edit(change.previous, change.rule, labels)


def is_narrowed(change: Change) -> bool:
    """Everything that the rule lets through now, it let through before; and not the other way round."""
    old, new = change.previous, change.rule
    return old is not None and _holds(old, new) and not _holds(new, old)


def _holds(outer: SecurityGroupRule, inner: SecurityGroupRule) -> bool:
    return _traffic_holds(outer.traffic, inner.traffic) and _peer_holds(outer.peer, inner.peer)


def _traffic_holds(outer: Traffic, inner: Traffic) -> bool:
    """An edit that does not name the ports leaves them."""
    return None in {outer.protocol, inner.protocol} or traffic_is_within(inner, outer)


def _peer_holds(outer: Peer | None, inner: Peer | None) -> bool:
    if isinstance(outer, CidrPeer) and isinstance(inner, CidrPeer):
        return is_within(network_of(inner), network_of(outer))
    return outer is None or inner is None or outer == inner


def _edit(old: SecurityGroupRule, new: SecurityGroupRule, labels: Labels) -> Edit:
    was, now = [], []
    if new.traffic.protocol and old.traffic != new.traffic:
        was.append(rule_words.traffic_text(old.traffic, labels))
        now.append(rule_words.traffic_text(new.traffic, labels))
    if old.peer and new.peer and old.peer != new.peer:
        was.append(old.peer.text)
        now.append(new.peer.text)
    return Edit(" ".join(was), " ".join(now), _note(old, new, labels)) if was else _NOTHING


def _note(old: SecurityGroupRule, new: SecurityGroupRule, labels: Labels) -> str:
    times = _growth(old, new)
    is_wider, is_narrower = _holds(new, old), _holds(old, new)
    if times is not None and times != _SAME:
        key, count = ("times_wider", times) if times > _SAME else ("times_narrower", 1 / times)
        return labels.edit[key].format(times=_count(count))
    if times is None and is_wider != is_narrower:
        return labels.edit["wider" if is_wider else "narrower"]
    return ""


def _growth(old: SecurityGroupRule, new: SecurityGroupRule) -> Fraction | None:
    """Addresses times ports; None where one of them cannot be counted on both sides."""
    return _times(_peer_growth(old.peer, new.peer), _traffic_growth(old.traffic, new.traffic))


def _times(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else one * other


def _peer_growth(old: Peer | None, new: Peer | None) -> Fraction | None:
    if isinstance(old, CidrPeer) and isinstance(new, CidrPeer):
        return growth(network_of(old), network_of(new))
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
        return f"{number:,}" if number < _READABLE else f"2^{number.bit_length() - 1}"
    return f"{float(times):,.1f}"
