"""Events for an EventBridge bus: a finding of the Open Cybersecurity Schema Framework, with the whole message in it.

Class Detection Finding (2004) of OCSF 1.4.0, profile cloud. `unmapped` has the message as a webhook gets it.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from gatewatch.model.message import contained_messages
from gatewatch.model.notification import AlertNotification
from gatewatch.model.severity import Severity
from gatewatch.rendering.json_message import JsonRenderer
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.templates import Templates
from gatewatch.rendering.text.headline import headline_change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.alert import Alert
    from gatewatch.model.message import Content, OutboxMessage
    from gatewatch.model.source_network import SourceNetwork
    from gatewatch.rendering.json_message import JsonMessage
    from gatewatch.rendering.presentation import Cut

VERSION, CLASS, CATEGORY = "1.4.0", 2004, 2
CREATE, CLOSE = 1, 3
_NEW, _RESOLVED = 1, 4
_MAX_TEXT = 1024
_WHOLE = Presentation()
_SEVERITY_IDS = {
    Severity.INFO: 1,
    Severity.LOW: 2,
    Severity.MEDIUM: 3,
    Severity.HIGH: 4,
    Severity.CRITICAL: 5,
}


class FindingEvent(Struct, frozen=True):
    """`detail` and `detail-type` of an EventBridge event."""

    detail_type: Literal["gatewatch alert", "gatewatch notice", "gatewatch digest", "gatewatch exposure closed"]
    detail: dict[str, Any]


class FindingRenderer(Struct, frozen=True):
    """`now` returns seconds since 1970: the time of what has no event."""

    templates: Templates
    now: Callable[[], float]

    def cut(self, _message: OutboxMessage) -> Cut:
        return (0,)

    def render(self, content: Content, presentation: Presentation = _WHOLE) -> tuple[FindingEvent, ...]:
        """One finding for the message, and one that closes the finding of each exposure that ended with it."""
        message = JsonRenderer(self.templates).render(content, presentation)
        (notification,) = (each.notification for each in contained_messages(content))
        alert = notification.alert if isinstance(notification, AlertNotification) else None
        at = notification.event_time or self.now()
        return (_created(message, alert, at), *_closed(message, at))


def _created(message: JsonMessage, alert: Alert | None, at: float) -> FindingEvent:
    uid = message.exposure.id if message.exposure else message.id
    detail = {
        **_finding(CREATE, uid, message, at),
        **(_of_alert(alert) if alert else {}),
        "unmapped": {"gatewatch": msgspec.to_builtins(message)},
    }
    kinds: dict[str, Any] = {"alert": "gatewatch alert", "notice": "gatewatch notice", "digest": "gatewatch digest"}
    return FindingEvent(kinds[message.kind], detail)


def _closed(message: JsonMessage, at: float) -> Iterator[FindingEvent]:
    for exposure in message.ended_exposures:
        if message.exposure is None or exposure != message.exposure.id:
            yield FindingEvent("gatewatch exposure closed", _finding(CLOSE, exposure, message, at))


def _finding(activity: int, uid: str, message: JsonMessage, at: float) -> dict[str, Any]:
    """The attributes that every finding has. `at` is in seconds since 1970, `time` of OCSF in milliseconds."""
    account = {"account": {"uid": message.account.id, "name": message.account.alias}} if message.account else {}
    region = {"region": message.event.region} if message.event else {}
    return {
        "activity_id": activity,
        "category_uid": CATEGORY,
        "class_uid": CLASS,
        "type_uid": CLASS * 100 + activity,
        "time": int(at * 1000),
        "severity_id": _SEVERITY_IDS[message.severity],
        "status_id": _RESOLVED if activity == CLOSE else _NEW,
        "is_alert": activity == CREATE and message.kind == "alert",
        "message": message.summary,
        "metadata": {
            "version": VERSION,
            "product": {"name": "gatewatch", "vendor_name": "gatewatch"},
            "profiles": ["cloud"],
            "uid": message.id,
        },
        "finding_info": {"uid": uid, "title": message.summary, "types": [message.kind]},
        "cloud": {"provider": "AWS", **account, **region},
    }


def _of_alert(alert: Alert) -> dict[str, Any]:
    call, change = alert.call, headline_change(alert).change
    resource = change.group.id or change.resource_id
    user = {"name": call.actor.name[:_MAX_TEXT], "type": call.actor.type[:_MAX_TEXT]}
    source = {"src_endpoint": _endpoint(call.source_ip[:_MAX_TEXT], alert.source_network)} if call.source_ip else {}
    error = {"response": {"error": call.error_code[:_MAX_TEXT]}} if call.error_code else {}
    api = {"operation": call.event_name[:_MAX_TEXT], "service": {"name": call.event_source[:_MAX_TEXT]}, **error}
    return {
        "api": api,
        "evidences": [{"actor": {"user": user}, **source}],
        **({"resources": [{"uid": resource[:_MAX_TEXT], "type": change.family.value}]} if resource else {}),
    }


def _endpoint(source_ip: str, network: SourceNetwork | None) -> dict[str, Any]:
    """`sourceIPAddress` is an address, or the name of an AWS service."""
    location = {"location": {"country": network.country}} if network and network.country else {}
    try:
        return {"ip": str(ip_address(source_ip)), **location}
    except ValueError:
        return {"svc_name": source_ip}
