"""AWS Config compliance events: one change per event, the new compliance of a resource with a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_text
from gatewatch.events.config_compliance import EVENT_NAME
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.security_group import Group

if TYPE_CHECKING:
    from collections.abc import Iterable

_SECURITY_GROUP = "AWS::EC2::SecurityGroup"


def _read(call: ParsedCall) -> Iterable[Change]:
    detail = call.request_parameters
    result = _fields(detail.get("newevaluationresult"))
    qualifier = _fields(_fields(result.get("evaluationresultidentifier")).get("evaluationresultqualifier"))
    resource_type, resource_id, rule = (
        as_text(detail.get(name)) or as_text(qualifier.get(name))
        for name in ("resourcetype", "resourceid", "configrulename")
    )
    new = as_text(result.get("compliancetype"))
    facts = ComplianceFacts(
        rule=rule or "",
        new=new or "",
        old=as_text(_fields(detail.get("oldevaluationresult")).get("compliancetype")),
        resource_type=resource_type or "",
        annotation=as_text(result.get("annotation")) or "",
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


CALL_SPECS = {("config", EVENT_NAME): CallSpec(Family.COMPLIANCE, Action.OTHER, _read)}
