"""The rule of record for security groups: outside exempt groups only what is allowed stands, and all that must."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.config.ingress import Mode
from gatewatch.config.settings import Settings
from gatewatch.delivery.outbox import Outgoing
from gatewatch.errors import GatewatchError, TransientDeliveryError
from gatewatch.remediation.config_rule.alerts import messages_of
from gatewatch.remediation.config_rule.annotation import Verdict, enforced, exempt, verdict
from gatewatch.remediation.config_rule.configuration_item import rules_of_group
from gatewatch.remediation.config_rule.evaluation import Evaluation, State
from gatewatch.remediation.config_rule.invocation import SECURITY_GROUP, Changed, Invocation, Item, whole
from gatewatch.remediation.ingress.conflict_guard import GroupRef
from gatewatch.remediation.ingress.ec2 import read_standing, standing_rules
from gatewatch.remediation.ingress.enforcer import Enforcer
from gatewatch.remediation.ingress.plan import IngressPlan, Standing, plan_ingress
from gatewatch.rendering.slack import Templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.aws.clients import Aws

_GONE = "InvalidGroup.NotFound"


class IngressRule(Struct, frozen=True):
    """`now` gives seconds since 1970; `enforcer` acts under the name of an invocation's own role."""

    settings: Settings
    templates: Templates
    outbox: Outgoing
    enforcer: Callable[[Invocation], Enforcer]
    now: Callable[[], float]

    def evaluations(self, invocation: Invocation, member: Aws) -> Iterator[Evaluation]:
        message = invocation.message
        if isinstance(message, Changed):
            found = self._changed(invocation, message.item, member)
            item = message.item
            yield Evaluation(item.resource_type, item.resource_id, found.state, found.annotation, item.captured_at)
            return
        for group_id, standing in _all_groups(member, invocation.account_id):
            found = self._judged(invocation, group_id, standing, member)
            yield Evaluation(SECURITY_GROUP, group_id, found.state, found.annotation, message.at)

    def _changed(self, invocation: Invocation, item: Item, member: Aws) -> Verdict:
        if item.resource_type != SECURITY_GROUP:
            return Verdict(State.NOT_APPLICABLE, f"The rule is about security groups, not {item.resource_type}.")
        if invocation.left_scope or not item.is_there:
            return Verdict(State.NOT_APPLICABLE, "The group is gone, or no longer in the scope of the rule.")
        found = whole(item, member)
        standing = rules_of_group(found.configuration or {}, invocation.account_id)
        return self._judged(invocation, item.resource_id, standing, member)

    def _judged(self, invocation: Invocation, group_id: str, standing: Sequence[Standing], member: Aws) -> Verdict:
        """What cannot be looked at or changed is NON_COMPLIANT with the reason: never silently well."""
        ingress, now = self.settings.ingress, datetime.fromtimestamp(self.now(), UTC)
        if not ingress.says_something:
            return Verdict(State.NOT_APPLICABLE, "policy.yaml says nothing about inbound rules.")
        if exemption := ingress.exemption(group_id, now):
            return exempt(exemption)
        plan = plan_ingress(group_id, standing, ingress)
        if self._is_enforced(invocation) and plan.actions:
            found = self._enforce(invocation, group_id, member)
        else:
            found = verdict(plan)
        expired = ingress.expired_exemption(group_id, now)
        if expired is None or found.state is not State.NON_COMPLIANT:
            return found
        return Verdict(found.state, f"The exemption by {expired.owner} ended {expired.expires}. {found.annotation}")

    def _is_enforced(self, invocation: Invocation) -> bool:
        return self.settings.ingress.mode_of(self.settings.account(invocation.account_id)) is Mode.ENFORCE

    def _enforce(self, invocation: Invocation, group_id: str, member: Aws) -> Verdict:
        """By what stands now, not by what Config had seen a while ago."""
        group = GroupRef(invocation.account_id, invocation.region, group_id)
        try:
            standing = standing_rules(member.ec2, group_id, invocation.account_id)
            plan = plan_ingress(group_id, standing, self.settings.ingress)
            return self._apply(invocation, group, plan, standing, member)
        except TransientDeliveryError:
            raise
        except (GatewatchError, ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == _GONE:
                return Verdict(State.NOT_APPLICABLE, "The group is gone.")
            return Verdict(State.NON_COMPLIANT, f"Nothing was changed: {_reason(error)}")

    def _apply(
        self, invocation: Invocation, group: GroupRef, plan: IngressPlan, standing: Sequence[Standing], member: Aws
    ) -> Verdict:
        if not plan.actions:
            return verdict(plan)
        at = self.now()
        done = self.enforcer(invocation).enforce(group, plan, standing, member, at)
        self.outbox.put(messages_of(done, self.settings, self.templates, at))
        return enforced(done, plan_ingress(group.group_id, done.after, self.settings.ingress))


def _reason(error: Exception) -> str:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else str(error)


def _all_groups(member: Aws, account_id: str) -> Iterator[tuple[str, tuple[Standing, ...]]]:
    """Every group of the account and Region with its inbound rules; two kinds of calls in all, however many groups."""
    rules: dict[str, list[Standing]] = {}
    for page in member.ec2.get_paginator("describe_security_group_rules").paginate():
        for rule in page["SecurityGroupRules"]:
            if not rule.get("IsEgress"):
                rules.setdefault(rule["GroupId"], []).append(read_standing(rule, account_id))
    for groups in member.ec2.get_paginator("describe_security_groups").paginate():
        for group in groups["SecurityGroups"]:
            yield group["GroupId"], tuple(rules.get(group["GroupId"], ()))
