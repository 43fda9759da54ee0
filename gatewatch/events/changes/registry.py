"""Dispatch of an `ApiCall` to the parser of its family: by name (`CALL_SPECS`) or by service (`SERVICES`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.events.changes import attachment, compliance, iam, monitoring, prefix_list, security_group, sign_in
from gatewatch.events.changes.base import CallSpec, parse_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change

# By service and event name.
CALL_SPECS: Mapping[tuple[str, str], CallSpec] = {
    **security_group.CALL_SPECS,
    **prefix_list.CALL_SPECS,
    **attachment.CALL_SPECS,
    **sign_in.CALL_SPECS,
    **monitoring.CALL_SPECS,
    **compliance.CALL_SPECS,
}
# Services with more calls than can be listed: a function decides for each call.
SERVICES: Mapping[str, Callable[[ApiCall], CallSpec | None]] = {"iam": iam.spec_of}
_BY_NAME = {name: spec for (_, name), spec in CALL_SPECS.items()}


def spec_of(call: ApiCall, specs: Mapping[tuple[str, str], CallSpec] = CALL_SPECS) -> CallSpec | None:
    """Return the spec of a call, None when it is of no family. Without `eventSource` the name alone decides."""
    service = call.event_source.partition(".")[0]
    if not service:
        return _BY_NAME.get(call.event_name)
    decide = SERVICES.get(service, _of_no_family)
    return specs.get((service, call.event_name)) or decide(call)


def may_be_relevant(event_source: str, event_name: str) -> bool:
    """Whether a call of these names can be of a family; cheaper than `spec_of`, for bulk readers."""
    service = event_source.partition(".")[0]
    return (service, event_name) in CALL_SPECS or service in SERVICES or (not service and event_name in _BY_NAME)


def _of_no_family(_call: ApiCall) -> None:
    return None


def changes_of(call: ApiCall, specs: Mapping[tuple[str, str], CallSpec] = CALL_SPECS) -> tuple[Change, ...]:
    """Return every change of a call, in its order; none for a call of no family.

    A supported call of an unknown form gives one change with `understood` False. Never raises.
    """
    spec = spec_of(call, specs)
    if spec is None:
        return ()
    parsed = parse_call(call, spec)
    try:
        return tuple(spec.read(parsed))
    except Exception:  # noqa: BLE001  a parser error must not drop the call: it is reported as not understood
        return (parsed.not_understood(),)
