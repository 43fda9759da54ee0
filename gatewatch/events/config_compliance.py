"""`Config Rules Compliance Change`: an event of AWS Config, not of CloudTrail, read into the same `ApiCall`.

The envelope carries the id, the time and the account. The detail becomes the request; there is no actor.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.api_call import AccessMethod, Actor, ApiCall

EVENT_NAME = "ConfigRulesComplianceChange"
_DETAIL_TYPE = "Config Rules Compliance Change"


def is_compliance_event(event: dict[str, Any]) -> bool:
    return event.get("detail-type") == _DETAIL_TYPE and isinstance(event.get("detail"), dict)


def compliance_call(event: dict[str, Any]) -> ApiCall:
    detail = event["detail"]
    return ApiCall(
        event_id=_text(event.get("id")) or _derived_id(detail),
        event_name=EVENT_NAME,
        event_source="config.amazonaws.com",
        time=_time(event.get("time")) or _time(detail.get("notificationCreationTime")),
        account_id=_text(detail.get("awsAccountId")) or _text(event.get("account")),
        region=_text(detail.get("awsRegion")) or _text(event.get("region")),
        actor=Actor(UNKNOWN, UNKNOWN),
        via=AccessMethod.UNKNOWN,
        source_ip=None,
        error_code=None,
        request=detail,
        response=None,
        record=detail,
    )


def _derived_id(detail: dict[str, Any]) -> str:
    """Id of a copy without its envelope's id: rule, resource and time identify the change as well."""
    parts = (detail.get(key) for key in ("configRuleName", "resourceId", "notificationCreationTime"))
    return "compliance-" + "-".join(_text(each) for each in parts)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _time(value: Any) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
