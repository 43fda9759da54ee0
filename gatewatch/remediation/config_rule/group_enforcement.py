"""Enforcement of the ingress policy on one security group, with the messages about it."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.aws.clients import Aws
from gatewatch.aws.error_codes import error_code
from gatewatch.config.settings import Settings
from gatewatch.delivery.outbox import MessageSink
from gatewatch.errors import GatewatchError
from gatewatch.remediation.config_rule.alerts import messages_of
from gatewatch.remediation.config_rule.annotation import EvaluationResult, enforcement_result
from gatewatch.remediation.config_rule.evaluation import ComplianceType
from gatewatch.remediation.ingress.conflict_guard import GroupRef
from gatewatch.remediation.ingress.ec2 import current_rules, describe_group
from gatewatch.remediation.ingress.enforcer import Enforcement, Enforcer
from gatewatch.remediation.ingress.plan import plan_ingress
from gatewatch.remediation.ingress.unfinished import interrupted_parts

_NOT_FOUND = "InvalidGroup.NotFound"
_GROUP_DELETED = EvaluationResult(ComplianceType.NOT_APPLICABLE, "The group does not exist any more.")


class GroupEnforcement(Struct, frozen=True, kw_only=True):
    """`interrupted`: id of a change that an earlier run did not complete, or empty. `at`: seconds since 1970."""

    settings: Settings
    outbox: MessageSink
    enforcer: Enforcer
    member: Aws
    group: GroupRef
    interrupted: str
    at: float

    def run(self) -> EvaluationResult:
        """Enforce on the rules that exist now, not on the state that Config captured.

        Raises the error of the outbox when the messages cannot be queued; the next run then sends them.
        """
        try:
            done = self._enforce()
        except (GatewatchError, ClientError, BotoCoreError) as error:
            if error_code(error) != _NOT_FOUND:
                return EvaluationResult(ComplianceType.NON_COMPLIANT, f"Remediation failed: {_reason(error)}")
            result, change_id = _GROUP_DELETED, ""
        else:
            result, change_id = self._report(done), done.change_id
        self.enforcer.finish(self.group, change_id, self.interrupted)
        return result

    def _enforce(self) -> Enforcement:
        snapshot = self.enforcer.snapshots.load(self.interrupted) if self.interrupted else None
        current = current_rules(self.member.ec2, self.group.group_id, self.group.account_id)
        if not current:
            describe_group(self.member.ec2, self.group.group_id)  # rules of a deleted group are an empty list
        parts = interrupted_parts(snapshot) if snapshot else ()
        plan = plan_ingress(self.group.group_id, current, self.settings.ingress, parts)
        if not plan.actions and snapshot is None:
            return Enforcement(group=self.group, before=current, after=current)
        return self.enforcer.enforce(self.group, plan, current, self.member, self.at, snapshot)

    def _report(self, done: Enforcement) -> EvaluationResult:
        if any(each.reason == _NOT_FOUND for each in done.steps):
            return _GROUP_DELETED
        self.outbox.put(messages_of(done, self.settings, self.at))
        return enforcement_result(done, plan_ingress(self.group.group_id, done.after, self.settings.ingress))


def _reason(error: Exception) -> str:
    return error_code(error) if isinstance(error, ClientError) else str(error)
