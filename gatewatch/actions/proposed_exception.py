"""The entry of policy.yaml that a person proposes. It is shown for review and written nowhere."""

from __future__ import annotations

import json
import re
from glob import escape
from typing import TYPE_CHECKING

from gatewatch.model.network import parse_cidr, world_networks
from gatewatch.model.security_group import CidrPeer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gatewatch.model.alert import Alert

_DATE = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])\Z", re.ASCII)


def exception_snippet(alert: Alert, name: str, inputs: Mapping[str, str]) -> str:
    """Return the entry as YAML. JSON texts are YAML texts, so nothing that was typed can become a key.

    The match is as narrow as the alert: account, Region, family and what the worst change is about.
    """
    match = ", ".join(f"{key}: {json.dumps(value)}" for key, value in _criteria(alert))
    expires = inputs.get("expires", "")
    lines = [
        f"- id: {json.dumps(name)}",
        f"  match: {{{match}}}",
        "  effect: lower",
        *(f"  {key}: {json.dumps(inputs.get(key, ''))}" for key in ("owner", "reason", "ticket")),
        f"  expires: {expires if _DATE.match(expires) else '2000-01-01 # not a date'}",
    ]
    return "\n".join(lines)


def _criteria(alert: Alert) -> Iterator[tuple[str, str]]:
    change = alert.worst.change
    yield "account", alert.account.id
    yield "region", alert.call.region
    yield "family", change.family.value
    if change.group.id:
        yield "group", change.group.id
    ports = change.rule.traffic.ports
    if ports:
        yield "port", f"{ports.first}-{ports.last}" if ports.first != ports.last else str(ports.first)
    peer = change.rule.peer
    network = parse_cidr(peer.cidr) if isinstance(peer, CidrPeer) else None
    if network and not world_networks((network,)):  # a peer that covers the internet is refused in an exception
        yield "peer", str(network)
    if not change.group.id:
        yield "actor", escape(alert.call.actor.name)
