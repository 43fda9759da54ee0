"""Security groups from a file or an account, evaluated by the ingress policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.errors import UndecodableError
from gatewatch.events.decoding import parse
from gatewatch.remediation.config_rule.annotation import EvaluationResult, action_text, evaluate_plan, exempt_result
from gatewatch.remediation.config_rule.configuration_item import rules_of_group
from gatewatch.remediation.config_rule.invocation import SECURITY_GROUP
from gatewatch.remediation.ingress.ec2 import current_rules, read_group
from gatewatch.remediation.ingress.plan import CurrentRule, IngressPlan, plan_ingress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from gatewatch.aws.clients import Aws
    from gatewatch.config.ingress import IngressPolicy
    from gatewatch.model.security_group import Group

_MAX_DEPTH = 4


class EvaluatedGroup(Struct, frozen=True):
    """A group with its evaluation and the plan that remediates it; the plan of an exempt group is empty."""

    group_id: str
    current: tuple[CurrentRule, ...]
    result: EvaluationResult
    plan: IngressPlan


class GroupRow(Struct, frozen=True):
    """One group of the list. `actions` as `action_text` writes them."""

    group: str
    compliance: str
    annotation: str
    actions: tuple[str, ...]


def row_of_group(group: EvaluatedGroup) -> GroupRow:
    actions = tuple(action_text(each) for each in group.plan.actions)
    return GroupRow(group.group_id, group.result.state.value, group.result.annotation, actions)


def evaluate_group(
    group: Group, current: tuple[CurrentRule, ...], ingress: IngressPolicy, now: datetime
) -> EvaluatedGroup:
    group_id = group.id or ""
    if exemption := ingress.exemption(group, now):
        return EvaluatedGroup(group_id, current, exempt_result(exemption), IngressPlan(group_id=group_id))
    plan = plan_ingress(group_id, current, ingress)
    return EvaluatedGroup(group_id, current, evaluate_plan(plan), plan)


def groups_of_file(path: Path) -> list[tuple[Group, tuple[CurrentRule, ...]]]:
    """Groups of DescribeSecurityGroups output, configuration items, or arrays of either. Raises `UndecodableError`."""
    try:
        document = parse(path.read_bytes(), str(path))
    except OSError as error:
        raise UndecodableError(
            str(path),
            f"cannot be read ({error.strerror}); name a file of describe-security-groups output, or the word live",
        ) from error
    found = [_read(group) for group in _groups(document, 0)]
    if not found:
        raise UndecodableError(str(path), "has no security group; expected describe-security-groups output")
    return found


def _groups(document: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(document, list):
        for each in document:
            yield from _groups(each, depth + 1)
    elif isinstance(document, dict):
        yield from _groups_of_object(document, depth)


def _groups_of_object(document: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    if "GroupId" in document or "groupId" in document:
        yield document
        return
    if document.get("resourceType") == SECURITY_GROUP:
        configuration = document.get("configuration")
        yield from _groups(parse(configuration) if isinstance(configuration, str) else configuration, depth + 1)
        return
    for key in ("SecurityGroups", "configurationItems", "configurationItem"):
        yield from _groups(document.get(key), depth + 1)


def _read(group: dict[str, Any]) -> tuple[Group, tuple[CurrentRule, ...]]:
    owner = group.get("OwnerId") or group.get("ownerId") or ""
    return read_group(group), rules_of_group(group, str(owner))


def groups_of_account(aws: Aws, account_id: str) -> Iterator[tuple[Group, tuple[CurrentRule, ...]]]:
    """The current groups of an account. Raises `ClientError`."""
    for page in aws.ec2.get_paginator("describe_security_groups").paginate():
        for group in page["SecurityGroups"]:
            yield read_group(group), current_rules(aws.ec2, group["GroupId"], account_id)
