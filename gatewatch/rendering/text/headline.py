"""The headline of an alert in one language. Plain text, escaped by the renderer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.change import Action, Family
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.monitoring import MonitoringFacts
from gatewatch.model.security_group import CidrPeer, Direction
from gatewatch.rendering.text.compliance import compliance_phrase
from gatewatch.rendering.text.iam import iam_headline
from gatewatch.rendering.text.phrases import Phrase, outcome_sentence
from gatewatch.rendering.text.resources import resource_headline
from gatewatch.rendering.text.rule_diff import is_narrowed
from gatewatch.rendering.text.rules import cidr_peer_key, peer_text, shorten, target_text

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.rendering.text.labels import Labels

# Changes of a whole security group, which have no rule to name.
_GROUP_PHRASES = {
    Action.CREATE: "create",
    Action.DELETE: "delete",
    Action.ASSOCIATE: "associate",
    Action.DISASSOCIATE: "disassociate",
    Action.DESCRIBE: "describe",
}
_RESOURCE_FAMILIES = frozenset({Family.NETWORK, Family.PUBLIC_ACCESS, Family.ORGANIZATION, Family.DETECTION})
_OPENS = frozenset({Action.AUTHORIZE, Action.MODIFY})
# A prefix list follows an IPAM resolver, or no longer does.
_RESOLVER_CALLS = frozenset(
    {"ModifyManagedPrefixList", "CreateIpamPrefixListResolverTarget", "ModifyIpamPrefixListResolverTarget"}
)
_WORLD = frozenset({"world", "world_in_parts"})


def headline_change(alert: Alert) -> AssessedChange:
    """The change that the headline is about: the first of the worst, applied ones before the others."""
    return alert.changes[0] if len(alert.changes) == 1 else alert.worst_first[0]


def alert_headline(alert: Alert, labels: Labels, assessed: AssessedChange | None = None) -> str:
    """One line about `assessed`, by default `headline_change`, and the number of other changes."""
    assessed = assessed or headline_change(alert)
    if text := iam_headline(alert.call, assessed.change, labels):
        return text
    text = resource_headline(alert, assessed, labels) or _sentence(alert, assessed, labels)
    others = 0 if assessed.change.family is Family.ATTACHMENT else alert.change_count - 1
    return labels.line["more"].format(headline=text, count=others) if others else text


def _sentence(alert: Alert, assessed: AssessedChange, labels: Labels) -> str:
    phrase = _phrase(alert, assessed, labels)
    return outcome_sentence(phrase, assessed.change.outcome, labels.headline, labels.attempt, labels)


def _phrase(alert: Alert, assessed: AssessedChange, labels: Labels) -> Phrase:
    change, event = assessed.change, {"event": shorten(alert.call.event_name)}
    if not change.understood:
        return Phrase("not_understood", event)
    if isinstance(change.facts, MonitoringFacts):
        return Phrase(_monitoring_key(assessed), event)
    if isinstance(change.facts, ComplianceFacts):
        return compliance_phrase(change.facts, change.resource_id)
    if change.family is Family.PREFIX_LIST:
        return _prefix_list(alert, assessed, labels)
    if change.family is Family.ATTACHMENT:
        return _attachment(alert, labels)
    if change.family in _RESOURCE_FAMILIES:
        return Phrase("no_parameters", event)
    if change.action in _GROUP_PHRASES:
        is_vpc = alert.call.event_name == "CreateDefaultVpc"
        return Phrase("create_vpc" if is_vpc else _GROUP_PHRASES[change.action], {})
    return _rule_change(alert, assessed, labels)


def _monitoring_key(assessed: AssessedChange) -> str:
    """By the reasons: what a rule's pattern or target means is known to the policy only."""
    codes = {each.code for each in assessed.assessment.reasons}
    if codes & {"monitoring_disabled", "trail_disabled"}:
        return "monitoring_disabled"
    return "monitoring_restored" if "monitoring_restored" in codes else "monitoring_modified"


def _rule_change(alert: Alert, assessed: AssessedChange, labels: Labels) -> Phrase:
    change, rule = assessed.change, assessed.change.rule
    if rule.is_empty:
        is_removal = change.action is Action.REVOKE and rule.rule_id
        key = "revoke_unknown" if is_removal else "no_parameters"
        return Phrase(key, {"event": shorten(alert.call.event_name)})
    action = "narrow" if change.action is Action.MODIFY and is_narrowed(change) else change.action
    values = {
        "target": target_text(assessed, labels),
        "peer": peer_text(rule.peer, assessed.assessment.exposure, labels),
    }
    return Phrase(f"{action}{_variant(action, assessed)}", values)


def _variant(action: str, assessed: AssessedChange) -> str:
    """`open` is said of rules that let the whole internet in, or half of it."""
    rule = assessed.change.rule
    if rule.direction is Direction.EGRESS:
        return "_egress"
    is_world = isinstance(rule.peer, CidrPeer) and cidr_peer_key(rule.peer, assessed.assessment.exposure) in _WORLD
    return "_open" if is_world and action in _OPENS else ""


def _prefix_list(alert: Alert, assessed: AssessedChange, labels: Labels) -> Phrase:
    change, peer = assessed.change, assessed.change.rule.peer
    is_of_resolver = alert.call.event_name.partition("Ipam")[2] == "PrefixListResolver"
    if isinstance(peer, CidrPeer):
        key = "resolver_rule" if is_of_resolver else change.action
        return Phrase(f"prefix_list_{key}", {"peer": labels.peer["peer"].format(peer=peer.cidr)})
    if change.resource_id is None:
        return Phrase("no_parameters", {"event": shorten(alert.call.event_name)})
    if is_of_resolver:
        return Phrase("prefix_list_resolver_edit", {})
    by_resolver = alert.call.event_name in _RESOLVER_CALLS
    modified = "edit" if peer is None else "resolver" if by_resolver else "restore"
    key = {Action.CREATE: "create_empty", Action.DELETE: "delete"}.get(change.action, modified)
    return Phrase(f"prefix_list_{key}", {})


def _attachment(alert: Alert, labels: Labels) -> Phrase:
    is_interface = alert.call.event_name == "ModifyNetworkInterfaceAttribute"
    return Phrase("attach", {"target": labels.target["interface" if is_interface else "instance"]})
