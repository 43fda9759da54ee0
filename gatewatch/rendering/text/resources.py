"""Text of changes of network, public_access, organization, detection and attachment in one language.

Plain text; the renderer escapes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatewatch.model.change import Change, Family, Outcome
from gatewatch.model.resource import Impact, ResourceFacts
from gatewatch.model.security_group import Direction
from gatewatch.rendering.text.rules import shorten, target_text

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.rendering.text.labels import Labels

_OTHER, _ATTEMPT = "other", "attempt"


def resource_headline(alert: Alert, assessed: AssessedChange, labels: Labels) -> str | None:
    """What happened, or was attempted; None for a change of another kind or of an unknown form."""
    change, facts = assessed.change, assessed.change.facts
    if not change.understood or not isinstance(facts, ResourceFacts):
        return None
    values = {
        "thing": thing_text(facts, labels),
        "what": target_text(assessed, labels),
        "peer": shorten(change.rule.peer.text) if change.rule.peer else labels.field["unknown"],
        "detail": shorten(facts.detail or labels.field["unknown"]),
        "event": shorten(alert.call.event_name),
    }
    is_applied = change.outcome is Outcome.APPLIED
    text = labels.resource_change[_key(assessed, facts) if is_applied else _ATTEMPT].format_map(values)
    if not is_applied:
        text = labels.attempt_outcome[change.outcome].replace("{attempt}", "{}").format(text)
    return text[:1].upper() + text[1:]


def thing_text(facts: ResourceFacts, labels: Labels) -> str:
    """`S3 bucket b`; the kind alone where the event names none."""
    kind = labels.resource_kind[facts.resource.kind]
    return f"{kind} {shorten(last_part(facts.resource.name))}" if facts.resource.name else kind


def last_part(name: str) -> str:
    """The end of an ARN or a URL, which a headline has no room for."""
    return re.split(r"[/:]", name.rstrip("/:"))[-1] if name.startswith(("arn:", "https://")) else name


def _key(assessed: AssessedChange, facts: ResourceFacts) -> str:
    """The phrase of what the change was judged as."""
    change = assessed.change
    if facts.effect is Impact.ACL_ENTRY:
        return _acl_key(change)
    if facts.effect in {Impact.DATABASE_RULE, *_ATTACHMENTS}:
        return f"{change.family}_{facts.effect}"
    codes = (reason.code for reason in assessed.assessment.reasons)
    return next((code for code in codes if code.startswith(f"{change.family}_")), _OTHER)


_ATTACHMENTS = (Impact.GROUP_SET, Impact.GROUP_ON_NEW, Impact.GROUP_REMOVED)


def _acl_key(change: Change) -> str:
    if change.rule.denies:
        return "network_acl_denial"
    return "network_acl_egress" if change.rule.direction is Direction.EGRESS else "network_acl_entry"


def is_acl_entry(change: Change) -> bool:
    """Whether a change has a rule with traffic and a peer, as that of a security group."""
    return change.family is Family.NETWORK and not change.rule.is_empty and change.rule.traffic.protocol is not None
