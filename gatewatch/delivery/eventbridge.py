"""EventBridge client: PutEvents on a bus of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from gatewatch.aws.error_codes import error_code
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UncertainDeliveryError
from gatewatch.model.message import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

    from gatewatch.config.destinations import EventBus
    from gatewatch.rendering.ocsf import FindingEvent

SOURCE = "gatewatch"
_ENTRIES = 10  # of one call of PutEvents
# Retrying does not help. Every other code may be throttling or an outage.
_PERMANENT = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "InvalidArgument",
        "InvalidEventPatternException",
        "MalformedDetail",
        "NotAuthorizedForDetailType",
        "NotAuthorizedForSource",
        "ResourceNotFoundException",
        "ValidationException",
    }
)


class EventBridgeSender:
    def __init__(self, events: EventBridgeClient) -> None:
        self._events = events

    def post(self, name: str, findings: Sequence[FindingEvent], destination: EventBus) -> Receipt:
        """Put events on the bus; return the receipt of destination `name`.

        Raises `TransientDeliveryError`, `UncertainDeliveryError` or `PermanentDeliveryError`; events that were accepted
        are sent again then.
        """
        entries = [_entry(each, destination.bus) for each in findings]
        ids = [self._put(entries[start : start + _ENTRIES]) for start in range(0, len(entries), _ENTRIES)]
        return Receipt(name, ids[0])

    def _put(self, entries: list[PutEventsRequestEntryTypeDef]) -> str:
        try:
            answer = self._events.put_events(Entries=entries)
        except (HTTPClientError, ResponseParserError) as error:  # the connection was made and there is no answer
            raise UncertainDeliveryError(f"EventBridge: {error_code(error)}") from error
        except (ClientError, BotoCoreError) as error:
            raise _error(error_code(error)) from error
        results = answer.get("Entries", [])
        for each in results:
            if "ErrorCode" in each:
                raise _error(each["ErrorCode"])
        if len(results) < len(entries):
            raise UncertainDeliveryError("EventBridge: an answer without ids")
        return results[0]["EventId"]


def _entry(finding: FindingEvent, bus: str) -> PutEventsRequestEntryTypeDef:
    detail = msgspec.json.encode(finding.detail).decode()
    return {"Source": SOURCE, "DetailType": finding.detail_type, "Detail": detail, "EventBusName": bus}


def _error(code: str) -> PermanentDeliveryError | TransientDeliveryError:
    kind = PermanentDeliveryError if code in _PERMANENT else TransientDeliveryError
    return kind(f"EventBridge: {code}")
