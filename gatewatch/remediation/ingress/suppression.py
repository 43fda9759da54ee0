"""Exceptions of the policy in remediation: a rule that one of them may cover is not changed, whatever its effect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.suppression import ChangeContext, PossibleSuppression, find_possible_suppression
from gatewatch.config.suppression_rules import PolicyException
from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.account import Account
from gatewatch.model.api_call import Actor
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.security_group import Group
from gatewatch.remediation.ingress.ec2 import describe_group
from gatewatch.remediation.ingress.plan import Authorize, rule_of

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

    from gatewatch.remediation.ingress.change_history import GroupHistory
    from gatewatch.remediation.ingress.conflict_guard import GroupRef
    from gatewatch.remediation.ingress.plan import IngressAction as Planned

    # Finds the exception that may cover the change which a planned action would revert.
    ExceptionLookup = Callable[[Planned], PossibleSuppression | None]

_UNKNOWN_ACTOR = Actor(UNKNOWN, UNKNOWN)


class RuleSuppression(Struct, frozen=True):
    """`account` returns what accounts.yaml has about an account id."""

    exceptions: tuple[PolicyException, ...]
    account: Callable[[str], Account]

    def for_group(self, ref: GroupRef, ec2: EC2Client, history: GroupHistory, at: float) -> ExceptionLookup:
        """Return the lookup for one group at a time (seconds since 1970).

        Raises `ClientError` when an exception matches group names and the name cannot be read.
        """
        now, group = datetime.fromtimestamp(at, UTC), self._group(ref, ec2)

        def exception_for(planned: Planned) -> PossibleSuppression | None:
            if not self.exceptions:
                return None
            context = ChangeContext(self.account(ref.account_id), ref.region, self._actor(planned, history))
            return find_possible_suppression(context, _change(planned, group), self.exceptions, now)

        return exception_for

    def _group(self, ref: GroupRef, ec2: EC2Client) -> Group:
        """With its name and tags only where an exception matches those."""
        needs_name = any(each.match.group is not None or each.match.tags for each in self.exceptions)
        return describe_group(ec2, ref.group_id) if needs_name else Group(id=ref.group_id)

    def _actor(self, planned: Planned, history: GroupHistory) -> Actor:
        """Only the author of this rule id: the history lags, and an author of an equal rule may not be the last one."""
        if isinstance(planned, Authorize) or not any(each.match.actor is not None for each in self.exceptions):
            return _UNKNOWN_ACTOR
        author = history.created_by(planned.current.rule)
        return author.actor if author else _UNKNOWN_ACTOR


def _change(planned: Planned, group: Group) -> Change:
    """Return the change that the planned action would revert."""
    action = Action.REVOKE if isinstance(planned, Authorize) else Action.AUTHORIZE
    rule = rule_of(planned)
    return Change(family=Family.SECURITY_GROUP, action=action, outcome=Outcome.APPLIED, group=group, rule=rule)
