"""The plan for the stacks of the members: what the StackSets have, and what a stage file asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.cli.deployment.hub import session_of
from gatewatch.cli.deployment.member_actions import (
    Action,
    CreateInstances,
    CreateStackSet,
    DeleteInstances,
    DeleteStack,
    DeleteStackSet,
    DeployStack,
    StackSetAction,
    UpdateStackSet,
)
from gatewatch.cli.deployment.stack_comparison import parameter_changes
from gatewatch.cli.deployment.stack_templates import MEMBER_STACKS, OWN_STACKS, member_templates, own_templates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from types_boto3_cloudformation import CloudFormationClient

    from gatewatch.cli.deployment.stack_templates import StackTemplate
    from gatewatch.cli.deployment.stage_file import Stage

Pair = tuple[str, str]


class Instance(Struct, frozen=True, kw_only=True):
    """One stack of a StackSet, as `gatewatch members status` prints it."""

    stack_set: str
    unit: str
    account: str
    region: str
    status: str
    detail: str
    reason: str


class LiveStackSet(Struct, frozen=True, kw_only=True):
    """A StackSet as it is. `units` are its targets, with and without accounts."""

    parameters: dict[str, str]
    template: str = ""
    units: frozenset[str] = frozenset()
    instances: tuple[Instance, ...] = ()

    @property
    def pairs(self) -> frozenset[Pair]:
        """Return unit and Region of every instance, and of units without accounts, which have none."""
        found = frozenset((each.unit, each.region) for each in self.instances if each.unit)
        empty = self.units - {unit for unit, _ in found}
        return found | {(unit, region) for unit in empty for _, region in found}


def live_stack_set(cloudformation: CloudFormationClient, name: str) -> LiveStackSet | None:
    """Return a StackSet; None if it does not exist."""
    try:
        found = cloudformation.describe_stack_set(StackSetName=name, CallAs="DELEGATED_ADMIN")["StackSet"]
    except cloudformation.exceptions.StackSetNotFoundException:
        return None
    if found["Status"] == "DELETED":
        return None
    return LiveStackSet(
        parameters={each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])},
        template=found.get("TemplateBody", ""),
        units=frozenset(found.get("OrganizationalUnitIds", [])),
        instances=tuple(stack_instances(cloudformation, name)),
    )


def stack_instances(cloudformation: CloudFormationClient, name: str) -> Iterator[Instance]:
    """List the stacks of a StackSet."""
    pages = cloudformation.get_paginator("list_stack_instances").paginate(StackSetName=name, CallAs="DELEGATED_ADMIN")
    for page in pages:
        for each in page["Summaries"]:
            yield Instance(
                stack_set=name,
                unit=each.get("OrganizationalUnitId", ""),
                account=each.get("Account", ""),
                region=each["Region"],
                status=each.get("Status", ""),
                detail=each.get("StackInstanceStatus", {}).get("DetailedStatus", ""),
                reason=each.get("StatusReason", ""),
            )


def live_stack_sets(stage: Stage) -> dict[str, LiveStackSet | None]:
    """Return the StackSets of a stage by name; none without an organization."""
    if not stage.hub.organization:
        return {}
    cloudformation = session_of(stage.hub.region).client("cloudformation")
    return {name: live_stack_set(cloudformation, name) for name in MEMBER_STACKS}


def plan_members(stage: Stage, live: Mapping[str, LiveStackSet | None]) -> tuple[Action, ...]:
    """Return the actions for all members; none for what is as the stage file says."""
    return tuple(_plan(stage, live))


def _plan(stage: Stage, live: Mapping[str, LiveStackSet | None]) -> Iterator[Action]:
    units, regions = stage.members.organizational_units, stage.members.regions
    targets = member_templates(stage) if units else ()
    for target in targets:
        wanted = {(unit, each) for each in regions for unit in units}
        yield from _stack_set(target, live.get(target.name), wanted, stage.hub.account)
    for name in live.keys() - {each.name for each in targets}:
        yield from _without(name, live[name])
    for account in _own_accounts(stage):
        for region in regions:
            stacks = (*member_templates(stage), *own_templates(stage, account, region))
            yield from (DeployStack(account, region, target) for target in stacks)


def _own_accounts(stage: Stage) -> Iterable[str]:
    """Return the accounts that have stacks of their own; StackSets leave the monitoring account out."""
    return dict.fromkeys((stage.hub.account, *stage.hub.accounts))


def _stack_set(
    target: StackTemplate, found: LiveStackSet | None, wanted: set[Pair], excluded: str
) -> Iterator[StackSetAction]:
    if found is None:
        yield CreateStackSet(target)
    else:
        changes = parameter_changes(found.parameters, target.parameters)
        if changes or found.template != target.template.read_text("utf-8"):
            yield UpdateStackSet(target, changes)
    existing = found.pairs if found else frozenset()
    for units, regions in _grouped(existing - wanted):
        yield DeleteInstances(target.name, units, regions)
    for units, regions in _grouped(wanted - existing):
        yield CreateInstances(target.name, units, regions, excluded)


def _grouped(pairs: Iterable[Pair]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Group pairs of unit and Region to units and their Regions, for one call each."""
    by_region: dict[str, list[str]] = {}
    for unit, region in sorted(pairs):
        by_region.setdefault(region, []).append(unit)
    by_units: dict[tuple[str, ...], list[str]] = {}
    for region, units in by_region.items():
        by_units.setdefault(tuple(units), []).append(region)
    return ((units, tuple(regions)) for units, regions in by_units.items())


def plan_removal(stage: Stage, live: Mapping[str, LiveStackSet | None]) -> tuple[Action, ...]:
    """Return the actions that remove all stacks and StackSets of the members."""
    return tuple(_removal(stage, live))


def _removal(stage: Stage, live: Mapping[str, LiveStackSet | None]) -> Iterator[Action]:
    for name, found in live.items():
        yield from _without(name, found)
    names = tuple(reversed((*MEMBER_STACKS, *OWN_STACKS)))
    for account in _own_accounts(stage):
        yield from (DeleteStack(account, region, name) for region in stage.members.regions for name in names)


def _without(name: str, found: LiveStackSet | None) -> Iterator[StackSetAction]:
    """Yield the actions that remove a StackSet with its stacks."""
    if found:
        yield from (DeleteInstances(name, units, regions) for units, regions in _grouped(found.pairs))
        yield DeleteStackSet(name)
