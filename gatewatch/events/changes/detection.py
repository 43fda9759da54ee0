"""What is read in a call that switches off, or on, what watches, protects or keeps records.

A call that sets one switch has its effect by the value; one that sets others as well gives no row for those alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from gatewatch.events.changes.base import CallSpec
from gatewatch.events.changes.monitoring import CALL_SPECS as HUB_CALLS
from gatewatch.events.changes.monitoring import is_own_name
from gatewatch.events.changes.normalization import Fields, as_list, as_text
from gatewatch.events.changes.resource_call import Named, UnknownShapeError, flag, row, value_at, values_at, word
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.change import Action, Family
from gatewatch.model.resource import Impact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gatewatch.events.changes.base import ParsedCall
    from gatewatch.events.changes.resource_call import EffectOf, Undo
    from gatewatch.model.change import Change

OFF = frozenset({"disabled", "paused", "disable", "suspended"})
_ON = frozenset({"enabled"})


def recorder(request_parameters: Fields) -> Impact:
    """All types or less; AWS Config's default is all types."""
    settings = value_at(request_parameters, "configurationrecorder")
    if not isinstance(settings, dict):
        raise UnknownShapeError("configurationrecorder")
    recording = settings.get("recordinggroup")
    if recording is None:
        return Impact.SETTING_CHANGED
    is_all = flag(settings, "recordinggroup.allsupported")
    chosen = [*values_at(settings, "recordinggroup.resourcetypes")]
    left_out = values_at(settings, "recordinggroup.exclusionbyresourcetypes.resourcetypes")
    if not isinstance(recording, dict):
        raise UnknownShapeError("recordinggroup")
    return Impact.SETTING_CHANGED if is_all and not chosen and not left_out else Impact.DISABLED


def detector(request_parameters: Fields) -> Impact | None:
    """The detector itself, or one of its features or data sources."""
    if (
        flag(request_parameters, "enable") is False
        or _has_off(request_parameters.get("features"))
        or _has_off(request_parameters.get("datasources"))
    ):
        return Impact.DISABLED
    if not request_parameters:
        raise UnknownShapeError("enable")
    return Impact.SETTING_CHANGED if len(request_parameters) > 1 else None


def _has_off(value: Any, depth: int = 0) -> bool:
    """Whether something below says that it is off."""
    if depth > 6:  # noqa: PLR2004  deeper than any setting of GuardDuty
        return False
    if isinstance(value, dict):
        return any(_is_off(key, each) or _has_off(each, depth + 1) for key, each in value.items())
    return isinstance(value, list) and any(_has_off(each, depth + 1) for each in value)


def _is_off(key: str, value: Any) -> bool:
    if key in {"enable", "enabled", "s3logs", "kubernetes"} and value is False:
        return True
    return key in {"status", "autoenable"} and (as_text(value) or "").lower() in OFF


def by_word(path: str, off: frozenset[str], effect: Impact = Impact.DISABLED) -> EffectOf:
    """A parameter that is one of the words `off`; absent, the call is about something else."""

    def found(request_parameters: Fields) -> Impact | None:
        given = word(request_parameters, path)
        if not given and len(request_parameters) <= 1:
            raise UnknownShapeError(path)
        if given and given not in off | _ON:
            raise UnknownShapeError(path)
        return None if not given else effect if given in off else Impact.RESTORED

    return found


def archives(request_parameters: Fields) -> Impact | None:
    if not request_parameters:
        raise UnknownShapeError("action")
    action = word(request_parameters, "action")
    if action not in {"", "noop", "none", "archive", "suppress"}:
        raise UnknownShapeError("action")
    return Impact.DISABLED if action in {"archive", "suppress"} else Impact.SETTING_CHANGED


def threat_list(request_parameters: Fields) -> Impact:
    """A list of addresses that GuardDuty reports: no longer used, or changed."""
    is_off = flag(request_parameters, "activate") is False
    return Impact.REDUCED if is_off else Impact.SETTING_CHANGED


def standards(request_parameters: Fields) -> Impact:
    updates = as_list(request_parameters.get("standardscontrolassociationupdates"))
    if not updates:
        raise UnknownShapeError("standardscontrolassociationupdates")
    return Impact.REDUCED if any(word(each, "associationstatus") in OFF for each in updates) else Impact.RESTORED


