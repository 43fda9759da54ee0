"""Who added or removed a rule, from CloudTrail's Event history of the group. Best effort: it lags by minutes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import UndecodableError
from gatewatch.events.changes.registry import changes_of
from gatewatch.events.decoding import decode, parse
from gatewatch.events.user_identity import session_role_arn
from gatewatch.model.api_call import Actor, ApiCall
from gatewatch.model.change import Action, Outcome
from gatewatch.model.security_group import Direction
from gatewatch.remediation.ingress.access import access_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from types_boto3_cloudtrail import CloudTrailClient

    from gatewatch.model.security_group import SecurityGroupRule
    from gatewatch.remediation.ingress.access import Access

_MAX_RESULTS = 50  # LookupEvents: maximum per page, newest first; quota two calls a second per account and Region
_ADDITIONS, _REMOVALS = frozenset({Action.AUTHORIZE, Action.MODIFY}), frozenset({Action.REVOKE})


class ChangeAuthor(Struct, frozen=True):
    """Who made a change. `principal`: the ARN of userIdentity; for a role session, the ARN of the role."""

    actor: Actor
    event_id: str
    principal: str

    @property
    def name(self) -> str:
        return self.actor.name


class GroupHistory:
    """Recent calls that name a group, newest first. One request, sent on first use."""

    def __init__(self, cloudtrail: CloudTrailClient, group_id: str) -> None:
        self._cloudtrail = cloudtrail
        self._group_id = group_id

    def added_by(self, access: Access) -> ChangeAuthor | None:
        return self._latest_author(access, _ADDITIONS)

    def removed_by(self, access: Access) -> ChangeAuthor | None:
        return self._latest_author(access, _REMOVALS)

    def created_by(self, rule: SecurityGroupRule) -> ChangeAuthor | None:
        """Return who created or modified the rule with this id; None when the history does not show it."""
        wanted = (rule.rule_id, access_of(rule))
        return next((_author(call) for call in self._calls if rule.rule_id and wanted in _rules_by_id(call)), None)

    def _latest_author(self, access: Access, actions: AbstractSet[Action]) -> ChangeAuthor | None:
        return next((_author(call) for call in self._calls if access in _accesses(call, actions)), None)

    @cached_property
    def _calls(self) -> tuple[ApiCall, ...]:
        """Empty when CloudTrail refuses or throttles the request."""
        try:
            answer = self._cloudtrail.lookup_events(
                LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": self._group_id}],
                MaxResults=_MAX_RESULTS,
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


def _rules_by_id(call: ApiCall) -> frozenset[tuple[str | None, Access | None]]:
    return frozenset((rule.rule_id, access_of(rule)) for rule in _rules(call, _ADDITIONS))


def _rules(call: ApiCall, actions: AbstractSet[Action]) -> Iterator[SecurityGroupRule]:
    changes = (each for each in changes_of(call) if each.action in actions and each.outcome is Outcome.APPLIED)
    return (each.rule for each in changes if each.rule.direction is not Direction.EGRESS)


def _author(call: ApiCall) -> ChangeAuthor:
    user = call.record.get("userIdentity")
    arn = user.get("arn") if isinstance(user, dict) else None
    return ChangeAuthor(call.actor, call.event_id, session_role_arn(user) or (arn if isinstance(arn, str) else ""))
