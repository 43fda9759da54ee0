"""Decodes any wrapper into `ApiCall`s. The form of a document is decided from its content.

Forms: CloudTrail records and log files, EventBridge events, SNS and SQS Lambda events, output of `LookupEvents` and of
SQS `ReceiveMessage`.
A document is parsed JSON. Its members come out in order; an unreadable member does not stop the others.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.errors import UndecodableError
from gatewatch.events import user_identity as identity
from gatewatch.events.config_compliance import compliance_call, is_compliance_event
from gatewatch.events.json_limits import with_large_numbers_as_text, without_deep_values
from gatewatch.events.surrogates import has_lone_surrogates, without_lone_surrogates
from gatewatch.model.api_call import Actor, ApiCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    _Unwrap = Callable[[dict[str, Any], str, int], Iterable["Decoded"]]

_MAX_NESTING = 8  # no real wrapper is deeper than SNS in SQS in an array
_ACCOUNT_DIGITS = 12
_GLOBAL = "global"
# By partition: the Region whose EventBridge gets the events of global services.
_GLOBAL_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
}
# EventBridge's name of a service where it is not that of CloudTrail.
_OTHER_SOURCES = {"monitoring": ("aws.cloudwatch",)}


class UnrecognizedDocument(msgspec.Struct, frozen=True):
    """A JSON object of none of the known forms."""

    where: str


Decoded = ApiCall | UnrecognizedDocument | UndecodableError


def parse(text: bytes | str, where: str = "") -> Any:
    """Parse strict JSON; a byte-order mark is skipped, and lone surrogates are replaced.

    Numbers that are too large become text, what is nested hundreds of levels deep becomes null. Raises
    `UndecodableError`.
    """
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogatepass")
    text = text.removeprefix(b"\xef\xbb\xbf")
    if not text.strip():
        raise UndecodableError(where, "is empty")
    try:
        return msgspec.json.decode(text)
    except UnicodeDecodeError:
        raise UndecodableError(where, "is not valid UTF-8") from None
    except RecursionError:
        problem, repaired = "is nested too deeply", without_deep_values(text)
    except msgspec.DecodeError as error:
        problem, repaired = f"is not valid JSON ({error})", _repaired(text, str(error))
    if repaired == text:
        raise UndecodableError(where, problem)
    return parse(repaired, where)


def _repaired(text: bytes, problem: str) -> bytes:
    if "out of range" in problem:
        return with_large_numbers_as_text(text)
    return without_lone_surrogates(text) if has_lone_surrogates(text) else text


def decode(document: Any, where: str = "") -> Iterator[Decoded]:
    """Yield everything a document holds, in order. Never raises: an unreadable member is yielded as its error."""
    return iter(_decode(document, where, 0))


def _decode(document: Any, where: str, depth: int) -> Iterable[Decoded]:
    if depth > _MAX_NESTING:
        return [UndecodableError(where, "is wrapped too many times")]
    if isinstance(document, dict):
        return _decode_object(document, where, depth)
    if isinstance(document, list):
        return _decode_members(document, where, depth)
    return [UndecodableError(where, f"is {_kind(document)}, not an object or an array")]


def _decode_object(document: dict[str, Any], where: str, depth: int) -> Iterable[Decoded]:
    for is_form, unwrap in _FORMS:
        if is_form(document):
            return unwrap(document, where, depth)
    return [UnrecognizedDocument(where)]


def _decode_members(members: list[Any], where: str, depth: int) -> Iterator[Decoded]:
    """One after the other: a log has thousands."""
    for index, member in enumerate(members):
        yield from _decode(member, f"{where}[{index}]", depth + 1)


def _unwrap_list(key: str) -> _Unwrap:
    def unwrap(document: dict[str, Any], where: str, depth: int) -> Iterable[Decoded]:
        members = document[key]
        if isinstance(members, list):
            return _decode(members, f"{where}.{key}" if where else key, depth)
        return [UndecodableError(where, f"has {key} that is {_kind(members)}, not an array")]

    return unwrap


def _unwrap_text(key: str) -> _Unwrap:
    def unwrap(document: dict[str, Any], where: str, depth: int) -> Iterable[Decoded]:
        inner = f"{where}.{key}" if where else key
        text = document[key]
        if not isinstance(text, str):
            return [UndecodableError(inner, f"is {_kind(text)}, not text")]
        try:
            parsed = parse(text, inner)
        except UndecodableError as error:
            return [error]
        return _decode(parsed, inner, depth + 1)

    return unwrap


def _unwrap_sns_record(document: dict[str, Any], where: str, depth: int) -> Iterable[Decoded]:
    notification = document["Sns"]
    if isinstance(notification, dict) and "Message" in notification:
        return _unwrap_text("Message")(notification, f"{where}.Sns", depth)
    return [UndecodableError(where, "has an Sns member without a Message")]


def _unwrap_event(document: dict[str, Any], where: str, _depth: int) -> Iterable[Decoded]:
    """An event of another source has nothing; a CloudTrail event without a record is an unrecognized document."""
    record = document["detail"]
    if not isinstance(record, dict):
        return [UndecodableError(where, f"has a detail that is {_kind(record)}, not an object")]
    if _is_record(record):
        return [_api_call(record, document)]
    if is_compliance_event(document):
        return [compliance_call(document)]
    return [UnrecognizedDocument(where)] if "CloudTrail" in _text(document.get("detail-type")) else []


def _unwrap_record(document: dict[str, Any], _where: str, _depth: int) -> Iterable[Decoded]:
    return [_api_call(document, {})]


def _is_record(document: dict[str, Any]) -> bool:
    """A record has an event name and at least one more key that only CloudTrail writes."""
    return isinstance(document.get("eventName"), str) and not _RECORD_KEYS.isdisjoint(document)


_RECORD_KEYS = frozenset(
    {"eventSource", "eventVersion", "userIdentity", "eventID", "requestParameters", "responseElements"}
)

_FORMS: tuple[tuple[Callable[[dict[str, Any]], bool], _Unwrap], ...] = (
    (lambda each: "detail" in each and ("detail-type" in each or "source" in each), _unwrap_event),
    (_is_record, _unwrap_record),
    (lambda each: "Records" in each, _unwrap_list("Records")),
    (lambda each: "Sns" in each, _unwrap_sns_record),
    (lambda each: "body" in each and ("messageId" in each or "eventSourceARN" in each), _unwrap_text("body")),
    (lambda each: each.get("Type") == "Notification" and "Message" in each, _unwrap_text("Message")),
    (lambda each: "CloudTrailEvent" in each, _unwrap_text("CloudTrailEvent")),
    (lambda each: "Events" in each, _unwrap_list("Events")),
    (lambda each: "Body" in each and "MessageId" in each, _unwrap_text("Body")),
    (lambda each: "Messages" in each, _unwrap_list("Messages")),
)


def _api_call(record: dict[str, Any], envelope: dict[str, Any]) -> ApiCall:
    """Take each field from the record, else from the envelope: a forwarded event may carry another account."""
    user = record.get("userIdentity")
    user = user if isinstance(user, dict) else {}
    return ApiCall(
        event_id=_text(record.get("eventID")) or _derived_id(record),
        shared_event_id=_text(record.get("sharedEventID")) or None,
        event_name=record["eventName"],
        event_source=_text(record.get("eventSource")),
        time=_time(record.get("eventTime")) or _time(envelope.get("time")),
        account_id=_account(record, envelope, user),
        region=_region(record, envelope, user),
        actor=_actor(record, user),
        via=identity.access_method_of(user, record),
        source_ip=_text(record.get("sourceIPAddress")) or None,
        error_code=_error_code(record),
        request=record.get("requestParameters"),
        response=record.get("responseElements"),
        record=record,
        source_identity=identity.source_identity(user) or None,
        delegate_account=identity.delegate_account(user) or None,
        is_aws_work=identity.is_aws_work(user),
        corrects=_corrected_event(record),
        conflicts=tuple(_conflicts(record, envelope)),
    )


def _actor(record: dict[str, Any], user: dict[str, Any]) -> Actor:
    """The actor of the identity; of a password typed for Identity Center, the user name that was typed."""
    actor, extra = identity.parse_actor(user), record.get("additionalEventData")
    is_typed = record["eventName"] == "CredentialVerification" and isinstance(extra, dict)
    typed = _text(extra.get("UserName")).strip() if is_typed and isinstance(extra, dict) else ""
    return msgspec.structs.replace(actor, name=typed) if typed else actor


def _corrected_event(record: dict[str, Any]) -> str | None:
    """The `eventID` that an addendum replaces (CloudTrail record contents, `addendum`)."""
    addendum = record.get("addendum")
    return _text(addendum.get("originalEventID")) or None if isinstance(addendum, dict) else None


def _conflicts(record: dict[str, Any], envelope: dict[str, Any]) -> Iterator[str]:
    """The envelope's fields that do not fit the record. EventBridge writes both, so they agree in a genuine event."""
    if not envelope:
        return
    service, source = _text(record.get("eventSource")).partition(".")[0], _text(envelope.get("source"))
    is_known = source == f"aws.{service}" or source in _OTHER_SOURCES.get(service, ())
    if service and not is_known and _is_given(source):
        yield "source"
    detail_type = _text(envelope.get("detail-type"))
    if not detail_type.endswith(" via CloudTrail") and _is_given(detail_type):
        yield "detail-type"
    if record.get("recipientAccountId") != envelope.get("account"):
        owner, account = _text(record.get("recipientAccountId")), _text(envelope.get("account"))
        if owner and account and owner.zfill(_ACCOUNT_DIGITS) != account.zfill(_ACCOUNT_DIGITS):
            yield "account"


