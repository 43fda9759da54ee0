"""Alert -> notification: the changes that a message can show, without raw JSON, in a size that queue and table hold."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.alerts.exposures import exposure_change_of, group_key_of
from gatewatch.alerts.resource_exposures import resource_exposure_of
from gatewatch.events.user_identity import with_credentials
from gatewatch.model.notification import AlertNotification
from gatewatch.model.typed_decoding import convert
from gatewatch.rendering.redaction import MAX_RAW_EVENT, raw_event_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.exposure import ExposureChange
    from gatewatch.model.notification import Section, Sentence
    from gatewatch.model.severity import Severity

# As many changes as five parts of a message show; of a call that had no effect, as many as one part does.
_MAX_CHANGES, _MAX_CHANGES_WITHOUT_EFFECT = 250, 20
# Before compression. SQS takes 256 KiB, an item of DynamoDB 400 KB, and a roll-up holds ten notifications.
_MAX_BYTES = 120_000
_MAX_TEXT, _MAX_ITEMS = 3500, 300  # longer than any text that is shown, URLs included
_ENCODER = msgspec.msgpack.Encoder()  # a buffer of its own, which grows less often than that of `msgpack.encode`


def notification_of(
    alert: Alert, *, sections: Sequence[Section] = (), banners: Sequence[Sentence] = ()
) -> AlertNotification:
    """The notification of an alert. Exposures and the group are those of all its changes."""
    notification = AlertNotification(
        key=alert.call.delivery_key,
        alert=_shortened(alert, _limit(alert)),
        raw_event=_raw_event(alert),
        exposure_change=exposure_change_by(alert),
        group_key=group_key_of(alert),
        sections=tuple(sections),
        banners=tuple(banners),
    )
    return _bounded(notification)


def _limit(alert: Alert) -> int:
    is_long = len(alert.changes) > _MAX_CHANGES_WITHOUT_EFFECT
    has_effect = is_long and any(each.is_applied for each in alert.changes)
    return _MAX_CHANGES if has_effect else _MAX_CHANGES_WITHOUT_EFFECT


def _raw_event(alert: Alert) -> str:
    """The record without secrets, if it was not understood."""
    for each in alert.changes:
        if not each.change.understood:
            return raw_event_text(alert.call.record)[: MAX_RAW_EVENT + 1]
    return ""


def exposure_change_by(alert: Alert) -> ExposureChange | None:
    """What a call opened or closed, of a security group or of another resource."""
    return exposure_change_of(alert) or resource_exposure_of(alert)


def _shortened(alert: Alert, limit: int) -> Alert:
    """The changes of the highest severity, and the numbers of the others by severity."""
    ordered = alert.worst_first
    message = alert.call.record.get("errorMessage")
    call = msgspec.structs.replace(
        alert.call,
        actor=with_credentials(alert.call.actor, alert.call.record.get("userIdentity")),
        request=None,
        response=None,
        record={"errorMessage": message} if isinstance(message, str) else {},
    )
    omitted = _added(alert.omitted, ordered[limit:]) if len(ordered) > limit else alert.omitted
    return msgspec.structs.replace(alert, call=call, changes=tuple(ordered[:limit]), omitted=omitted)


def _added(omitted: dict[Severity, int], changes: list[AssessedChange]) -> dict[Severity, int]:
    counts = Counter(omitted)
    counts.update(each.assessment.severity for each in changes)
    return dict(counts)


def _bounded(notification: AlertNotification) -> AlertNotification:
    """Texts and lists of an event can have any length: they are cut, and then there are fewer changes."""
    if _size(notification) <= _MAX_BYTES:
        return notification
    cut = _cut(msgspec.to_builtins(notification, builtin_types=(datetime,)))
    notification = convert(cut, AlertNotification)
    while _size(notification) > _MAX_BYTES and len(notification.alert.changes) > 1:
        fewer = _shortened(notification.alert, len(notification.alert.changes) // 2)
        notification = msgspec.structs.replace(notification, alert=fewer)
    return notification


def _size(notification: AlertNotification) -> int:
    return len(_ENCODER.encode(notification))


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(each) for each in value[:_MAX_ITEMS]]
    return value[:_MAX_TEXT] if isinstance(value, str) else value
