"""What the commands of `gatewatch act` share."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.cli.options import (
    CONFIG,
    STAGE,
    Accounts,
    Config,
    ListFormat,
    ListOutput,
    Policy,
    Stage,
    configuration_files,
)
from gatewatch.cli.remediation_commands import REVERT_ROLE, print_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gatewatch.cli.act_live import TerminalActions
    from gatewatch.cli.alert_view import AlertView
    from gatewatch.model.alert_actions import ActionButton

NOT_DONE = 1
Alert = Annotated[str, typer.Argument(help="The id of the alert; gatewatch act list prints it.", metavar="ALERT")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence.", show_default=False)]


@dataclass(frozen=True)
class Terminal:
    """The options of every command of `gatewatch act`: a stage, its configuration, and how to print the result."""

    output: ListOutput = ListFormat.TABLE
    stage: Stage = STAGE
    config: Config = CONFIG
    accounts: Accounts = None
    policy: Policy = None

    def actions(self, role: str = REVERT_ROLE) -> TerminalActions:
        """Read the configuration and connect to the stage. `role` is assumed in a member account for a revert."""
        from gatewatch.cli.act_live import TerminalActions
        from gatewatch.config.settings import load_settings

        files = configuration_files(self.config, self.accounts, self.policy)
        return TerminalActions(load_settings(*files), self.stage, role)


def on_stage(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Terminal`, after its own, and call it with the `Terminal` first."""
    own = inspect.signature(command, eval_str=True)
    shared = inspect.signature(Terminal, eval_str=True).parameters

    @wraps(command)
    def with_options(**options: Any) -> None:
        terminal = Terminal(**{name: options.pop(name) for name in shared})
        with aws_errors_as_messages():
            command(terminal, **options)

    # Typer reads the signature.
    parameters = [*list(own.parameters.values())[1:], *shared.values()]
    with_options.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return with_options


def perform_action(
    actions: TerminalActions,
    alert: str,
    button: ActionButton,
    output: ListFormat,
    inputs: Mapping[str, str] | None = None,
    proposal: str = "",
) -> None:
    """Perform an action and print the alert. Exit with status 1 when it was refused or failed.

    `proposal` is the id of the proposal that a decision is about.
    """
    from gatewatch.cli.act_live import ActionRefusedError
    from gatewatch.cli.alert_view import has_failed

    try:
        view = actions.act(alert, button, inputs or {}, proposal)
    except ActionRefusedError as error:
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(NOT_DONE) from error
    print_alert(view, output)
    if has_failed(view):
        raise typer.Exit(NOT_DONE)


def print_alert(view: AlertView, output: ListFormat) -> None:
    from gatewatch.cli.alert_view import AlertView
    from gatewatch.cli.listing import print_list

    if output is ListFormat.TABLE:
        print_lines(_lines(view))
    else:
        print_list([view], AlertView, output)


def _lines(view: AlertView) -> Iterator[str]:
    yield f"{view.id} {view.status}"
    yield f"{view.severity} {view.account} {view.region} {view.time} {view.event_id}"
    yield view.what
    if view.proposal:
        yield f"proposed by {view.proposal.proposed_by}, expires {view.proposal.expires}, plan {view.proposal.hash}"
        yield from (f"  {each}" for each in view.proposal.lines)
    yield from (f"result: {each}" for each in view.result)
    if view.undo:
        yield f"to undo: {view.undo}"
    for each in view.audit:
        yield f"{each.time} {each.event} {each.before} -> {each.after} by {each.person} {each.detail}".rstrip()
