"""`gatewatch members`: stacks and StackSets of the members, with the parameters of a stage file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.options import CONFIG, STAGE, Config, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from gatewatch.cli.deployment.member_stacks import Action

members_app = typer.Typer(no_args_is_help=True, help="Deploy the stacks of the member accounts.")


@members_app.command(epilog="Example: gatewatch members plan --stage prod")
def plan(
    stage: Stage = STAGE,
    config: Config = CONFIG,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask AWS; plan as if nothing existed.")] = False,
) -> None:
    """Print the AWS CLI commands that deploy the members, with all parameters; nothing is changed."""
    from gatewatch.cli.deployment.member_stacks import DeployStack, command_of

    for action in _plan(stage, config, offline=offline):
        if isinstance(action, DeployStack):
            typer.echo(f"# with credentials of {action.account}")
        _report_changes(action)
        typer.echo(command_of(action))


@members_app.command(epilog="Example: gatewatch members apply --stage prod")
def apply(
    stage: Stage = STAGE,
    config: Config = CONFIG,
    confirm: Annotated[bool, typer.Option("--confirm", help="Accept emptied and replaced parameters.")] = False,
) -> None:
    """Perform the part of the plan that belongs to the account of the credentials.

    With the monitoring account: its own stacks and the StackSets. With another account: its own stacks. Exit status: 1
    if a parameter of a StackSet would be emptied or replaced, which removes a role or a rule in every member.
    """
    from gatewatch.cli.deployment.member_stacks import MemberExecutor, UpdateStackSet, command_of
    from gatewatch.cli.deployment.stage_file import load_stage
    from gatewatch.cli.errors import aws_errors_as_messages

    actions = _plan(stage, config)
    narrowing = [each for action in actions if isinstance(action, UpdateStackSet) for each in action.narrowing]
    if narrowing and not confirm:
        for each in narrowing:
            typer.echo(f"! {each}")
        typer.echo("parameters of a StackSet would be emptied or replaced; accept it with --confirm", err=True)
        raise typer.Exit(1)
    with aws_errors_as_messages():
        executor = MemberExecutor(load_stage(config, stage))
        for action in actions:
            if executor.can_apply(action):
                typer.echo(command_of(action))
                executor.apply(action)


def _plan(stage: str, config: Path, *, offline: bool = False) -> tuple[Action, ...]:
    from gatewatch.cli.deployment.member_stacks import live_stack_sets, plan_members
    from gatewatch.cli.deployment.stage_file import load_stage
    from gatewatch.cli.errors import aws_errors_as_messages

    loaded = load_stage(config, stage)
    with aws_errors_as_messages():
        return plan_members(loaded, {} if offline else live_stack_sets(loaded))


def _report_changes(action: Action) -> None:
    for each in getattr(action, "changes", ()):
        typer.echo(f"# {'!' if each.is_narrowing else ' '} {each}")
