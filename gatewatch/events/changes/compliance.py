"""What AWS Config found: one change per event, a resource that now is, or no longer is, as a rule wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import Kind, ReadCall
from gatewatch.events.changes.normalization import Fields, text
from gatewatch.events.config_compliance import EVENT_NAME
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.security_group import Group

if TYPE_CHECKING:
    from collections.abc import Iterable

_SECURITY_GROUP = "AWS::EC2::SecurityGroup"


def _read(call: ReadCall) -> Iterable[Change]:
    detail = call.asked
    result = _fields(detail.get("newevaluationresult"))
    qualifier = _fields(_fields(result.get("evaluationresultidentifier")).get("evaluationresultqualifier"))
    resource_type, resource_id, rule = (
        text(detail.get(name)) or text(qualifier.get(name)) for name in ("resourcetype", "resourceid", "configrulename")
    )
    new = text(result.get("compliancetype"))
    facts = ComplianceFacts(
        rule=rule or "",
        new=new or "",
        old=text(_fields(detail.get("oldevaluationresult")).get("compliancetype")),
        resource_type=resource_type or "",
        annotation=text(result.get("annotation")) or "",
    )
    yield Change(
        family=Family.COMPLIANCE,
        action=Action.OTHER,
        outcome=call.outcome,
        group=Group(id=resource_id if resource_type == _SECURITY_GROUP else None),
        resource_id=resource_id,
        facts=facts,
        understood=bool(rule and new and resource_id),
    )


def _fields(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}


KINDS = {("config", EVENT_NAME): Kind(Family.COMPLIANCE, Action.OTHER, _read)}
