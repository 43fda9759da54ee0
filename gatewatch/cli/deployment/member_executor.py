"""Performs the actions on stacks and StackSets of the members, and waits for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from msgspec import Struct

from gatewatch.cli.deployment.member_actions import (
    PREFERENCES,
    Action,
    CreateInstances,
    CreateStackSet,
    DeleteInstances,
    DeleteStack,
    DeleteStackSet,
    DeployStack,
    StackAction,
    StackSetAction,
    UpdateStackSet,
    given_parameters,
    targets_of,
)
from gatewatch.cli.deployment.member_plan import stack_instances
from gatewatch.cli.deployment.stack_comparison import live_parameters, parameter_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from types_boto3_cloudformation import CloudFormationClient

    from gatewatch.cli.deployment.stack_comparison import ParameterChange
    from gatewatch.cli.deployment.stack_templates import StackTemplate
    from gatewatch.cli.deployment.stage_file import Stage

A = TypeVar("A", StackSetAction, StackAction)
_RUNNING = frozenset({"QUEUED", "RUNNING", "STOPPING"})
_POLL_SECONDS = 10.0
_PARALLEL_REGIONS = 8
_WAITING: Any = {"Delay": 5, "MaxAttempts": 240}


class Result(Struct, frozen=True):
    """How an action ended: a word for the terminal, and whether it failed."""

    action: Action
    text: str
    has_failed: bool = False


class MemberExecutor:
    """Performs actions with the credentials of one account.

    `client_of` creates a client of CloudFormation for a Region. While an operation runs, `progress` is called with a
    sentence, and then `wait` with seconds.
    """

    def __init__(
        self,
        stage: Stage,
        account: str,
        client_of: Callable[[str], CloudFormationClient],
        progress: Callable[[str], None],
        wait: Callable[[float], None],
    ) -> None:
        self._stage = stage
        self._account = account
        self._client_of = client_of
        self._progress = progress
        self._wait = wait

    @property
    def is_hub(self) -> bool:
        """Whether the credentials are of the monitoring account, which alone may ask for the StackSets."""
        return self._account == self._stage.hub.account

    def can_apply(self, action: Action) -> bool:
        """Whether the credentials are of the account where the action has to be performed."""
        owner = action.account if isinstance(action, StackAction) else self._stage.hub.account
        return self._account == owner

    def stack_changes(self, actions: Iterable[Action]) -> Iterator[tuple[DeployStack, ParameterChange]]:
        """Yield the parameters that a stack of this account has with another value."""
        own = [each for each in actions if isinstance(each, DeployStack) and self.can_apply(each)]
        clients = self._clients(own)
        with ThreadPoolExecutor(_PARALLEL_REGIONS) as pool:
            live = pool.map(lambda each: live_parameters(clients[each.region], each.target.name), own)
            for action, found in zip(own, live, strict=True):
                for change in parameter_changes(found, action.target.parameters) if found else ():
                    yield action, change

    def without_absent(self, actions: Iterable[Action]) -> list[Action]:
        """Leave out deletions of stacks that this account does not have."""
        found = list(actions)
        clients = self._clients(each for each in found if isinstance(each, DeleteStack))
        return [
            each
            for each in found
            if not isinstance(each, DeleteStack) or live_parameters(clients[each.region], each.name) is not None
        ]

    def apply(self, actions: Sequence[Action]) -> Iterator[Result]:
        """Perform the actions of this account: StackSets one after another, then stacks, Regions at once.

        A failed action is a result, and the others go on.
        """
        own = [each for each in actions if self.can_apply(each)]
        for each in own:
            if isinstance(each, StackSetAction):
                yield _performed(each, self._apply_to_stack_set)
        stacks = [each for each in own if isinstance(each, StackAction)]
        clients = self._clients(stacks)
        by_region = [[each for each in stacks if each.region == region] for region in clients]
        with ThreadPoolExecutor(_PARALLEL_REGIONS) as pool:
            for results in pool.map(_in_one_region, clients.values(), by_region):
                yield from results

    def _apply_to_stack_set(self, action: StackSetAction) -> str:
        cloudformation = self._client_of(self._stage.hub.region)
        operation = start(cloudformation, action)
        return self._ended(cloudformation, *operation) if operation else "done"

    def _clients(self, actions: Iterable[StackAction]) -> dict[str, CloudFormationClient]:
        """Create one client per Region, before threads use them: creating them is not thread-safe."""
        return {each: self._client_of(each) for each in dict.fromkeys(one.region for one in actions)}

    def _ended(self, cloudformation: CloudFormationClient, name: str, operation: str) -> str:
        """Wait for an operation of a StackSet. Raises `OperationError` when it did not succeed."""
        while True:
            found = cloudformation.describe_stack_set_operation(
                StackSetName=name, OperationId=operation, CallAs="DELEGATED_ADMIN"
            )["StackSetOperation"]
            if found["Status"] not in _RUNNING:
                break
            self._progress(f"{name}: {found['Status'].lower()}, {_current(cloudformation, name)}")
            self._wait(_POLL_SECONDS)
        if found["Status"] != "SUCCEEDED":
            raise OperationError(f"{found['Status'].lower()}; `gatewatch members status` shows why")
        return "done"


class OperationError(Exception):
    """An operation of a StackSet ended without success."""


def _current(cloudformation: CloudFormationClient, name: str) -> str:
    states = [each.status for each in stack_instances(cloudformation, name)]
    return f"{states.count('CURRENT')} of {len(states)} stacks are current"


def _performed(action: A, perform: Callable[[A], str]) -> Result:
    try:
        return Result(action, perform(action))
    except (BotoCoreError, ClientError, ResponseParserError, OperationError) as error:
        return Result(action, f"failed: {error}", has_failed=True)


def start(cloudformation: CloudFormationClient, action: StackSetAction) -> tuple[str, str] | None:
    """Perform an action on a StackSet; return its name and the id of the operation to wait for, if there is one."""
    preferences: Any = PREFERENCES
    match action:
        case CreateStackSet(target):
            cloudformation.create_stack_set(
                **_stack_set_arguments(target),
                PermissionModel="SERVICE_MANAGED",
                AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
            )
            return None
        case UpdateStackSet(target):
            updated = cloudformation.update_stack_set(**_stack_set_arguments(target), OperationPreferences=preferences)
            return target.name, updated["OperationId"]
        case CreateInstances(name):
            return name, cloudformation.create_stack_instances(**_instances_arguments(action))["OperationId"]
        case DeleteInstances(name):
            deleted = cloudformation.delete_stack_instances(**_instances_arguments(action), RetainStacks=False)
            return name, deleted["OperationId"]
        case DeleteStackSet(name):
            cloudformation.delete_stack_set(StackSetName=name, CallAs="DELEGATED_ADMIN")
            return None


def _stack_set_arguments(target: StackTemplate) -> dict[str, Any]:
    return {
        "StackSetName": target.name,
        "CallAs": "DELEGATED_ADMIN",
        "TemplateBody": target.template.read_text("utf-8"),
        "Capabilities": list(target.capabilities),
        "Parameters": given_parameters(target),
    }


def _instances_arguments(action: CreateInstances | DeleteInstances) -> dict[str, Any]:
    return {
        "StackSetName": action.name,
        "CallAs": "DELEGATED_ADMIN",
        "DeploymentTargets": targets_of(action),
        "Regions": list(action.regions),
        "OperationPreferences": PREFERENCES,
    }


def _in_one_region(cloudformation: CloudFormationClient, actions: Sequence[StackAction]) -> list[Result]:
    """Perform actions one after another, because a stack may need an earlier one."""
    return [_performed(each, lambda one: _to_stack(one, cloudformation)) for each in actions]


def _to_stack(action: StackAction, cloudformation: CloudFormationClient) -> str:
    if isinstance(action, DeployStack):
        return _deploy_stack(cloudformation, action.target)
    cloudformation.delete_stack(StackName=action.name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=action.name, WaiterConfig=_WAITING)
    return "deleted"


def _deploy_stack(cloudformation: CloudFormationClient, target: StackTemplate) -> str:
    """Create or update a stack and wait for it. Raises botocore's errors."""
    arguments: Any = {
        "StackName": target.name,
        "TemplateBody": target.template.read_text("utf-8"),
        "Capabilities": list(target.capabilities),
        "Parameters": given_parameters(target),
    }
    if live_parameters(cloudformation, target.name) is None:
        cloudformation.create_stack(**arguments)
        cloudformation.get_waiter("stack_create_complete").wait(StackName=target.name, WaiterConfig=_WAITING)
        return "created"
    try:
        cloudformation.update_stack(**arguments)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return "unchanged"
        raise
    cloudformation.get_waiter("stack_update_complete").wait(StackName=target.name, WaiterConfig=_WAITING)
    return "updated"
