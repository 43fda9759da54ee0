"""Tampering with gatewatch: the members' rules, the bus, the trails, the hub's functions, queues and the like.

All resources but trails are recognized by names that begin with `gatewatch`; every trail counts. Event names are
CloudTrail's: Lambda's carry the date of their API. A refused call without parameters is reported without a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_list, as_number, as_text, first_present, is_true
from gatewatch.events.changes.trails import event_selector_settings, trail_settings
from gatewatch.model.api_call import AccessMethod
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.monitoring import MonitoringComponent, MonitoringEffect, MonitoringFacts, RuleTarget

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.model.iam import IamFacts

_OWN_NAME = re.compile(
    r"^(?:.*[:/])?gatewatch-[^/]*/?$|^(?:arn:[^:]*:ssm:.*:parameter)?/gatewatch/"
    r"|^(?:arn:[^:]*:secretsmanager:.*:secret:)?gatewatch/"
)
_OWN_STACK = re.compile(r"^(?:.*[:/-])?gatewatch")
_IN_AN_ARN = re.compile(r"gatewatch-[^:/]+")
_OWN_ROLE = re.compile(r"^(?:gatewatch-.*|(?:.*:role)?/gatewatch/.*|.*:role/gatewatch-.*)$", re.IGNORECASE)


class _Row(Struct, frozen=True):
    """`name_keys`, in lower case, may hold a name or a list of names; `effect` takes the request parameters."""

    component: MonitoringComponent
    name_keys: tuple[str, ...]
    effect: MonitoringEffect | Callable[[Fields], MonitoringEffect]


def _rule_effect(request: Fields) -> MonitoringEffect:
    is_disabled = (as_text(request.get("state")) or "").upper() == "DISABLED"
    return MonitoringEffect.DISABLES if is_disabled else MonitoringEffect.DEPENDS


def _selector_effect(request: Fields) -> MonitoringEffect:
    return MonitoringEffect.DISABLES if event_selector_settings(request) else MonitoringEffect.MODIFIES


def _trail_effect(request: Fields) -> MonitoringEffect:
    return MonitoringEffect.DISABLES if trail_settings(request).leaves_out_events else MonitoringEffect.MODIFIES


def _concurrency_effect(request: Fields) -> MonitoringEffect:
    is_none = as_number(request.get("reservedconcurrentexecutions")) == 0
    return MonitoringEffect.DISABLES if is_none else MonitoringEffect.MODIFIES


def _mapping_effect(request: Fields) -> MonitoringEffect:
    is_disabled = "enabled" in request and not is_true(request["enabled"])
    return MonitoringEffect.DISABLES if is_disabled else MonitoringEffect.MODIFIES


def _queue_effect(request: Fields) -> MonitoringEffect:
    """A new policy may take the permission to send; a redrive policy decides where failed messages go."""
    attributes = request.get("attributes")
    is_policy = isinstance(attributes, dict) and not attributes.keys().isdisjoint({"policy", "redrivepolicy"})
    return MonitoringEffect.DISABLES if is_policy else MonitoringEffect.MODIFIES


def _topic_effect(request: Fields) -> MonitoringEffect:
    is_policy = (as_text(request.get("attributename")) or "").lower() == "policy"
    return MonitoringEffect.DISABLES if is_policy else MonitoringEffect.MODIFIES


_C = MonitoringComponent
_DISABLES, _MODIFIES, _RESTORES = MonitoringEffect.DISABLES, MonitoringEffect.MODIFIES, MonitoringEffect.RESTORES
_MAPPING = ("functionname", "functionarn")
_INPUTS = ("input", "inputpath", "inputtransformer")
_ROWS = {
    ("cloudtrail", "StopLogging"): _Row(_C.TRAIL, ("name",), _DISABLES),
    ("cloudtrail", "StartLogging"): _Row(_C.TRAIL, ("name",), _RESTORES),
    ("cloudtrail", "CreateTrail"): _Row(_C.TRAIL, ("name",), _RESTORES),
    ("cloudtrail", "DeleteTrail"): _Row(_C.TRAIL, ("name",), _DISABLES),
    ("cloudtrail", "UpdateTrail"): _Row(_C.TRAIL, ("name",), _trail_effect),
    ("cloudtrail", "PutEventSelectors"): _Row(_C.TRAIL, ("trailname",), _selector_effect),
    ("cloudtrail", "PutEventConfiguration"): _Row(_C.TRAIL, ("trailname", "eventdatastore"), _MODIFIES),
    ("cloudtrail", "PutInsightSelectors"): _Row(_C.TRAIL, ("trailname", "eventdatastore"), _MODIFIES),
    ("events", "DisableRule"): _Row(_C.RULE, ("name",), _DISABLES),
    ("events", "DeleteRule"): _Row(_C.RULE, ("name",), _DISABLES),
    ("events", "PutRule"): _Row(_C.RULE, ("name",), _rule_effect),
    ("events", "RemoveTargets"): _Row(_C.RULE, ("rule",), _DISABLES),
    ("events", "PutTargets"): _Row(_C.RULE, ("rule",), MonitoringEffect.DEPENDS),
    ("events", "PutPermission"): _Row(_C.BUS, ("eventbusname",), _MODIFIES),
    ("events", "RemovePermission"): _Row(_C.BUS, ("eventbusname",), _DISABLES),
    ("events", "DeleteEventBus"): _Row(_C.BUS, ("name",), _DISABLES),
    ("events", "UpdateEventBus"): _Row(_C.BUS, ("name",), _MODIFIES),
    ("events", "DeleteArchive"): _Row(_C.ARCHIVE, ("archivename",), _DISABLES),
    ("events", "UpdateArchive"): _Row(_C.ARCHIVE, ("archivename",), _MODIFIES),
    ("lambda", "UpdateFunctionCode20150331v2"): _Row(_C.FUNCTION, ("functionname",), _MODIFIES),
    ("lambda", "UpdateFunctionConfiguration20150331v2"): _Row(_C.FUNCTION, ("functionname",), _MODIFIES),
    ("lambda", "DeleteFunction20150331"): _Row(_C.FUNCTION, ("functionname",), _DISABLES),
    ("lambda", "PutFunctionConcurrency20171031"): _Row(_C.FUNCTION, ("functionname",), _concurrency_effect),
    ("lambda", "RemovePermission20150331v2"): _Row(_C.FUNCTION, ("functionname",), _DISABLES),
    ("lambda", "UpdateEventSourceMapping20150331"): _Row(_C.FUNCTION, _MAPPING, _mapping_effect),
    ("lambda", "DeleteEventSourceMapping20150331"): _Row(_C.FUNCTION, _MAPPING, _DISABLES),
    ("sqs", "PurgeQueue"): _Row(_C.QUEUE, ("queueurl",), _DISABLES),
    ("sqs", "DeleteQueue"): _Row(_C.QUEUE, ("queueurl",), _DISABLES),
    ("sqs", "SetQueueAttributes"): _Row(_C.QUEUE, ("queueurl",), _queue_effect),
    ("sqs", "AddPermission"): _Row(_C.QUEUE, ("queueurl",), _MODIFIES),
    ("sqs", "RemovePermission"): _Row(_C.QUEUE, ("queueurl",), _DISABLES),
    ("sns", "DeleteTopic"): _Row(_C.TOPIC, ("topicarn",), _DISABLES),
    ("sns", "SetTopicAttributes"): _Row(_C.TOPIC, ("topicarn",), _topic_effect),
    ("sns", "RemovePermission"): _Row(_C.TOPIC, ("topicarn",), _DISABLES),
    ("sns", "Unsubscribe"): _Row(_C.TOPIC, ("subscriptionarn",), _DISABLES),
    ("dynamodb", "DeleteTable"): _Row(_C.TABLE, ("tablename",), _DISABLES),
    ("dynamodb", "UpdateTable"): _Row(_C.TABLE, ("tablename",), _MODIFIES),
    ("dynamodb", "UpdateTimeToLive"): _Row(_C.TABLE, ("tablename",), _MODIFIES),
    ("ssm", "PutParameter"): _Row(_C.PARAMETER, ("name",), _MODIFIES),
    ("ssm", "DeleteParameter"): _Row(_C.PARAMETER, ("name",), _DISABLES),
    ("ssm", "DeleteParameters"): _Row(_C.PARAMETER, ("names",), _DISABLES),
    ("secretsmanager", "PutSecretValue"): _Row(_C.SECRET, ("secretid",), _MODIFIES),
    ("secretsmanager", "UpdateSecret"): _Row(_C.SECRET, ("secretid",), _MODIFIES),
    ("secretsmanager", "DeleteSecret"): _Row(_C.SECRET, ("secretid",), _DISABLES),
    ("monitoring", "DeleteAlarms"): _Row(_C.ALARM, ("alarmnames",), _DISABLES),
    ("monitoring", "DisableAlarmActions"): _Row(_C.ALARM, ("alarmnames",), _DISABLES),
    ("monitoring", "PutMetricAlarm"): _Row(_C.ALARM, ("alarmname",), _MODIFIES),
    ("config", "DeleteConfigRule"): _Row(_C.CONFIG_RULE, ("configrulename",), _DISABLES),
    ("cloudformation", "DeleteStack"): _Row(_C.STACK, ("stackname",), _DISABLES),
    ("cloudformation", "DeleteStackInstances"): _Row(_C.STACK, ("stacksetname",), _DISABLES),
    ("cloudformation", "DeleteStackSet"): _Row(_C.STACK, ("stacksetname",), _DISABLES),
}
# A refused call of these that names nothing belongs to another family, or is anybody's.
_NEEDS_A_NAME = frozenset({"monitoring", "config", "cloudformation"})


def is_own_name(name: str) -> bool:
    """Whether a name or ARN is that of a resource of gatewatch."""
    return bool(_OWN_NAME.match(name))


def is_own_role(name: str) -> bool:
    """Whether a role, by name, path or ARN, is one of gatewatch's. IAM ignores the case of names."""
    return bool(_OWN_ROLE.match(name))


