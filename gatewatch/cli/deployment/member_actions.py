"""What deploys or removes the stacks of the members: frozen actions, and the AWS CLI command of each."""

from __future__ import annotations

import shlex
from typing import Any

from msgspec import Struct

from gatewatch.cli.deployment.stack_comparison import ParameterChange
from gatewatch.cli.deployment.stack_templates import StackTemplate
from gatewatch.config.paths import ROOT

PREFERENCES = {"RegionConcurrencyType": "PARALLEL", "MaxConcurrentPercentage": 50, "FailureTolerancePercentage": 10}


class CreateStackSet(Struct, frozen=True):
    target: StackTemplate


class UpdateStackSet(Struct, frozen=True):
    """An update with all parameters: one that is left out would get its default."""

    target: StackTemplate
    changes: tuple[ParameterChange, ...]


class CreateInstances(Struct, frozen=True):
    """Deploys a StackSet to the accounts of the units, but not to `excluded`, which has stacks of its own."""

    name: str
    units: tuple[str, ...]
    regions: tuple[str, ...]
    excluded: str


class DeleteInstances(Struct, frozen=True):
    """Deletes the stacks of a StackSet in all accounts of the units."""

    name: str
    units: tuple[str, ...]
    regions: tuple[str, ...]


class DeleteStackSet(Struct, frozen=True):
    name: str


class DeployStack(Struct, frozen=True):
    """A stack in one account and Region, for accounts that the StackSet does not reach."""

    account: str
    region: str
    target: StackTemplate


class DeleteStack(Struct, frozen=True):
    account: str
    region: str
    name: str


StackSetAction = CreateStackSet | UpdateStackSet | CreateInstances | DeleteInstances | DeleteStackSet
StackAction = DeployStack | DeleteStack
Action = StackSetAction | StackAction


def narrowing(action: Action) -> tuple[str, ...]:
    """Return what an action takes away, one line each."""
    match action:
        case UpdateStackSet(target, changes):
            return tuple(f"{target.name} {each}" for each in changes if each.is_narrowing)
        case DeleteInstances(name, units, regions):
            return (f"{name} is removed from {', '.join(units)} in {', '.join(regions)}",)
        case _:
            return ()


def title_of(action: Action) -> str:
    """Return the action in a few words."""
    match action:
        case CreateStackSet(target):
            return f"create the StackSet {target.name}"
        case UpdateStackSet(target):
            return f"update the StackSet {target.name}"
        case CreateInstances(name, units, regions, _):
            return f"deploy {name} to {', '.join(units)} in {', '.join(regions)}"
        case DeleteInstances(name, units, regions):
            return f"remove {name} from {', '.join(units)} in {', '.join(regions)}"
        case DeleteStackSet(name):
            return f"delete the StackSet {name}"
        case DeployStack(account, region, target):
            return f"deploy {target.name} to {account} in {region}"
        case DeleteStack(account, region, name):
            return f"delete {name} in {account} {region}"


def command_of(action: Action) -> str:
    """Return the AWS CLI command that performs an action."""
    match action:
        case CreateStackSet(target):
            deployment = (
                "--permission-model SERVICE_MANAGED --auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false"
            )
            return f"{_stack_set_command('create-stack-set', target)} {deployment}"
        case UpdateStackSet(target):
            return f"{_stack_set_command('update-stack-set', target)} --operation-preferences {_preferences()}"
        case CreateInstances(name):
            return _instances_command("create-stack-instances", action)
        case DeleteInstances(name):
            return f"{_instances_command('delete-stack-instances', action)} --no-retain-stacks"
        case DeleteStackSet(name):
            return f"aws cloudformation delete-stack-set --stack-set-name {name} --call-as DELEGATED_ADMIN"
        case DeployStack(_, region, target):
            overrides = [f"{key}={value}" for key, value in target.parameters.items()]
            return (
                f"aws cloudformation deploy --stack-name {target.name} --region {region} "
                f"--template-file {_relative(target)} --capabilities {' '.join(target.capabilities)} "
                f"--parameter-overrides {shlex.join(overrides)}"
            )
        case DeleteStack(_, region, name):
            return f"aws cloudformation delete-stack --stack-name {name} --region {region}"


def _stack_set_command(operation: str, target: StackTemplate) -> str:
    given = [f"ParameterKey={key},ParameterValue={_escaped(value)}" for key, value in target.parameters.items()]
    return (
        f"aws cloudformation {operation} --stack-set-name {target.name} --call-as DELEGATED_ADMIN "
        f"--template-body file://{_relative(target)} --capabilities {' '.join(target.capabilities)} "
        f"--parameters {shlex.join(given)}"
    )


def targets_of(action: CreateInstances | DeleteInstances) -> dict[str, Any]:
    """Return the parameter DeploymentTargets."""
    units = {"OrganizationalUnitIds": list(action.units)}
    if isinstance(action, DeleteInstances):
        return units
    return units | {"AccountFilterType": "DIFFERENCE", "Accounts": [action.excluded]}


def _instances_command(operation: str, action: CreateInstances | DeleteInstances) -> str:
    targets = [
        f"{key}={','.join(value) if isinstance(value, list) else value}" for key, value in targets_of(action).items()
    ]
    return (
        f"aws cloudformation {operation} --stack-set-name {action.name} --call-as DELEGATED_ADMIN "
        f"--deployment-targets {','.join(targets)} --regions {' '.join(action.regions)} "
        f"--operation-preferences {_preferences()}"
    )


def _preferences() -> str:
    return ",".join(f"{key}={value}" for key, value in PREFERENCES.items())


def _escaped(value: str) -> str:
    """Quote commas for the shorthand syntax of the AWS CLI."""
    return f'"{value}"' if "," in value or not value else value


def _relative(target: StackTemplate) -> str:
    return target.template.relative_to(ROOT).as_posix()


def given_parameters(target: StackTemplate) -> list[Any]:
    """Return the parameters of a template as CloudFormation takes them."""
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in target.parameters.items()]
