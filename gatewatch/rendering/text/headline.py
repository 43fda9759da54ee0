"""An alert in plain words of one language: its headline.

Returns plain text. Whatever an event put into it is made harmless by the renderer, not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.monitoring import HubFacts
from gatewatch.model.security_group import CidrPeer, Direction
from gatewatch.rendering.text import compliance as compliance_words
from gatewatch.rendering.text import iam as access_words
from gatewatch.rendering.text.rule_diff import is_narrowed
from gatewatch.rendering.text.rules import opening, short, target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.rendering.text.labels import Labels

_WHOLE_CALL = {
    Action.CREATE: "create",
    Action.DELETE: "delete",
    Action.ASSOCIATE: "associate",
    Action.DISASSOCIATE: "disassociate",
    Action.DESCRIBE: "describe",
}


def foremost(alert: Alert) -> AssessedChange:
    """The change that a headline is about: the first of the worst, what happened before what did not."""
    return worst_first(alert)[0]


def worst_first(alert: Alert) -> list[AssessedChange]:
    """Every change, in the order of reading."""
    if len(alert.changes) == 1:
        return list(alert.changes)
    return sorted(alert.changes, key=lambda each: (-each.assessment.severity.rank, not _happened(each)))


def _happened(assessed: AssessedChange) -> bool:
    return assessed.change.outcome is Outcome.APPLIED


def headline(alert: Alert, labels: Labels, told: AssessedChange | None = None) -> str:
    """What happened, or what was tried, in one line: the foremost change (`told`), and how many more there are."""
    told = told or foremost(alert)
    if access := access_words.sentence(alert.call, told.change, labels):
        return access
    text = _sentence(alert, told, labels)
    more = 0 if told.change.family is Family.ATTACHMENT else len(alert.changes) - 1
    text = labels.line["more"].format(headline=text, count=more) if more else text
    return text[:1].upper() + text[1:]


def _sentence(alert: Alert, told: AssessedChange, labels: Labels) -> str:
    if _happened(told):
        return _choice(alert, told, labels).fill(labels.headline)
    return labels.tried[told.change.outcome].format(attempt=_choice(alert, told, labels).fill(labels.attempt))


class _Choice(Struct, frozen=True):
    """Which phrase, and what stands in it."""

    key: str
    what: str = ""
    whom: str = ""

    def fill(self, phrases: Mapping[str, str]) -> str:
        return phrases[self.key].format(what=self.what, whom=self.whom)


def _choice(alert: Alert, assessed: AssessedChange, labels: Labels) -> _Choice:
    change = assessed.change
    if not change.understood:
        return _Choice("not_understood", short(alert.call.event_name))
    if isinstance(change.facts, HubFacts):
        return _Choice("road_cut" if change.facts.cuts else "road_touched", short(alert.call.event_name))
    if isinstance(change.facts, ComplianceFacts):
        return _Choice(*compliance_words.phrase(change.facts, change.resource_id))
    if change.family is Family.PREFIX_LIST:
        return _prefix_list(alert, assessed, labels)
    if change.family is Family.ATTACHMENT:
        return _attachment(alert, labels)
    if change.action in _WHOLE_CALL:
        is_vpc = alert.call.event_name == "CreateDefaultVpc"
        return _Choice("create_vpc" if is_vpc else _WHOLE_CALL[change.action])
    return _rule_change(alert, assessed, labels)


def _rule_change(alert: Alert, assessed: AssessedChange, labels: Labels) -> _Choice:
    change, rule = assessed.change, assessed.change.rule
    if rule.says_nothing:
        is_removal = change.action is Action.REVOKE and rule.rule_id
        key = "revoke_unknown" if is_removal else "no_parameters"
        return _Choice(key, short(alert.call.event_name))
    egress = "_egress" if rule.direction is Direction.EGRESS else ""
    action = "narrow" if change.action is Action.MODIFY and is_narrowed(change) else change.action
    what, whom = target(assessed, labels), opening(rule.peer, assessed.assessment.exposure, labels)
    return _Choice(f"{action}{egress}", what, whom)


def _prefix_list(alert: Alert, assessed: AssessedChange, labels: Labels) -> _Choice:
    change, peer = assessed.change, assessed.change.rule.peer
    if isinstance(peer, CidrPeer):
        whom = opening(peer, assessed.assessment.exposure, labels)
        return _Choice(f"prefix_list_{change.action}", whom=whom)
    if change.resource_id is None:
        return _Choice("no_parameters", short(alert.call.event_name))
    edited = "edit" if peer is None else "restore"
    key = {Action.CREATE: "create_empty", Action.DELETE: "delete"}.get(change.action, edited)
    return _Choice(f"prefix_list_{key}")


def _attachment(alert: Alert, labels: Labels) -> _Choice:
    is_interface = alert.call.event_name == "ModifyNetworkInterfaceAttribute"
    return _Choice("attach", labels.target["interface" if is_interface else "instance"])
