"""Who added or removed a rule, by CloudTrail's Event history of the group. Best effort: it lags by minutes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import UndecodableError
from gatewatch.events.changes.registry import changes_of
from gatewatch.events.decode import decode, parse
from gatewatch.events.user_identity import role_arn
from gatewatch.model.api_call import ApiCall
from gatewatch.model.change import Action, Outcome
from gatewatch.model.security_group import Direction
from gatewatch.remediation.ingress.access import access_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from types_boto3_cloudtrail import CloudTrailClient

    from gatewatch.model.security_group import SecurityGroupRule
    from gatewatch.remediation.ingress.access import Access

_EVENTS = 50  # LookupEvents: the most per page, newest first; two calls a second per account and Region
_PUTS, _TAKES = frozenset({Action.AUTHORIZE, Action.MODIFY}), frozenset({Action.REVOKE})


class Culprit(Struct, frozen=True):
    """`principal` is the ARN of userIdentity, of the role for a session."""

    name: str
    event_id: str
    principal: str


class History:
    """The calls of a group's recent past, newest first. Asked for once, and only if anybody wants to know."""

    def __init__(self, cloudtrail: CloudTrailClient, group_id: str) -> None:
        self._cloudtrail = cloudtrail
        self._group_id = group_id

    def who_added(self, access: Access) -> Culprit | None:
        return self._who(access, _PUTS)

    def who_removed(self, access: Access) -> Culprit | None:
        return self._who(access, _TAKES)

    def who_made(self, rule: SecurityGroupRule) -> Culprit | None:
        """Who made this very rule what it is, by its id: nobody added it again since."""
        wanted = (rule.rule_id, access_of(rule))
        return next((_culprit(call) for call in self._calls if rule.rule_id and wanted in _made(call)), None)

    def _who(self, access: Access, actions: AbstractSet[Action]) -> Culprit | None:
        return next((_culprit(call) for call in self._calls if access in _accesses(call, actions)), None)

    @cached_property
    def _calls(self) -> tuple[ApiCall, ...]:
        """None when CloudTrail refuses, or is asked too often."""
        try:
            answer = self._cloudtrail.lookup_events(
                LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": self._group_id}],
                MaxResults=_EVENTS,
            )
        except (ClientError, BotoCoreError):
            return ()
        texts = (event.get("CloudTrailEvent", "") for event in answer.get("Events", []))
        return tuple(call for text in texts for call in _calls(text))


def _calls(text: str) -> Iterator[ApiCall]:
    try:
        document = parse(text)
    except UndecodableError:
        return
    yield from (each for each in decode(document) if isinstance(each, ApiCall))


def _accesses(call: ApiCall, actions: AbstractSet[Action]) -> frozenset[Access]:
    found = (access_of(rule) for rule in _rules(call, actions))
    return frozenset(access for access in found if access is not None)


def _made(call: ApiCall) -> frozenset[tuple[str | None, Access | None]]:
    return frozenset((rule.rule_id, access_of(rule)) for rule in _rules(call, _PUTS))


def _rules(call: ApiCall, actions: AbstractSet[Action]) -> Iterator[SecurityGroupRule]:
    changes = (each for each in changes_of(call) if each.action in actions and each.outcome is Outcome.APPLIED)
    return (each.rule for each in changes if each.rule.direction is not Direction.EGRESS)


def _culprit(call: ApiCall) -> Culprit:
    user = call.record.get("userIdentity")
    arn = user.get("arn") if isinstance(user, dict) else None
    return Culprit(call.actor.name, call.event_id, role_arn(user) or (arn if isinstance(arn, str) else ""))
