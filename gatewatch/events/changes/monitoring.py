"""Tampering with gatewatch: the members' rules, the bus, the trails, the hub's functions, queues and parameters.

All resources but trails are recognized by names that begin with `gatewatch`; every trail counts. Event names are
CloudTrail's: Lambda's carry the date of their API.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_list, as_text, first_present, is_true
from gatewatch.model.api_call import AccessMethod
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.monitoring import MonitoringComponent, MonitoringFacts

if TYPE_CHECKING:
    from collections.abc import Iterable

_OWN_NAME = re.compile(r"^(?:.*[:/])?gatewatch-[^/]*$|^/gatewatch/")
_IN_AN_ARN = re.compile(r"gatewatch-[^:/]+")
_BUS = ":event-bus/gatewatch-"


class _Row(Struct, frozen=True):
    """`name_keys`, in lower case, may hold the name; `disables_monitoring` takes the request parameters."""

    component: MonitoringComponent
    name_keys: tuple[str, ...]
    disables_monitoring: Callable[[Fields], bool]


def _always(_request: Fields) -> bool:
    return True


def _never(_request: Fields) -> bool:
    return False


def _is_disabled(request: Fields) -> bool:
    return (as_text(request.get("state")) or "").upper() == "DISABLED"


def _replaces_hub_target(request: Fields) -> bool:
    """PutTargets replaces a target of the same id."""
    arns = [as_text(each.get("arn")) or "" for each in as_list(request.get("targets")) if isinstance(each, dict)]
    return not any(_BUS in arn for arn in arns)


def _leaves_out_events(request: Fields) -> bool:
    """Whether the trail leaves out Regions, or global services such as IAM."""
    return any(request.get(key) is False for key in ("ismultiregiontrail", "includeglobalserviceevents"))


def _leaves_out_writes(request: Fields) -> bool:
    """Whether no basic event selector records management writes; advanced selectors are not judged."""
    selectors = [each for each in as_list(request.get("eventselectors")) if isinstance(each, dict)]
    return bool(selectors) and not any(_records_writes(each) for each in selectors)


def _records_writes(selector: Fields) -> bool:
    kind = (as_text(selector.get("readwritetype")) or "All").lower()
    return kind != "readonly" and selector.get("includemanagementevents") is not False


def _disables_invocations(request: Fields) -> bool:
    return request.get("reservedconcurrentexecutions") == 0


def _is_mapping_disabled(request: Fields) -> bool:
    return "enabled" in request and not is_true(request["enabled"])


_MAPPING = ("functionname", "functionarn")
_ROWS = {
    ("cloudtrail", "StopLogging"): _Row(MonitoringComponent.TRAIL, ("name",), _always),
    ("cloudtrail", "DeleteTrail"): _Row(MonitoringComponent.TRAIL, ("name",), _always),
    ("cloudtrail", "UpdateTrail"): _Row(MonitoringComponent.TRAIL, ("name",), _leaves_out_events),
    ("cloudtrail", "PutEventSelectors"): _Row(MonitoringComponent.TRAIL, ("trailname",), _leaves_out_writes),
    ("events", "DisableRule"): _Row(MonitoringComponent.RULE, ("name",), _always),
    ("events", "DeleteRule"): _Row(MonitoringComponent.RULE, ("name",), _always),
    ("events", "PutRule"): _Row(MonitoringComponent.RULE, ("name",), _is_disabled),
    ("events", "RemoveTargets"): _Row(MonitoringComponent.RULE, ("rule",), _always),
    ("events", "PutTargets"): _Row(MonitoringComponent.RULE, ("rule",), _replaces_hub_target),
    ("events", "PutPermission"): _Row(MonitoringComponent.BUS, ("eventbusname",), _never),
    ("events", "RemovePermission"): _Row(MonitoringComponent.BUS, ("eventbusname",), _always),
    ("events", "DeleteEventBus"): _Row(MonitoringComponent.BUS, ("name",), _always),
    ("events", "UpdateEventBus"): _Row(MonitoringComponent.BUS, ("name",), _never),
    ("lambda", "UpdateFunctionCode20150331v2"): _Row(MonitoringComponent.FUNCTION, ("functionname",), _never),
    ("lambda", "UpdateFunctionConfiguration20150331v2"): _Row(MonitoringComponent.FUNCTION, ("functionname",), _never),
    ("lambda", "DeleteFunction20150331"): _Row(MonitoringComponent.FUNCTION, ("functionname",), _always),
    ("lambda", "PutFunctionConcurrency20171031"): _Row(
        MonitoringComponent.FUNCTION, ("functionname",), _disables_invocations
    ),
    ("lambda", "UpdateEventSourceMapping20150331"): _Row(MonitoringComponent.FUNCTION, _MAPPING, _is_mapping_disabled),
    ("lambda", "DeleteEventSourceMapping20150331"): _Row(MonitoringComponent.FUNCTION, _MAPPING, _always),
    ("sqs", "PurgeQueue"): _Row(MonitoringComponent.QUEUE, ("queueurl",), _always),
    ("sqs", "DeleteQueue"): _Row(MonitoringComponent.QUEUE, ("queueurl",), _always),
    ("sqs", "SetQueueAttributes"): _Row(MonitoringComponent.QUEUE, ("queueurl",), _never),
    ("ssm", "PutParameter"): _Row(MonitoringComponent.PARAMETER, ("name",), _never),
    ("ssm", "DeleteParameter"): _Row(MonitoringComponent.PARAMETER, ("name",), _always),
}


def _reader(row: _Row) -> Callable[[ParsedCall], Iterable[Change]]:
    def read(call: ParsedCall) -> Iterable[Change]:
        name = _name(call, row.name_keys)
        if not _is_reported(call, row, name):
            return []
        facts = MonitoringFacts(row.component, _short(name), row.disables_monitoring(call.request_parameters))
        change = call.change(resource_id=f"{row.component}/{facts.name.removeprefix('/')}")
        return [structs.replace(change, facts=facts)]

    return read


def _name(call: ParsedCall, keys: tuple[str, ...]) -> str:
    return (
        as_text(first_present(call.request_parameters, *keys))
        or as_text(first_present(call.response_elements, *keys))
        or ""
    )


def _is_reported(call: ParsedCall, row: _Row, name: str) -> bool:
    """Leaves out what CloudFormation does to the members' rules at each deployment, unless it disables monitoring."""
    if row.component is MonitoringComponent.TRAIL:
        return True
    is_deployment = row.component is MonitoringComponent.RULE and call.call.via is AccessMethod.CLOUDFORMATION
    return bool(_OWN_NAME.match(name)) and not (is_deployment and not row.disables_monitoring(call.request_parameters))


def _short(name: str) -> str:
    """The name in an ARN or a URL, without a version; the name of a parameter is a path and is returned whole."""
    if name.startswith("/"):
        return name
    match = _IN_AN_ARN.search(name)
    return match[0] if match else re.split(r"[:/]", name)[-1]


def _spec(key: tuple[str, str]) -> CallSpec:
    is_removal = key[1].startswith(("Delete", "Remove"))
    return CallSpec(Family.HUB, Action.DELETE if is_removal else Action.OTHER, _reader(_ROWS[key]))


CALL_SPECS = {key: _spec(key) for key in _ROWS}
