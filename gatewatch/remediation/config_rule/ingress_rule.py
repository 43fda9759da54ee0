"""The ingress Config rule: outside exempt groups, only allowed inbound rules exist and all required ones do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.config.ingress import EnforcementMode
from gatewatch.config.settings import Settings
from gatewatch.delivery.outbox import MessageSink
from gatewatch.remediation.config_rule.annotation import (
    EvaluationResult,
    evaluate_plan,
    exempt_result,
)
from gatewatch.remediation.config_rule.configuration_item import rules_of_group
from gatewatch.remediation.config_rule.evaluation import ComplianceType, Evaluation, deleted_resources
from gatewatch.remediation.config_rule.group_enforcement import GroupEnforcement
from gatewatch.remediation.config_rule.invocation import (
    SECURITY_GROUP,
    ConfigurationItem,
    Invocation,
    ItemChanged,
    with_configuration,
)
from gatewatch.remediation.config_rule.security_hub import publish_findings
from gatewatch.remediation.ingress.conflict_guard import GroupRef
from gatewatch.remediation.ingress.ec2 import read_current_rule, read_group
from gatewatch.remediation.ingress.enforcer import Enforcer
from gatewatch.remediation.ingress.plan import CurrentRule, plan_ingress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gatewatch.aws.clients import Aws
    from gatewatch.model.security_group import Group


class IngressRule(Struct, frozen=True):
    """`now` returns seconds since 1970; `enforcer` returns an enforcer for the role of an invocation."""

    settings: Settings
    outbox: MessageSink
    enforcer: Callable[[Invocation], Enforcer]
    now: Callable[[], float]

    def evaluations(self, invocation: Invocation, member: Aws) -> Iterator[Evaluation]:
        """Yield the evaluation of the changed group, or of every group of the account and Region on schedule."""
        message, unfinished = invocation.message, self._unfinished(invocation)
        if isinstance(message, ItemChanged):
            found = self._changed(invocation, message.item, member, unfinished)
            item = message.item
            yield Evaluation(item.resource_type, item.resource_id, found.state, found.annotation, item.captured_at)
            return
        existing: list[Evaluation] = []
        for group, current in _all_groups(member, invocation.account_id):
            group_id = group.id or ""
            found = self._evaluate(invocation, group, current, member, unfinished.get(group_id, ""))
            existing.append(Evaluation(SECURITY_GROUP, group_id, found.state, found.annotation, message.at))
        yield from existing
        yield from deleted_resources(member.config, invocation, existing, message.at)

    def publish(self, invocation: Invocation, member: Aws, evaluations: Iterable[Evaluation]) -> None:
        """Send the evaluations to Security Hub of the member where policy.yaml says so."""
        if self.settings.ingress.securityhub:
            publish_findings(member.securityhub, invocation, evaluations, datetime.fromtimestamp(self.now(), UTC))

    def _unfinished(self, invocation: Invocation) -> Mapping[str, str]:
        """Return the ids of interrupted changes by group id; none where nothing is enforced."""
        if not self._is_enforced(invocation):
            return {}
        return self.enforcer(invocation).unfinished.of_account(invocation.account_id, invocation.region)

    def _changed(
        self, invocation: Invocation, item: ConfigurationItem, member: Aws, unfinished: Mapping[str, str]
    ) -> EvaluationResult:
        if item.resource_type != SECURITY_GROUP:
            return EvaluationResult(
                ComplianceType.NOT_APPLICABLE, f"The rule is about security groups, not {item.resource_type}."
            )
        if invocation.left_scope or not item.exists:
            return EvaluationResult(
                ComplianceType.NOT_APPLICABLE, "The group does not exist any more, or left the scope of the rule."
            )
        found = with_configuration(item, member)
        current = rules_of_group(found.configuration or {}, invocation.account_id)
        group = msgspec.structs.replace(read_group(found.configuration or {}), id=item.resource_id)
        return self._evaluate(invocation, group, current, member, unfinished.get(item.resource_id, ""))

    def _evaluate(
        self, invocation: Invocation, group: Group, current: Sequence[CurrentRule], member: Aws, interrupted: str
    ) -> EvaluationResult:
        """A group that cannot be read or changed is NON_COMPLIANT with the reason."""
        ingress, group_id, now = self.settings.ingress, group.id or "", datetime.fromtimestamp(self.now(), UTC)
        if not ingress.is_configured:
            return EvaluationResult(ComplianceType.NOT_APPLICABLE, "policy.yaml has no section about inbound rules.")
        if exemption := ingress.exemption(group, now):
            return exempt_result(exemption)
        plan = plan_ingress(group_id, current, ingress)
        if self._is_enforced(invocation) and (plan.actions or interrupted):
            found = self._enforce(invocation, group_id, member, interrupted)
        else:
            found = evaluate_plan(plan)
        expired = ingress.expired_exemption(group, now)
        if expired is None or found.state is not ComplianceType.NON_COMPLIANT:
            return found
        return EvaluationResult(
            found.state, f"The exemption by {expired.owner} ended {expired.expires}. {found.annotation}"
        )

    def _is_enforced(self, invocation: Invocation) -> bool:
        """A test run of the rule changes nothing."""
        account = self.settings.account(invocation.account_id)
        return not invocation.is_test and self.settings.ingress.mode_of(account) is EnforcementMode.ENFORCE

    def _enforce(self, invocation: Invocation, group_id: str, member: Aws, interrupted: str) -> EvaluationResult:
        return GroupEnforcement(
            settings=self.settings,
            outbox=self.outbox,
            enforcer=self.enforcer(invocation),
            member=member,
            group=GroupRef(invocation.account_id, invocation.region, group_id),
            interrupted=interrupted,
            at=self.now(),
        ).run()


def _all_groups(member: Aws, account_id: str) -> Iterator[tuple[Group, tuple[CurrentRule, ...]]]:
    """Yield every group of the account and Region with its inbound rules, from two paginated calls in all."""
    rules: dict[str, list[CurrentRule]] = {}
    for page in member.ec2.get_paginator("describe_security_group_rules").paginate():
        for rule in page["SecurityGroupRules"]:
            if not rule.get("IsEgress"):
                rules.setdefault(rule["GroupId"], []).append(read_current_rule(rule, account_id))
    for groups in member.ec2.get_paginator("describe_security_groups").paginate():
        for group in groups["SecurityGroups"]:
            yield read_group(group), tuple(rules.get(group["GroupId"], ()))
