"""The exceptions of the policy, asked before a rule is put right: whatever one of them may cover is left as it is.

All effects say so: what is muted or lowered somebody answers for, and notify-only is the very word for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.suppression import Circumstances, MayHold, may_be_excepted
from gatewatch.config.suppression_rules import PolicyException
from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.account import Account
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.security_group import Group
from gatewatch.remediation.ingress.ec2 import described
from gatewatch.remediation.ingress.plan import Authorize, rule_of

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

    from gatewatch.remediation.ingress.change_history import History
    from gatewatch.remediation.ingress.conflict_guard import GroupRef
    from gatewatch.remediation.ingress.plan import Action as Planned

    # The exception that may cover what people did to a rule, which the plan would undo.
    Covering = Callable[[Planned], MayHold | None]


class Excepting(Struct, frozen=True):
    """`account` gives what accounts.yaml knows of one."""

    exceptions: tuple[PolicyException, ...]
    account: Callable[[str], Account]

    def over(self, ref: GroupRef, ec2: EC2Client, history: History, at: float) -> Covering:
        """For one group, at a time. Raises `ClientError` where the group's name is asked for and not told."""
        moment, group = datetime.fromtimestamp(at, UTC), self._group(ref, ec2)

        def covering(planned: Planned) -> MayHold | None:
            if not self.exceptions:
                return None
            where = Circumstances(self.account(ref.account_id), ref.region, self._actor(planned, history))
            return may_be_excepted(where, _change(planned, group), self.exceptions, moment)

        return covering

    def _group(self, ref: GroupRef, ec2: EC2Client) -> Group:
        """With its name, if an exception could mean it by that."""
        is_asked = any(each.match.group is not None for each in self.exceptions)
        return described(ec2, ref.group_id) if is_asked else Group(id=ref.group_id)

    def _actor(self, planned: Planned, history: History) -> str:
        """Only for certain: the history lags, and whom it names may not have been the last to do the same."""
        if isinstance(planned, Authorize) or not any(each.match.actor is not None for each in self.exceptions):
            return UNKNOWN
        culprit = history.who_made(planned.standing.rule)
        return culprit.name if culprit else UNKNOWN


def _change(planned: Planned, group: Group) -> Change:
    """What people did, as the plan would undo it."""
    action = Action.REVOKE if isinstance(planned, Authorize) else Action.AUTHORIZE
    rule = rule_of(planned)
    return Change(family=Family.SECURITY_GROUP, action=action, outcome=Outcome.APPLIED, group=group, rule=rule)
