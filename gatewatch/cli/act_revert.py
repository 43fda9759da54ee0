"""The commands of `gatewatch act` that revert a call, and that undo a revert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from gatewatch.cli.action_commands import Alert, Reason, Terminal, on_stage, perform_action
from gatewatch.cli.remediation_commands import REVERT_ROLE, Role, Yes, confirm, print_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.cli.act_live import TerminalActions
    from gatewatch.cli.options import ListFormat
    from gatewatch.model.alert_actions import ActionButton

revert_commands = typer.Typer()


@revert_commands.command("propose-revert")
@on_stage
def propose_revert(terminal: Terminal, alert: Alert, role: Role = REVERT_ROLE) -> None:
    """Propose a plan that takes back what a call opened.

    The plan is frozen and printed. It changes nothing until somebody else approves it.
    """
    from gatewatch.model.alert_actions import ActionButton

    perform_action(terminal.actions(role), alert, ActionButton.PROPOSE_REVERT, terminal.output)


@revert_commands.command("approve-revert")
@on_stage
def approve_revert(terminal: Terminal, alert: Alert, yes: Yes = False, role: Role = REVERT_ROLE) -> None:
    """Approve the proposed revert, and perform it.

    Asks for confirmation. You must have another identity than who proposed it, and not be the actor of the alert.
    """
    from gatewatch.model.alert_actions import ActionButton

    actions = terminal.actions(role)
    _decide(actions, alert, ActionButton.APPROVE_REVERT, terminal.output, yes=yes)


@revert_commands.command("reject-revert")
@on_stage
def reject_revert(terminal: Terminal, alert: Alert) -> None:
    """Reject the proposed revert."""
    from gatewatch.model.alert_actions import ActionButton

    _decide(terminal.actions(), alert, ActionButton.REJECT_REVERT, terminal.output, yes=True)


@revert_commands.command("propose-undo")
@on_stage
def propose_undo(terminal: Terminal, alert: Alert, role: Role = REVERT_ROLE) -> None:
    """Propose a plan that restores what a revert closed.

    The plan is frozen and printed. It changes nothing until somebody else approves it.
    """
    from gatewatch.model.alert_actions import ActionButton

    perform_action(terminal.actions(role), alert, ActionButton.PROPOSE_UNDO, terminal.output)


@revert_commands.command("approve-undo")
@on_stage
def approve_undo(terminal: Terminal, alert: Alert, yes: Yes = False, role: Role = REVERT_ROLE) -> None:
    """Approve the proposed undo, and perform it.

    Asks for confirmation. The same people may do this as may approve the revert.
    """
    from gatewatch.model.alert_actions import ActionButton

    actions = terminal.actions(role)
    _decide(actions, alert, ActionButton.APPROVE_UNDO, terminal.output, yes=yes)


@revert_commands.command("reject-undo")
@on_stage
def reject_undo(terminal: Terminal, alert: Alert) -> None:
    """Reject the proposed undo."""
    from gatewatch.model.alert_actions import ActionButton

    _decide(terminal.actions(), alert, ActionButton.REJECT_UNDO, terminal.output, yes=True)


@revert_commands.command("break-glass")
@on_stage
def break_glass(
    terminal: Terminal,
    alert: Alert,
    reason: Reason,
    yes: Yes = False,
    role: Role = REVERT_ROLE,
) -> None:
    """Perform a proposed revert or undo alone.

    With a written reason; everybody is notified.
    """
    from gatewatch.model.alert_actions import ActionButton

    actions = terminal.actions(role)
    _decide(actions, alert, ActionButton.BREAK_GLASS, terminal.output, {"reason": reason}, yes=yes)


def _decide(
    actions: TerminalActions,
    alert: str,
    button: ActionButton,
    output: ListFormat,
    inputs: Mapping[str, str] | None = None,
    *,
    yes: bool,
) -> None:
    """Decide about the proposal that is shown, and about no later one."""
    proposal = actions.view(alert).proposal
    if proposal and not yes:
        print_lines([*proposal.lines, f"plan {proposal.hash}"])
        confirm("Perform this plan?", yes=yes)
    perform_action(actions, alert, button, output, inputs, proposal.id if proposal else "")
