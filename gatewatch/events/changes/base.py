"""An ApiCall made ready for its family: parameters unwrapped, outcome known, one place that makes a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from gatewatch.events.changes.normalization import Fields, first, is_true, parameters, text
from gatewatch.model.api_call import ApiCall
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.security_group import NO_RULE, Direction, Group, SecurityGroupRule

# EC2 writes `Client.` or `Server.` before a code, IAM and others do not.
_PREFIXES = ("Client.", "Server.")
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "NotAuthorized",
        "NotAuthorizedException",
        "UnauthorizedAccess",
        "UnauthorizedException",
        "UnauthorizedOperation",
    }
)
_DRY_RUN = "DryRunOperation"


def outcome_of(call: ApiCall) -> Outcome:
    """Applied, denied, failed or dry run; a no-op shows only in the response, so its family finds it."""
    if call.error_code is None:
        return Outcome.APPLIED
    code = call.error_code
    for prefix in _PREFIXES:
        code = code.removeprefix(prefix)
    if code == _DRY_RUN:
        return Outcome.DRY_RUN
    return Outcome.DENIED if code in _DENIED else Outcome.FAILED


class ReadCall(Struct, frozen=True, kw_only=True):
    """A call whose parameters are unwrapped and lower-cased; None where there are none to read."""

    call: ApiCall
    kind: Kind
    outcome: Outcome
    request: Fields | None
    response: Fields | None

    @property
    def is_applied(self) -> bool:
        return self.outcome is Outcome.APPLIED

    @property
    def asked(self) -> Fields:
        return self.request or {}

    @property
    def answered(self) -> Fields:
        return (self.response or {}) if self.is_applied else {}

    def group(self, group_id: str | None = None) -> Group:
        """The group a call is about: its id may stand only in the answer, its name only in the request."""
        return Group(
            id=group_id or text(self.asked.get("groupid")) or text(self.answered.get("groupid")),
            name=text(self.asked.get("groupname")),
            vpc_id=text(self.asked.get("vpcid")),
        )

    def change(
        self,
        rule: SecurityGroupRule = NO_RULE,
        *,
        action: Action | None = None,
        outcome: Outcome | None = None,
        group: Group | None = None,
        resource_id: str | None = None,
        understood: bool = True,
    ) -> Change:
        return Change(
            family=self.kind.family,
            action=action or self.kind.action,
            outcome=outcome or self.outcome,
            group=group or self.group(),
            rule=rule,
            resource_id=resource_id,
            understood=understood,
        )

    def not_understood(self) -> Change:
        """The call is ours, its shape is not. A refused call may well have no parameters: that is understood."""
        rule = SecurityGroupRule(direction=self.kind.direction)
        return self.change(rule, understood=self.request is None and not self.is_applied)

    def first_of(self, *names: str) -> str | None:
        """A text of the request, else of the answer, under any of its spellings."""
        return text(first(self.asked, *names)) or text(first(self.answered, *names))


class Kind(Struct, frozen=True):
    """One row of the dispatch table: what a call of this name is, and who reads it."""

    family: Family
    action: Action
    read: Callable[[ReadCall], Iterable[Change]]
    direction: Direction | None = None


def read_call(call: ApiCall, kind: Kind) -> ReadCall:
    request = parameters(call.request, call.event_name, "request")
    outcome = outcome_of(call)
    if outcome is Outcome.APPLIED and is_true((request or {}).get("dryrun")):
        outcome = Outcome.DRY_RUN
    response = parameters(call.response, call.event_name, "response")
    return ReadCall(call=call, kind=kind, outcome=outcome, request=request, response=response)