def bucket_logging(request_parameters: Fields) -> Impact:
    status = value_at(request_parameters, "bucketloggingstatus")
    if status is None and "bucketloggingstatus" not in request_parameters and "logging" not in request_parameters:
        raise UnknownShapeError("bucketloggingstatus")
    is_on = isinstance(status, dict) and bool(status.get("loggingenabled"))
    return Impact.RESTORED if is_on else Impact.STORAGE_CHANGED


def versioning(request_parameters: Fields) -> Impact:
    status = word(request_parameters, "versioningconfiguration.status")
    factor = word(request_parameters, "versioningconfiguration.mfadelete")
    if not status and not factor:
        raise UnknownShapeError("versioningconfiguration")
    return Impact.STORAGE_CHANGED if "suspended" in status or factor == "disabled" else Impact.RESTORED


def eks_logs(request_parameters: Fields) -> Impact | None:
    sets = values_at(request_parameters, "logging.clusterlogging")
    if not sets:
        return None
    switches = [flag(each, "enabled") for each in sets]
    if None in switches:
        raise UnknownShapeError("logging.clusterlogging")
    return Impact.RESTORED if all(switches) else Impact.REDUCED


def access_logs(request_parameters: Fields) -> Impact | None:
    pairs = {word(each, "key"): word(each, "value") for each in as_list(request_parameters.get("attributes")) if each}
    given = pairs.get("access_logs.s3.enabled")
    return None if given is None else Impact.REDUCED if given == "false" else Impact.RESTORED


def start_recorder(_call: ParsedCall, name: str) -> tuple[str, ...]:
    return cli_arguments("configservice", "start-configuration-recorder", configuration_recorder_name=name)


def enable_detector(call: ParsedCall, name: str) -> tuple[str, ...]:
    is_switch = call.call.event_name == "UpdateDetector" and flag(call.request_parameters, "enable") is False
    return cli_arguments("guardduty", "update-detector", detector_id=name, enable=True) if is_switch else ()


def enable_key(_call: ParsedCall, name: str) -> tuple[str, ...]:
    return cli_arguments("kms", "enable-key", key_id=name)


def lock_domain(_call: ParsedCall, name: str) -> tuple[str, ...]:
    return cli_arguments("route53domains", "enable-domain-transfer-lock", domain_name=name)


def cancel_deletion(_call: ParsedCall, name: str) -> tuple[str, ...]:
    return cli_arguments("kms", "cancel-key-deletion", key_id=name)


def enable_alarms(call: ParsedCall, name: str) -> tuple[str, ...]:
    is_switch = call.call.event_name == "DisableAlarmActions"
    return cli_arguments("cloudwatch", "enable-alarm-actions", alarm_names=name) if is_switch else ()


def row_of(
    effect: Impact | EffectOf,
    kind: str,
    keys: str = "",
    *,
    is_optional: bool = False,
    undo: Undo | None = None,
    worst: Impact | None = None,
) -> Callable[[str], CallSpec]:
    """A row without its name, whose beginning gives the action; `keys` are parameters with spaces between them."""
    named = Named(kind, tuple(keys.split()), is_optional)
    return lambda name: row(Family.DETECTION, _action(name), effect, named, undo=undo, worst=worst)


def _action(name: str) -> Action:
    return next((action for begin, action in _ACTIONS.items() if name.startswith(begin)), Action.OTHER)


_ACTIONS = {
    "Create": Action.CREATE,
    "Delete": Action.DELETE,
    "Put": Action.MODIFY,
    "Update": Action.MODIFY,
    "Disassociate": Action.DISASSOCIATE,
}
Table = dict[tuple[str, str], CallSpec]


def rows_of_service(service: str, *groups: tuple[str, Callable[[str], CallSpec]]) -> Table:
    """The rows of one service: names with spaces between them, and what they have in common."""
    found = {(service, name): spec(name) for names, spec in groups for name in names.split()}
    return {key: _of_others(spec) if key in HUB_CALLS else spec for key, spec in found.items()}


def _of_others(spec: CallSpec) -> CallSpec:
    """Leaves the alarms and Config rules of gatewatch to the family hub."""

    def read(call: ParsedCall) -> Iterable[Change]:
        return [each for each in spec.read(call) if not is_own_name(each.resource_id or "")]

    return structs.replace(spec, read=read)
