"""Settings of a CloudTrail trail: which of them leave out write management events, and which were changed.

For a call that sets them and for what the API answers about them.

Event selectors: CloudTrail user guide, "Logging management events". gatewatch needs every write management event of
every service; leaving out AWS KMS and the Amazon RDS Data API is common and harmless.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from gatewatch.events.changes.normalization import Fields, as_list, as_text, is_true

_NOT_NEEDED = frozenset({"kms.amazonaws.com", "rdsdata.amazonaws.com"})
_SELECTORS = ("eventselectors", "advancedeventselectors")


class TrailSettings(Struct, frozen=True):
    """Codes of the settings that UpdateTrail changed for the worse, or may have."""

    changed: tuple[str, ...]
    leaves_out_events: bool


def trail_settings(request: Fields) -> TrailSettings:
    """Return what UpdateTrail sets. An empty KMS key, log group or topic removes it."""
    flags = {"ismultiregiontrail": "trail_regions", "includeglobalserviceevents": "trail_global"}
    flags |= {"isorganizationtrail": "trail_organization"}
    left_out = [code for key, code in flags.items() if key in request and not is_true(request[key])]
    changed = [code for key, code in _VALUES.items() if as_text(request.get(key))]
    changed += [code for key, code in _REMOVED.items() if key in request and not as_text(request[key])]
    if "enablelogfilevalidation" in request and not is_true(request["enablelogfilevalidation"]):
        changed.append("trail_validation")
    return TrailSettings((*left_out, *changed), bool(left_out))


_VALUES = {"s3bucketname": "trail_bucket", "s3keyprefix": "trail_bucket"}
_REMOVED = {"kmskeyid": "trail_encryption", "cloudwatchlogsloggrouparn": "trail_log_group"}


def event_selector_settings(request: Fields) -> tuple[str, ...]:
    """Return a code when PutEventSelectors leaves out write management events; empty when it records all of them."""
    is_given = any(key in request for key in _SELECTORS)
    return () if not is_given or records_writes(request) else ("trail_writes",)


def records_writes(selectors: Fields) -> bool:
    """Return whether selectors, basic or advanced, record every write management event; keys are in lower case."""
    basic = [_has_writes(each) for each in as_list(selectors.get("eventselectors"))]
    advanced = [_takes_writes(each) for each in as_list(selectors.get("advancedeventselectors"))]
    return any([*basic, *advanced])


def _has_writes(selector: Any) -> bool:
    if not isinstance(selector, dict):
        return False
    kind = (as_text(selector.get("readwritetype")) or "All").lower()
    includes = "includemanagementevents" not in selector or is_true(selector["includemanagementevents"])
    left_out = {as_text(each) or "" for each in as_list(selector.get("excludemanagementeventsources"))}
    return kind != "readonly" and includes and left_out <= _NOT_NEEDED


def _takes_writes(selector: Any) -> bool:
    """Whether an advanced selector records every write: any other field that it names leaves some of them out."""
    fields = as_list(selector.get("fieldselectors")) if isinstance(selector, dict) else []
    named = [each for each in fields if isinstance(each, dict)]
    is_management = any(_field(each) == "eventcategory" and _values(each, "equals") == {"Management"} for each in named)
    return is_management and all(map(_allows_writes, named))


def _allows_writes(field: Fields) -> bool:
    operators = {key for key, value in field.items() if key != "field" and as_list(value)}
    if _field(field) == "eventcategory":
        return operators == {"equals"}
    if _field(field) == "readonly":
        return operators == {"equals"} and "false" in {each.lower() for each in _values(field, "equals")}
    return _field(field) == "eventsource" and operators == {"notequals"} and _values(field, "notequals") <= _NOT_NEEDED


def _field(field: Fields) -> str:
    return (as_text(field.get("field")) or "").lower()


def _values(field: Fields, operator: str) -> set[str]:
    return {as_text(each) or "" for each in as_list(field.get(operator))}