def role_change(call: ParsedCall, facts: IamFacts, role: str) -> Change:
    """The change of an IAM call on a role of gatewatch."""
    name = role.rpartition("/")[2]
    own = MonitoringFacts(
        component=MonitoringComponent.ROLE,
        name=name,
        effect=MonitoringEffect.DEPENDS,
        iam=facts,
        by_deployment=call.call.via is AccessMethod.CLOUDFORMATION,
    )
    return Change(
        family=Family.HUB,
        action=call.spec.action,
        outcome=call.outcome,
        resource_id=f"{MonitoringComponent.ROLE}/{name}",
        facts=own,
    )


def _reader(service: str, row: _Row) -> Callable[[ParsedCall], Iterable[Change]]:
    def read(call: ParsedCall) -> Iterable[Change]:
        names = list(dict.fromkeys(_names(call, row.name_keys)))
        if not names and (call.request is None or row.component is MonitoringComponent.TRAIL):
            return _unnamed(call, service, row)
        return [_change(call, row, _short(each)) for each in names if _is_watched(row.component, each)]

    return read


def _unnamed(call: ParsedCall, service: str, row: _Row) -> list[Change]:
    """A denied call without parameters, or an applied one whose parameters are not in the record or unreadable."""
    if call.outcome is Outcome.DENIED and service not in _NEEDS_A_NAME:
        return [_change(call, row, "")]
    return [call.not_understood()] if call.is_applied else []


