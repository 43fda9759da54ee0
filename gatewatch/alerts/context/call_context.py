"""The context of a call, and what it adds to the reasons of its changes. It never lowers a severity."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, structs

from gatewatch.model.change import Outcome
from gatewatch.model.iam import IamFacts
from gatewatch.model.monitoring import MonitoringFacts
from gatewatch.model.resource import ResourceFacts
from gatewatch.model.security_group import AccountPeer, GroupPeer
from gatewatch.model.severity import Assessment, Reason, Severity
from gatewatch.model.source_network import TOR, SourceNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.model.alert import AssessedChange
    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change

REMEMBERED_DAYS = 90
_MAX_EVENT_NAME = 80
_MAX_VENDORS = 5  # of a trust policy with many accounts
_ONE_ACCOUNT = 1


class CallContext(Struct, frozen=True, kw_only=True):
    """What is not known is empty.

    `first_seen`: when the caller made this call for the first time, if it is new; it then `raises_severity` or not.
    `changed_accounts`: accounts that callers of this name changed in the last hour, this one included. `vendors`: names
    by account id.
    """

    first_seen: datetime | None = None
    raises_severity: bool = False
    changed_accounts: int = 0
    source_network: SourceNetwork | None = None
    vendors: Mapping[str, str] = {}


class ContextSource(Protocol):
    """Where the context of a call comes from."""

    def context_of(self, call: ApiCall, changes: Sequence[AssessedChange]) -> CallContext:
        """Return what is known; what cannot be read in time is left out."""
        ...


class NoContext:
    """The source when policy.yaml asks for no context."""

    def context_of(self, _call: ApiCall, _changes: Sequence[AssessedChange]) -> CallContext:
        return CallContext()


NO_SOURCE = NoContext()


def with_call_context(
    call: ApiCall, changes: Sequence[AssessedChange], context: CallContext
) -> tuple[AssessedChange, ...]:
    """Return the changes with a reason for each thing that the context says about them."""
    return tuple(_with_reasons(call, each, context) for each in changes)


def _with_reasons(call: ApiCall, assessed: AssessedChange, context: CallContext) -> AssessedChange:
    change, assessment = assessed.change, assessed.assessment
    if change.outcome is Outcome.APPLIED and context.first_seen:
        assessment = _first_time(call, assessment, context.first_seen, raises=context.raises_severity)
    notes = tuple(_notes(change, context))
    return structs.replace(assessed, assessment=structs.replace(assessment, reasons=(*assessment.reasons, *notes)))


def _first_time(call: ApiCall, assessment: Assessment, first_seen: datetime, *, raises: bool) -> Assessment:
    """What is info stays info: it would be worth no message."""
    raises = raises and assessment.severity is not Severity.INFO
    values = {
        "call": call.event_name[:_MAX_EVENT_NAME],
        "date": first_seen.date().isoformat(),
        "days": str(REMEMBERED_DAYS),
    }
    reasons = (*assessment.reasons, Reason("first_time_raised" if raises else "first_time", values))
    severity = assessment.severity.one_step_up() if raises else assessment.severity
    return structs.replace(assessment, severity=severity, reasons=reasons)


def _notes(change: Change, context: CallContext) -> Iterator[Reason]:
    if context.source_network and context.source_network.kind == TOR:
        yield Reason("source_tor")
    if change.outcome is Outcome.APPLIED and context.changed_accounts > _ONE_ACCOUNT:
        yield Reason("changed_accounts", {"count": str(context.changed_accounts)})
    named = [each for each in outside_accounts(change) if each in context.vendors]
    for account in named[:_MAX_VENDORS]:
        yield Reason("vendor_account", {"peer": account, "vendor": context.vendors[account]})


def outside_accounts(change: Change) -> tuple[str, ...]:
    """The accounts that a change trusts, shares something with or names the group of."""
    facts, peer = change.facts, change.rule.peer
    iam = facts.iam if isinstance(facts, MonitoringFacts) else facts
    if isinstance(iam, IamFacts) and iam.trust:
        return iam.trust.accounts
    if isinstance(peer, AccountPeer):
        return (peer.account_id,)
    if isinstance(peer, GroupPeer):
        return (peer.owner,) if peer.owner else ()
    return facts.narrowing.accounts if isinstance(facts, ResourceFacts) else ()
