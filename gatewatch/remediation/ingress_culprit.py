"""Who put a rule there, by CloudTrail's Event history of the group. Best effort: the history lags by minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.changes import changes_of
from gatewatch.decode import decode, parse
from gatewatch.errors import UndecodableError
from gatewatch.model import Action, ApiCall, Direction, Outcome
from gatewatch.remediation.ingress_access import access_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_cloudtrail import CloudTrailClient

    from gatewatch.remediation.ingress_access import Access

_EVENTS = 50  # LookupEvents: the most per page, newest first; two calls a second per account and Region
_PUTS = frozenset({Action.AUTHORIZE, Action.MODIFY})


class Culprit(Struct, frozen=True):
    """`principal` is the ARN of userIdentity, of the role for a session."""

    name: str
    event_id: str
    principal: str


class History(Struct, frozen=True):
    """The calls of a group's recent past, newest first."""

    calls: tuple[ApiCall, ...] = ()

    def who_added(self, access: Access) -> Culprit | None:
        return next((_culprit(call) for call in self.calls if access in _added(call)), None)


def recent_history(cloudtrail: CloudTrailClient, group_id: str) -> History:
    """Empty when CloudTrail refuses, or is asked too often."""
    try:
        answer = cloudtrail.lookup_events(
            LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": group_id}], MaxResults=_EVENTS
        )
    except (ClientError, BotoCoreError):
        return History()
    texts = (event.get("CloudTrailEvent", "") for event in answer.get("Events", []))
    return History(tuple(call for text in texts for call in _calls(text)))


def _calls(text: str) -> Iterator[ApiCall]:
    try:
        document = parse(text)
    except UndecodableError:
        return
    yield from (each for each in decode(document) if isinstance(each, ApiCall))


def _added(call: ApiCall) -> frozenset[Access]:
    changes = (each for each in changes_of(call) if each.action in _PUTS and each.outcome is Outcome.APPLIED)
    inbound = (each.rule for each in changes if each.rule.direction is not Direction.EGRESS)
    return frozenset(access for rule in inbound if (access := access_of(rule)) is not None)


def _culprit(call: ApiCall) -> Culprit:
    user = call.record.get("userIdentity")
    user = user if isinstance(user, dict) else {}
    context = user.get("sessionContext")
    issuer = context.get("sessionIssuer") if isinstance(context, dict) else None
    arn = issuer.get("arn") if isinstance(issuer, dict) else user.get("arn")
    return Culprit(call.actor.name, call.event_id, arn if isinstance(arn, str) else "")