def _is_given(text: str) -> bool:
    """Whether a field says anything; published samples have `...` in place of what was removed."""
    return any(map(str.isalnum, text))


def _region(record: dict[str, Any], envelope: dict[str, Any], user: dict[str, Any]) -> str:
    """`awsRegion`; for `global`, which no console has, the Region of the envelope or the partition's global one."""
    region = _text(record.get("awsRegion"))
    if region != _GLOBAL:
        return region or _text(envelope.get("region"))
    partition = _text(user.get("arn")).partition("arn:")[2].partition(":")[0]
    return _text(envelope.get("region")) or _GLOBAL_REGIONS.get(partition, _GLOBAL_REGIONS["aws"])


def _account(record: dict[str, Any], envelope: dict[str, Any], user: dict[str, Any]) -> str:
    """CloudTrail record contents: `recipientAccountId` is the account that owns the resource."""
    for candidate in (record.get("recipientAccountId"), envelope.get("account"), user.get("accountId")):
        if account_id := _text(candidate):
            return account_id if isinstance(candidate, str) else account_id.zfill(_ACCOUNT_DIGITS)
    return ""


def _error_code(record: dict[str, Any]) -> str | None:
    """`errorCode`, else `errorMessage`: a failed ConsoleLogin has only the message."""
    return _text(record.get("errorCode")) or _text(record.get("errorMessage")) or None


def _derived_id(record: dict[str, Any]) -> str:
    """Id of a record without `eventID`: a hash of its content, so that a second copy has the same id."""
    canonical = msgspec.json.encode(record, order="sorted")
    return "unidentified-" + hashlib.sha256(canonical).hexdigest()[:24]


def _time(value: Any) -> datetime | None:
    """RFC 3339 or a copied log's `2022-10-13 16:35:33`; a time without a zone is UTC."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.strip())
        if parsed.tzinfo is UTC:
            return parsed
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _kind(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "an array"}
    return names.get(type(value), "an object" if isinstance(value, dict) else "null")
