"""`gatewatch members`: stacks and StackSets of the members, with the parameters of a stage file."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.options import CONFIG, STAGE, Config, ListFormat, ListOutput, Stage, examples

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from gatewatch.cli.deployment import stage_file
    from gatewatch.cli.deployment.member_actions import Action
    from gatewatch.cli.deployment.member_executor import MemberExecutor
    from gatewatch.cli.deployment.member_plan import Instance

members_app = typer.Typer(no_args_is_help=True, help="Deploy the stacks of the member accounts.")
_CURRENT = "CURRENT"
_NO_STACK_SETS = "no StackSet has stacks; accounts outside an organization have none, gatewatch doctor checks them"


@members_app.command(epilog=examples("gatewatch members plan --stage prod"))
def plan(
    stage: Stage = STAGE,
    config: Config = CONFIG,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask AWS; plan as if nothing existed.")] = False,
) -> None:
    """Print what apply would do, as AWS CLI commands.

    Nothing is changed.
    """
    from gatewatch.cli.deployment.member_actions import DeployStack, command_of, narrowing

    for action in _plan(_loaded(stage, config), offline=offline):
        if isinstance(action, DeployStack):
            typer.echo(f"# with credentials of {action.account}")
        for line in narrowing(action):
            typer.echo(f"# ! {line}")
        typer.echo(command_of(action))


@members_app.command(epilog=examples("gatewatch members apply --stage prod"))
def apply(
    stage: Stage = STAGE,
    config: Config = CONFIG,
    confirm: Annotated[bool, typer.Option("--confirm", help="Accept removals, emptied and replaced values.")] = False,
) -> None:
    """Deploy what belongs to the account of the credentials.

    Performs that part of the plan, and waits for it. With the monitoring account: its own stacks and the StackSets.
    With another account: its own stacks. Exit status: 1 if something failed, or if stacks would be removed, or
    parameters emptied or replaced, without --confirm.
    """
    loaded = _loaded(stage, config)
    executor = _executor(loaded)
    actions = _plan(loaded, offline=not executor.is_hub)
    _refuse_narrowing(executor, actions, confirm=confirm)
    _perform(executor, actions)


@members_app.command(epilog=examples("gatewatch members status --stage prod --format json"))
def status(
    stage: Stage = STAGE,
    config: Config = CONFIG,
    output: ListOutput = ListFormat.TABLE,
    everything: Annotated[bool, typer.Option("--all", help="Also list stacks that are current.")] = False,
) -> None:
    """List the stacks of StackSets that are not current.

    Each with the reason. Needs credentials of the monitoring account. Exit status: 1 if a stack is not current.
    """
    from gatewatch.cli.deployment.member_plan import Instance, live_stack_sets
    from gatewatch.cli.errors import aws_errors_as_messages
    from gatewatch.cli.listing import print_list

    with aws_errors_as_messages():
        live = live_stack_sets(_loaded(stage, config))
    instances = [each for found in live.values() if found for each in found.instances]
    print_list([each for each in instances if everything or each.status != _CURRENT], Instance, output)
    typer.echo(_counts(instances) or _NO_STACK_SETS, err=output is not ListFormat.TABLE)
    if any(each.status != _CURRENT for each in instances):
        raise typer.Exit(1)


@members_app.command(epilog=examples("gatewatch members remove --stage prod"))
def remove(
    stage: Stage = STAGE,
    config: Config = CONFIG,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Remove what belongs to the account of the credentials.

    Asks for confirmation. Accounts without these stacks are not monitored any more.
    """
    from gatewatch.cli.deployment.member_actions import title_of
    from gatewatch.cli.deployment.member_plan import live_stack_sets, plan_removal
    from gatewatch.cli.errors import aws_errors_as_messages
    from gatewatch.cli.remediation_commands import confirm

    loaded = _loaded(stage, config)
    executor = _executor(loaded)
    with aws_errors_as_messages():
        live = live_stack_sets(loaded) if executor.is_hub else {}
        own = [each for each in plan_removal(loaded, live) if executor.can_apply(each)]
        actions = executor.without_absent(own)
    for action in actions:
        typer.echo(title_of(action))
    confirm("Remove these stacks? These accounts are not monitored any more.", yes=yes)
    _perform(executor, actions)


def _loaded(stage: str, config: Path) -> stage_file.Stage:
    from gatewatch.cli.deployment.stage_file import load_stage

    return load_stage(config, stage)


def _plan(stage: stage_file.Stage, *, offline: bool = False) -> tuple[Action, ...]:
    from gatewatch.cli.deployment.member_plan import live_stack_sets, plan_members
    from gatewatch.cli.errors import aws_errors_as_messages

    with aws_errors_as_messages():
        return plan_members(stage, {} if offline else live_stack_sets(stage))


def _executor(stage: stage_file.Stage) -> MemberExecutor:
    from gatewatch.cli.deployment.hub import session_of
    from gatewatch.cli.deployment.member_executor import MemberExecutor
    from gatewatch.cli.errors import aws_errors_as_messages

    with aws_errors_as_messages():
        account = session_of(stage.hub.region).client("sts").get_caller_identity()["Account"]
    progress = partial(typer.echo, err=True)
    return MemberExecutor(
        stage, account, lambda region: session_of(region).client("cloudformation"), progress, time.sleep
    )


def _refuse_narrowing(executor: MemberExecutor, actions: Sequence[Action], *, confirm: bool) -> None:
    """Print what would be taken away, and end with status 1 unless it is confirmed."""
    from gatewatch.cli.deployment.member_actions import narrowing
    from gatewatch.cli.errors import aws_errors_as_messages

    lines = [line for action in actions if executor.can_apply(action) for line in narrowing(action)]
    with aws_errors_as_messages():
        changes = list(executor.stack_changes(actions))
    lines += [f"{one.region} {one.target.name} {change}" for one, change in changes if change.is_narrowing]
    for line in lines:
        typer.echo(f"! {line}")
    if lines and not confirm:
        typer.echo("nothing was changed: stacks or values would be taken away; accept it with --confirm", err=True)
        raise typer.Exit(1)


def _perform(executor: MemberExecutor, actions: Sequence[Action]) -> None:
    """Perform actions and print a line for each. Ends with status 1 when one failed."""
    from gatewatch.cli.deployment.member_actions import title_of
    from gatewatch.rendering.escaping import sanitize

    has_failed = False
    for result in executor.apply(actions):
        typer.echo(f"{title_of(result.action)}: {sanitize(result.text, 2000)}")
        has_failed |= result.has_failed
    if others := len({each.account for each in actions if not executor.can_apply(each) and hasattr(each, "account")}):
        typer.echo(f"{others} accounts are left: run this with credentials of each", err=True)
    if has_failed:
        raise typer.Exit(1)


def _counts(instances: Iterable[Instance]) -> str:
    from collections import Counter

    counts = Counter((each.stack_set, each.status) for each in instances)
    return ", ".join(f"{name}: {number} {state}" for (name, state), number in sorted(counts.items()))
