"""What the commands of `gatewatch act` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.options import ListFormat, configuration_files
from gatewatch.cli.remediation_commands import REVERT_ROLE, print_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gatewatch.cli.act_live import TerminalActions
    from gatewatch.cli.alert_view import AlertView
    from gatewatch.model.alert_actions import ActionButton

NOT_DONE = 1
Alert = Annotated[str, typer.Argument(help="The id of the alert; gatewatch act list prints it.", metavar="ALERT")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence.", show_default=False)]


def terminal_actions(
    stage: str, config: Path, accounts: Path | None, policy: Path | None, role: str = REVERT_ROLE
) -> TerminalActions:
    """Read the configuration and connect to a stage. `role` is assumed in a member account for a revert."""
    from gatewatch.cli.act_live import TerminalActions
    from gatewatch.config.settings import load_settings

    return TerminalActions(load_settings(*configuration_files(config, accounts, policy)), stage, role)


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
