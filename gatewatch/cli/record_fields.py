"""Fields of a CloudTrail record: who writes each, and what gatewatch uses it for.

`gatewatch explain` prints those that a decision rests on. docs/security.md has the same table; a test compares both.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Writer(StrEnum):
    AWS = "AWS"
    CALLER = "caller"


class RecordField(Struct, frozen=True):
    """`path` has a dot between keys; `decides` is False for a field that is only shown."""

    path: str
    writer: Writer
    use: str
    decides: bool = True


_AWS, _CALLER = Writer.AWS, Writer.CALLER
RECORD_FIELDS = (
    RecordField("eventSource", _AWS, "which parser reads the call; compared with `source` of the envelope"),
    RecordField("eventName", _AWS, "which parser reads the call, which action it is"),
    RecordField("eventType", _AWS, "network activity events are no second change"),
    RecordField("eventTime", _AWS, "time, expiry of exceptions, counting of failures"),
    RecordField("recipientAccountId", _AWS, "account; compared with `account` of the envelope"),
    RecordField("awsRegion", _AWS, "Region"),
    RecordField("eventID", _AWS, "deduplication, link to the event"),
    RecordField("sharedEventID", _AWS, "deduplication between two accounts"),
    RecordField("addendum.originalEventID", _AWS, "a correction is an alert of its own"),
    RecordField("readOnly", _AWS, "an unlisted IAM call that only reads is not reported"),
    RecordField("errorCode", _AWS, "outcome"),
    RecordField("errorMessage", _AWS, "outcome of a sign-in, resource of a denied IAM call"),
    RecordField("responseElements", _AWS, "the rules that now exist; result of a sign-in"),
    RecordField("serviceEventDetails", _AWS, "result of a sign-in"),
    RecordField("additionalEventData.MFAUsed", _AWS, "severity of a sign-in"),
    RecordField("additionalEventData.SwitchFrom", _AWS, "account that a role switch came from"),
    RecordField("sourceIPAddress", _AWS, "calls by services, counting of failed sign-ins"),
    RecordField("userIdentity.type", _AWS, "root user, AWS services"),
    RecordField("userIdentity.userName", _AWS, "user; exceptions may name it, counting of denied calls on trails"),
    RecordField("userIdentity.invokedBy", _AWS, "calls by CloudFormation and other services"),
    RecordField("userIdentity.invokedByDelegate.accountId", _AWS, "delegated access of a product provider"),
    RecordField("userIdentity.sessionContext.assumedRoot", _AWS, "root sessions of the organization"),
    RecordField(
        "userIdentity.sessionContext.sessionIssuer.arn",
        _AWS,
        "role: AWS's own work, gatewatch's roles, exceptions, counting of denied calls on trails",
    ),
    RecordField("requestParameters", _CALLER, "what was asked for; assessed as it is"),
    RecordField("additionalEventData.UserName", _CALLER, "names the actor, counts failures of a name", decides=False),
    RecordField("userIdentity.arn", _CALLER, "its last part, the session name, names the actor", decides=False),
    RecordField("userIdentity.principalId", _CALLER, "the session name after the colon, likewise", decides=False),
    RecordField("userIdentity.sessionContext.sourceIdentity", _CALLER, "names the actor", decides=False),
    RecordField("userAgent", _CALLER, "names the tool: console, CLI, SDK or Terraform", decides=False),
)


def fields_of(record: Mapping[str, Any], *, decides: bool) -> Iterator[RecordField]:
    """Yield the fields that a record has: those that decide, or those that are only shown."""
    return (each for each in RECORD_FIELDS if each.decides is decides and _has(record, each.path))


def _has(record: Mapping[str, Any], path: str) -> bool:
    value: Any = record
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value not in (None, "", {}, [])


def markdown_table() -> str:
    """Return the table of docs/security.md."""
    rows = [f"| `{each.path}` | {each.writer} | {each.use} |" for each in RECORD_FIELDS]
    return "\n".join(("| Field | Written by | Used for |", "| --- | --- | --- |", *rows))
