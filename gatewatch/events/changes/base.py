"""What every parser builds on: `ParsedCall` (parameters unwrapped, outcome known) and `CallSpec`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from msgspec import Struct

from gatewatch.events.changes.normalization import Fields, as_text, first_present, is_true, parameters
from gatewatch.model.api_call import ApiCall
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.security_group import NO_RULE, Direction, Group, SecurityGroupRule

# EC2 writes `Client.` or `Server.` before a code; every service has its own code for a missing permission.
_DENIED = re.compile(
    r"AccessDenied|AccessDisabled|Unauthori[sz]ed|NotAuthori[sz]ed|PermissionDenied|Insufficient(?:Permission|Privilege)"
    r"|^(?:Client\.)?(?:AuthFailure$|AuthorizationError|Forbidden)"
)
_DRY_RUN = re.compile(r"^(?:Client\.|Server\.)?DryRunOperation$")
_WITH_RESOURCES = frozenset({Family.NETWORK, Family.PUBLIC_ACCESS, Family.ORGANIZATION, Family.DETECTION})
_NAMING = ("name", "id", "arn", "url", "identifier")


def outcome_of(call: ApiCall) -> Outcome:
    """Return applied, denied, failed or dry run. A no-op shows only in the response, so its parser finds it."""
    if call.error_code is None:
        return Outcome.APPLIED
    if _DRY_RUN.match(call.error_code):
        return Outcome.DRY_RUN
    return Outcome.DENIED if _DENIED.search(call.error_code) else Outcome.FAILED


class ParsedCall(Struct, frozen=True, kw_only=True):
    """A call with unwrapped parameters and lower-case keys; None where there are none to read."""

    call: ApiCall
    spec: CallSpec
    outcome: Outcome
    request: Fields | None
    response: Fields | None

    @property
    def is_applied(self) -> bool:
        return self.outcome is Outcome.APPLIED

    @property
    def request_parameters(self) -> Fields:
        return self.request or {}

    @property
    def response_elements(self) -> Fields:
        return (self.response or {}) if self.is_applied else {}

    def group(self, group_id: str | None = None) -> Group:
        """The group a call is about. Its id may be only in the response, its name only in the request."""
        request = self.request_parameters
        return Group(
            id=group_id or as_text(request.get("groupid")) or as_text(self.response_elements.get("groupid")),
            name=as_text(request.get("groupname")),
            vpc_id=as_text(request.get("vpcid")),
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
            family=self.spec.family,
            action=action or self.spec.action,
            outcome=outcome or self.outcome,
            group=group or self.group(),
            rule=rule,
            resource_id=resource_id,
            understood=understood,
            is_severe=self.spec.is_severe,
        )

    def not_understood(self) -> Change:
        """A change for a supported call of an unknown form. A refused call without parameters counts as understood."""
        rule = SecurityGroupRule(direction=self.spec.direction)
        understood = self.request is None and not self.is_applied
        return self.change(rule, understood=understood, resource_id=self._first_name())

    def _first_name(self) -> str | None:
        """The first parameter that names something, for a call with resources whose form is unknown."""
        if self.spec.family not in _WITH_RESOURCES:
            return None
        names = (value for key, value in self.request_parameters.items() if key.endswith(_NAMING))
        return next((name for name in map(as_text, names) if name), None)

    def first_text(self, *names: str) -> str | None:
        """A text of the request, else of the response, under any of its spellings."""
        return as_text(first_present(self.request_parameters, *names)) or as_text(
            first_present(self.response_elements, *names)
        )


class CallSpec(Struct, frozen=True):
    """One row of the dispatch table: family and action of a call, and its parser.

    `is_severe`: the call is, or may be, high or critical, so a form that cannot be read counts as high.
    """

    family: Family
    action: Action
    read: Callable[[ParsedCall], Iterable[Change]]
    direction: Direction | None = None
    is_severe: bool = False


def _is_dry_run(call: ApiCall, request: Fields) -> bool:
    """Whether a call without an error was a dry run. The parameter alone proves nothing where AWS has none.

    UpdateFunctionCode answers a dry run. EC2 answers with an error, and has a response to everything it did.
    """
    if not is_true(request.get("dryrun")):
        return False
    service = call.event_source.partition(".")[0]
    is_unanswered = service in {"", "ec2"} and call.response is None
    return is_unanswered or (service == "lambda" and call.event_name.startswith("UpdateFunctionCode"))


def parse_call(call: ApiCall, spec: CallSpec) -> ParsedCall:
    request = parameters(call.request, call.event_name, "request")
    outcome = outcome_of(call)
    if call.error_code is None and _is_dry_run(call, request or {}):
        outcome = Outcome.DRY_RUN
    response = parameters(call.response, call.event_name, "response")
    return ParsedCall(call=call, spec=spec, outcome=outcome, request=request, response=response)
