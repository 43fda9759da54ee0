"""`Config Rules Compliance Change`: an event of AWS Config, not of CloudTrail, that travels the same road.

Its envelope carries what a record would: the id, the time, the account. Everything else is in the detail, and goes
on as the request of a call that nobody made.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.api_call import Actor, ApiCall, Via

EVENT_NAME = "ConfigRulesComplianceChange"
_DETAIL_TYPE = "Config Rules Compliance Change"


def is_compliance_event(event: dict[str, Any]) -> bool:
    return event.get("detail-type") == _DETAIL_TYPE and isinstance(event.get("detail"), dict)


def compliance_call(event: dict[str, Any]) -> ApiCall:
    detail = event["detail"]
    return ApiCall(
        event_id=_text(event.get("id")) or _made_up_id(detail),
        event_name=EVENT_NAME,
        event_source="config.amazonaws.com",
        time=_time(event.get("time")) or _time(detail.get("notificationCreationTime")),
        account_id=_text(detail.get("awsAccountId")) or _text(event.get("account")),
        region=_text(detail.get("awsRegion")) or _text(event.get("region")),
        actor=Actor(UNKNOWN, UNKNOWN),
        via=Via.UNKNOWN,
        source_ip=None,
        error_code=None,
        request=detail,
        response=None,
        record=detail,
    )


def _made_up_id(detail: dict[str, Any]) -> str:
    """A copy that lost its envelope's id: rule, resource and time name the change as well."""
    named = (detail.get(key) for key in ("configRuleName", "resourceId", "notificationCreationTime"))
    return "compliance-" + "-".join(_text(each) for each in named)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _time(value: Any) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
