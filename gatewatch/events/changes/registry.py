"""Dispatch of an `ApiCall` to the parser of its family: by name (`CALL_SPECS`) or by service (`SERVICES`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.events.changes import attachment, compliance, iam, monitoring, prefix_list, security_group, sign_in
from gatewatch.events.changes.base import CallSpec, parse_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change


def _merged(*tables: Mapping[tuple[str, str], CallSpec]) -> Mapping[tuple[str, str], tuple[CallSpec, ...]]:
    """Several families may read one call: each gives its own changes."""
    return {key: tuple(table[key] for table in tables if key in table) for table in tables for key in table}


# By service and event name.
CALL_SPECS: Mapping[tuple[str, str], tuple[CallSpec, ...]] = _merged(
    security_group.CALL_SPECS,
    prefix_list.CALL_SPECS,
    attachment.CALL_SPECS,
    sign_in.CALL_SPECS,
    monitoring.CALL_SPECS,
    compliance.CALL_SPECS,
)
# Services with more calls than can be listed: a function decides for each call.
SERVICES: Mapping[str, Callable[[ApiCall], CallSpec | None]] = {"iam": iam.spec_of}
# The second record of a call through a VPC endpoint, without its parameters.
_NETWORK_ACTIVITY = "AwsVpceEvent"
_BY_NAME = {name: specs for (_, name), specs in CALL_SPECS.items()}


def specs_of(call: ApiCall, specs: Mapping[tuple[str, str], tuple[CallSpec, ...]] = CALL_SPECS) -> tuple[CallSpec, ...]:
    """Return the specs of a call, one for each family that reads it. Without `eventSource` the name alone decides."""
    if call.record.get("eventType") == _NETWORK_ACTIVITY:
        return ()
    service = call.event_source.partition(".")[0]
    if not service:
        return _BY_NAME.get(call.event_name, ())
    decided = SERVICES.get(service, _of_no_family)(call)
    return specs.get((service, call.event_name)) or ((decided,) if decided else ())


def may_be_relevant(event_source: str, event_name: str) -> bool:
    """Whether a call of these names can be of a family; cheaper than `specs_of`, for bulk readers."""
    service = event_source.partition(".")[0]
    return (service, event_name) in CALL_SPECS or service in SERVICES or (not service and event_name in _BY_NAME)


def _of_no_family(_call: ApiCall) -> None:
    return None


def changes_of(call: ApiCall, specs: Mapping[tuple[str, str], tuple[CallSpec, ...]] = CALL_SPECS) -> tuple[Change, ...]:
    """Return every change of a call, in its order; none for a call of no family.

    A supported call of an unknown form gives one change with `understood` False. Never raises.
    """
    return tuple(change for spec in specs_of(call, specs) for change in _changes(call, spec))


def _changes(call: ApiCall, spec: CallSpec) -> Iterable[Change]:
    parsed = parse_call(call, spec)
    try:
        return tuple(spec.read(parsed))
    except Exception:  # noqa: BLE001  a parser error must not drop the call: it is reported as not understood
        return (parsed.not_understood(),)
