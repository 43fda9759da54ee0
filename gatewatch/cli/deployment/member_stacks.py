"""Stacks and StackSets of the members: a plan of frozen actions, their AWS CLI commands, and the executor."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec import Struct

from gatewatch.cli.deployment.hub import session_of
from gatewatch.cli.deployment.stack_comparison import ParameterChange, live_parameters, parameter_changes
from gatewatch.cli.deployment.stage_file import StackSetTemplate
from gatewatch.config.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_cloudformation import CloudFormationClient

    from gatewatch.cli.deployment.stage_file import Stage

_CAPABILITY = "CAPABILITY_NAMED_IAM"
_PREFERENCES = {"RegionConcurrencyType": "PARALLEL", "MaxConcurrentPercentage": 50, "FailureTolerancePercentage": 10}


class LiveStackSet(Struct, frozen=True):
    """A StackSet as it is. `instances` are pairs of organizational unit and Region."""

    parameters: dict[str, str]
    instances: frozenset[tuple[str, str]]


class CreateStackSet(Struct, frozen=True):
    target: StackSetTemplate


class UpdateStackSet(Struct, frozen=True):
    """An update with all parameters: one that is left out would get its default."""

    target: StackSetTemplate
    changes: tuple[ParameterChange, ...]

    @property
    def narrowing(self) -> tuple[ParameterChange, ...]:
        """Return the parameters that are emptied or replaced."""
        return tuple(each for each in self.changes if each.is_narrowing)


class CreateInstances(Struct, frozen=True):
    name: str
    units: tuple[str, ...]
    regions: tuple[str, ...]


class DeployStack(Struct, frozen=True):
    """A stack in one account and Region, for accounts that the StackSet does not reach."""

    account: str
    region: str
    target: StackSetTemplate


Action = CreateStackSet | UpdateStackSet | CreateInstances | DeployStack


def live_stack_set(cloudformation: CloudFormationClient, name: str) -> LiveStackSet | None:
    """Return a StackSet; None if it does not exist."""
    try:
        found = cloudformation.describe_stack_set(StackSetName=name, CallAs="DELEGATED_ADMIN")["StackSet"]
    except cloudformation.exceptions.StackSetNotFoundException:
        return None
    pages = cloudformation.get_paginator("list_stack_instances").paginate(StackSetName=name, CallAs="DELEGATED_ADMIN")
    summaries = [each for page in pages for each in page["Summaries"]]
    return LiveStackSet(
        {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])},
        frozenset((each.get("OrganizationalUnitId", ""), each["Region"]) for each in summaries),
    )


def live_stack_sets(stage: Stage) -> dict[str, LiveStackSet | None]:
    """Return the StackSets of a stage by name; none without organizational units."""
    if not stage.members.organizational_units:
        return {}
    cloudformation = session_of(stage.hub.region).client("cloudformation")
    return {each.name: live_stack_set(cloudformation, each.name) for each in stage.templates()}


def plan_members(stage: Stage, live: Mapping[str, LiveStackSet | None]) -> tuple[Action, ...]:
    """Return the actions for all members. `live` has the StackSets by name."""
    return tuple(_plan(stage, live))


def _plan(stage: Stage, live: Mapping[str, LiveStackSet | None]) -> Iterator[Action]:
    units, regions = stage.members.organizational_units, stage.members.regions
    for target in stage.templates():
        if units:
            found = live.get(target.name)
            if found is None:
                yield CreateStackSet(target)
            else:
                yield UpdateStackSet(target, parameter_changes(found.parameters, target.parameters))
            existing = found.instances if found else frozenset()
            missing = tuple(each for each in regions if not {(unit, each) for unit in units} <= existing)
            if missing:
                yield CreateInstances(target.name, units, missing)
        for account in dict.fromkeys((stage.hub.account, *stage.hub.accounts)):
            yield from (DeployStack(account, region, target) for region in regions)


def command_of(action: Action) -> str:
    """Return the AWS CLI command that performs an action."""
    match action:
        case CreateStackSet(target):
            deployment = (
                "--permission-model SERVICE_MANAGED --auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false"
            )
            return f"{_stack_set_command('create-stack-set', target)} {deployment}"
        case UpdateStackSet(target):
            return _stack_set_command("update-stack-set", target)
        case CreateInstances(name, units, regions):
            preferences = ",".join(f"{key}={value}" for key, value in _PREFERENCES.items())
            return (
                f"aws cloudformation create-stack-instances --stack-set-name {name} --call-as DELEGATED_ADMIN "
                f"--deployment-targets OrganizationalUnitIds={','.join(units)} --regions {' '.join(regions)} "
                f"--operation-preferences {preferences}"
            )
        case DeployStack(_, region, target):
            overrides = [f"{key}={value}" for key, value in target.parameters.items()]
            return (
                f"aws cloudformation deploy --stack-name {target.name} --region {region} "
                f"--template-file {_relative(target)} --capabilities {_CAPABILITY} "
                f"--parameter-overrides {shlex.join(overrides)}"
            )


def _stack_set_command(operation: str, target: StackSetTemplate) -> str:
    given = [f"ParameterKey={key},ParameterValue={_escaped(value)}" for key, value in target.parameters.items()]
    return (
        f"aws cloudformation {operation} --stack-set-name {target.name} --call-as DELEGATED_ADMIN "
        f"--template-body file://{_relative(target)} --capabilities {_CAPABILITY} --parameters {shlex.join(given)}"
    )


def _escaped(value: str) -> str:
    """Quote commas for the shorthand syntax of the AWS CLI."""
    return f'"{value}"' if "," in value or not value else value


def _relative(target: StackSetTemplate) -> str:
    return target.template.relative_to(ROOT).as_posix()


class MemberExecutor:
    """Performs actions with the credentials of the environment."""

    def __init__(self, stage: Stage) -> None:
        self._hub = stage.hub
        self._account = session_of(stage.hub.region).client("sts").get_caller_identity()["Account"]

    def can_apply(self, action: Action) -> bool:
        """Whether the credentials are of the account where the action has to be performed."""
        return bool(self._account == (action.account if isinstance(action, DeployStack) else self._hub.account))

    @staticmethod
    def _cloudformation(region: str) -> CloudFormationClient:
        client: CloudFormationClient = session_of(region).client("cloudformation")
        return client

    def apply(self, action: Action) -> None:
        """Perform one action. Raises botocore's errors."""
        match action:
            case CreateStackSet(target):
                self._cloudformation(self._hub.region).create_stack_set(
                    **_stack_set_arguments(target),
                    PermissionModel="SERVICE_MANAGED",
                    AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
                )
            case UpdateStackSet(target):
                self._cloudformation(self._hub.region).update_stack_set(**_stack_set_arguments(target))
            case CreateInstances(name, units, regions):
                preferences: Any = _PREFERENCES
                self._cloudformation(self._hub.region).create_stack_instances(
                    StackSetName=name,
                    CallAs="DELEGATED_ADMIN",
                    DeploymentTargets={"OrganizationalUnitIds": list(units)},
                    Regions=list(regions),
                    OperationPreferences=preferences,
                )
            case DeployStack(_, region, target):
                deploy_stack(self._cloudformation(region), target)


def _stack_set_arguments(target: StackSetTemplate) -> dict[str, Any]:
    return {
        "StackSetName": target.name,
        "CallAs": "DELEGATED_ADMIN",
        "TemplateBody": target.template.read_text("utf-8"),
        "Capabilities": [_CAPABILITY],
        "Parameters": _given(target),
    }


def _given(target: StackSetTemplate) -> list[Any]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in target.parameters.items()]


def deploy_stack(cloudformation: CloudFormationClient, target: StackSetTemplate) -> None:
    """Create or update a stack and wait for it. Raises botocore's errors."""
    arguments: Any = {
        "StackName": target.name,
        "TemplateBody": target.template.read_text("utf-8"),
        "Capabilities": [_CAPABILITY],
        "Parameters": _given(target),
    }
    if live_parameters(cloudformation, target.name) is None:
        cloudformation.create_stack(**arguments)
        cloudformation.get_waiter("stack_create_complete").wait(StackName=target.name)
        return
    try:
        cloudformation.update_stack(**arguments)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return
        raise
    cloudformation.get_waiter("stack_update_complete").wait(StackName=target.name)
