"""Dispatch of an `ApiCall` to the parsers of its families: by name (`CALL_SPECS`) or by service (`SERVICES`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from gatewatch.events.changes import (
    attachment,
    compliance,
    detection_records,
    detection_services,
    iam,
    monitoring,
    network,
    organization,
    prefix_list,
    prefix_list_resolver,
    public_access,
    security_group,
    sign_in,
)
from gatewatch.events.changes.base import CallSpec, ParsedCall, parse_call
from gatewatch.model.change import Family
from gatewatch.model.resource import Impact, ResourceFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change

    Key = tuple[str, str]


def _merge(*tables: Mapping[Key, CallSpec]) -> dict[Key, tuple[CallSpec, ...]]:
    found: dict[Key, tuple[CallSpec, ...]] = {}
    for table in tables:
        for key, spec in table.items():
            found[key] = (*found.get(key, ()), spec)
    return found


# By service and event name; a call may be of several families, each of which reads it.
CALL_SPECS: Mapping[Key, tuple[CallSpec, ...]] = _merge(
    security_group.CALL_SPECS,
    prefix_list.CALL_SPECS,
    prefix_list_resolver.CALL_SPECS,
    attachment.CALL_SPECS,
    sign_in.CALL_SPECS,
    monitoring.CALL_SPECS,
    compliance.CALL_SPECS,
    network.CALL_SPECS,
    public_access.CALL_SPECS,
    organization.CALL_SPECS,
    detection_services.CALL_SPECS,
    detection_records.CALL_SPECS,
)
# Services with more calls than can be listed: a function decides for each call.
SERVICES: Mapping[str, Callable[[ApiCall], CallSpec | None]] = {
    "iam": iam.spec_of,
    "organizations": organization.any_write_of_organizations,
    "account": organization.any_write_of_account,
}
# The second record of a call through a VPC endpoint, without its parameters.
_NETWORK_ACTIVITY = "AwsVpceEvent"
_BY_NAME = {name: specs for (_, name), specs in CALL_SPECS.items()}
# A refused call without parameters does not say what it was about: one family reports it.
_FAMILY_OF_REFUSED = {
    "kms": Family.DETECTION,
    "monitoring": Family.DETECTION,
    **dict.fromkeys(("events", "sqs", "sns", "ssm", "secretsmanager", "dynamodb", "lambda"), Family.HUB),
}


def specs_of(call: ApiCall) -> tuple[CallSpec, ...]:
    """Return the specs of a call, one for each family that reads it. Without `eventSource` the name alone decides."""
    if call.record.get("eventType") == _NETWORK_ACTIVITY:
        return ()
    service = call.event_source.partition(".")[0]
    if not service:
        return _BY_NAME.get(call.event_name, ())
    if specs := CALL_SPECS.get((service, call.event_name)):
        return specs
    spec = SERVICES[service](call) if service in SERVICES else None
    return (spec,) if spec else ()


def may_be_relevant(event_source: str, event_name: str) -> bool:
    """Whether a call of these names can be of a family; cheaper than `specs_of`, for bulk readers."""
    service = event_source.partition(".")[0]
    return (service, event_name) in CALL_SPECS or service in SERVICES or (not service and event_name in _BY_NAME)


def changes_of(call: ApiCall) -> tuple[Change, ...]:
    """Return every change of a call, in its order; none for a call of no family.

    A supported call of an unknown form gives one change with `understood` False. Never raises.
    """
    calls = [parse_call(call, spec) for spec in specs_of(call)]
    if calls and calls[0].request is None and not calls[0].is_applied:
        family = _FAMILY_OF_REFUSED.get(call.event_source.partition(".")[0])
        if family:
            return _of_one_family(calls, family)
    if len(calls) == 1:
        return _read(calls[0])
    changes = [change for each in calls for change in _read(each)]
    is_own = any(each.family is Family.HUB and each.understood for each in changes)
    return tuple(filter(_adds_to_hub, changes) if is_own else changes)


def _of_one_family(calls: list[ParsedCall], family: Family) -> tuple[Change, ...]:
    """The changes of the spec of that family, else of the first of the others in its name."""
    own = [change for each in calls if each.spec.family is family for change in _read(each)]
    other = next((each for each in calls if each.spec.family is not family), None)
    if own or other is None:
        return tuple(own)
    is_severe = other.spec.is_severe or family is Family.HUB
    return _read(structs.replace(other, spec=structs.replace(other.spec, family=family, is_severe=is_severe)))


def _adds_to_hub(change: Change) -> bool:
    """Whether a change of a resource of gatewatch is reported beside the one of the family hub: if it opens it."""
    closes = isinstance(change.facts, ResourceFacts) and change.facts.effect in _CLOSES
    return change.family is Family.HUB or (change.understood and not closes)


_CLOSES = frozenset({Impact.ACCESS_CLOSED, Impact.POLICY_INSIDE})


def _read(parsed: ParsedCall) -> tuple[Change, ...]:
    try:
        return tuple(parsed.spec.read(parsed))
    except Exception:  # noqa: BLE001  a parser error must not drop the call: it is reported as not understood
        return (parsed.not_understood(),)
