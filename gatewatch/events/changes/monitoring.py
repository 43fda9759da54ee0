"""The road itself: the members' rules, the bus, the trails, the hub's functions, queues and secrets.

Who wants to open a gate unseen touches these first. Rules, buses and the rest are known by their names, which all
begin with `gatewatch`; a trail is anybody's, and without one nothing is seen. The names are those of CloudTrail:
Lambda's carry the date of their API.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from gatewatch.events.changes.base import Kind, ReadCall
from gatewatch.events.changes.normalization import Fields, first, is_true, listed, text
from gatewatch.model.api_call import Via
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.monitoring import HubFacts, Part

if TYPE_CHECKING:
    from collections.abc import Iterable

_OURS = re.compile(r"^(?:.*[:/])?gatewatch-[^/]*$|^/gatewatch/")
_IN_AN_ARN = re.compile(r"gatewatch-[^:/]+")
_BUS = ":event-bus/gatewatch-"


class _Row(Struct, frozen=True):
    """`named` are the keys, in lower case, that may hold the name; `cuts` is asked about the request."""

    part: Part
    named: tuple[str, ...]
    cuts: Callable[[Fields], bool]


def _always(_asked: Fields) -> bool:
    return True


def _never(_asked: Fields) -> bool:
    return False


def _is_disabled(asked: Fields) -> bool:
    return (text(asked.get("state")) or "").upper() == "DISABLED"


def _leads_elsewhere(asked: Fields) -> bool:
    """PutTargets replaces a target of the same id: the alerts then go where it says."""
    arns = [text(each.get("arn")) or "" for each in listed(asked.get("targets")) if isinstance(each, dict)]
    return not any(_BUS in arn for arn in arns)


def _is_blind(asked: Fields) -> bool:
    """A trail that leaves out Regions, or IAM."""
    return any(asked.get(key) is False for key in ("ismultiregiontrail", "includeglobalserviceevents"))


def _leaves_out_writes(asked: Fields) -> bool:
    """Event selectors without management writes; an advanced selector may be of any kind, so it is not judged."""
    selectors = [each for each in listed(asked.get("eventselectors")) if isinstance(each, dict)]
    return bool(selectors) and not any(_records_writes(each) for each in selectors)


def _records_writes(selector: Fields) -> bool:
    kind = (text(selector.get("readwritetype")) or "All").lower()
    return kind != "readonly" and selector.get("includemanagementevents") is not False


def _stops(asked: Fields) -> bool:
    return asked.get("reservedconcurrentexecutions") == 0


def _is_switched_off(asked: Fields) -> bool:
    return "enabled" in asked and not is_true(asked["enabled"])


_MAPPING = ("functionname", "functionarn")
_ROWS = {
    ("cloudtrail", "StopLogging"): _Row(Part.TRAIL, ("name",), _always),
    ("cloudtrail", "DeleteTrail"): _Row(Part.TRAIL, ("name",), _always),
    ("cloudtrail", "UpdateTrail"): _Row(Part.TRAIL, ("name",), _is_blind),
    ("cloudtrail", "PutEventSelectors"): _Row(Part.TRAIL, ("trailname",), _leaves_out_writes),
    ("events", "DisableRule"): _Row(Part.RULE, ("name",), _always),
    ("events", "DeleteRule"): _Row(Part.RULE, ("name",), _always),
    ("events", "PutRule"): _Row(Part.RULE, ("name",), _is_disabled),
    ("events", "RemoveTargets"): _Row(Part.RULE, ("rule",), _always),
    ("events", "PutTargets"): _Row(Part.RULE, ("rule",), _leads_elsewhere),
    ("events", "PutPermission"): _Row(Part.BUS, ("eventbusname",), _never),
    ("events", "RemovePermission"): _Row(Part.BUS, ("eventbusname",), _always),
    ("events", "DeleteEventBus"): _Row(Part.BUS, ("name",), _always),
    ("events", "UpdateEventBus"): _Row(Part.BUS, ("name",), _never),
    ("lambda", "UpdateFunctionCode20150331v2"): _Row(Part.FUNCTION, ("functionname",), _never),
    ("lambda", "UpdateFunctionConfiguration20150331v2"): _Row(Part.FUNCTION, ("functionname",), _never),
    ("lambda", "DeleteFunction20150331"): _Row(Part.FUNCTION, ("functionname",), _always),
    ("lambda", "PutFunctionConcurrency20171031"): _Row(Part.FUNCTION, ("functionname",), _stops),
    ("lambda", "UpdateEventSourceMapping20150331"): _Row(Part.FUNCTION, _MAPPING, _is_switched_off),
    ("lambda", "DeleteEventSourceMapping20150331"): _Row(Part.FUNCTION, _MAPPING, _always),
    ("sqs", "PurgeQueue"): _Row(Part.QUEUE, ("queueurl",), _always),
    ("sqs", "DeleteQueue"): _Row(Part.QUEUE, ("queueurl",), _always),
    ("sqs", "SetQueueAttributes"): _Row(Part.QUEUE, ("queueurl",), _never),
    ("ssm", "PutParameter"): _Row(Part.PARAMETER, ("name",), _never),
    ("ssm", "DeleteParameter"): _Row(Part.PARAMETER, ("name",), _always),
}


def _reader(row: _Row) -> Callable[[ReadCall], Iterable[Change]]:
    def read(call: ReadCall) -> Iterable[Change]:
        name = _name(call, row.named)
        if not _is_told(call, row, name):
            return []
        facts = HubFacts(row.part, _short(name), row.cuts(call.asked))
        change = call.change(resource_id=f"{row.part}/{facts.name.removeprefix('/')}")
        return [structs.replace(change, facts=facts)]

    return read


def _name(call: ReadCall, keys: tuple[str, ...]) -> str:
    return text(first(call.asked, *keys)) or text(first(call.answered, *keys)) or ""


def _is_told(call: ReadCall, row: _Row, name: str) -> bool:
    """Not what a stack does to the members' rules each time that it is deployed; but what it cuts."""
    if row.part is Part.TRAIL:
        return True
    is_deployment = row.part is Part.RULE and call.call.via is Via.CLOUDFORMATION
    return bool(_OURS.match(name)) and not (is_deployment and not row.cuts(call.asked))


def _short(name: str) -> str:
    """The name in an ARN or a URL, without a version behind it; a parameter's name is a path and stays whole."""
    if name.startswith("/"):
        return name
    ours = _IN_AN_ARN.search(name)
    return ours[0] if ours else re.split(r"[:/]", name)[-1]


def _kind(key: tuple[str, str]) -> Kind:
    is_removal = key[1].startswith(("Delete", "Remove"))
    return Kind(Family.HUB, Action.DELETE if is_removal else Action.OTHER, _reader(_ROWS[key]))


KINDS = {key: _kind(key) for key in _ROWS}