def _is_watched(component: MonitoringComponent, name: str) -> bool:
    if component is MonitoringComponent.TRAIL:
        return True
    return bool(_OWN_STACK.match(name)) if component is MonitoringComponent.STACK else is_own_name(name)


def _names(call: ParsedCall, keys: tuple[str, ...]) -> Iterator[str]:
    found = first_present(call.request_parameters, *keys) or first_present(call.response_elements, *keys)
    yield from filter(None, (as_text(each) for each in as_list(found)))


def _change(call: ParsedCall, row: _Row, name: str) -> Change:
    request = call.request_parameters
    facts = MonitoringFacts(
        component=row.component,
        name=name,
        effect=row.effect if isinstance(row.effect, MonitoringEffect) else row.effect(request),
        pattern=as_text(request.get("eventpattern")),
        targets=tuple(_targets(request)),
        schedule=as_text(request.get("scheduleexpression")),
        settings=_settings(row.component, request),
        by_deployment=call.call.via is AccessMethod.CLOUDFORMATION,
    )
    change = call.change(resource_id=f"{row.component}/{name.removeprefix('/')}" if name else None)
    return structs.replace(change, facts=facts)


def _targets(request: Fields) -> Iterator[RuleTarget]:
    for each in as_list(request.get("targets")):
        fields: dict[str, Any] = each if isinstance(each, dict) else {}
        changes_events = any(fields.get(key) is not None for key in _INPUTS)
        yield RuleTarget(as_text(fields.get("arn")) or "", as_text(fields.get("rolearn")) or "", changes_events)


def _settings(component: MonitoringComponent, request: Fields) -> tuple[str, ...]:
    if component is not MonitoringComponent.TRAIL:
        return ()
    return (*event_selector_settings(request), *trail_settings(request).changed)


def _short(name: str) -> str:
    """The name in an ARN or a URL, without a version; the name of a parameter is a path and is returned whole."""
    if name.startswith(("/", "gatewatch/")):
        return name
    match = _IN_AN_ARN.search(name)
    return match[0] if match else re.split(r"[:/]", name)[-1]


def _spec(key: tuple[str, str]) -> CallSpec:
    is_removal = key[1].startswith(("Delete", "Remove"))
    return CallSpec(Family.HUB, Action.DELETE if is_removal else Action.OTHER, _reader(key[0], _ROWS[key]))


CALL_SPECS = {key: _spec(key) for key in _ROWS}
