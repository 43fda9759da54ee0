"""The commands of `gatewatch act` that revert a call, and that undo a revert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from gatewatch.cli.action_commands import Alert, Reason, perform_action, terminal_actions
from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.cli.options import CONFIG, STAGE, Accounts, Config, ListFormat, ListOutput, Policy, Stage
from gatewatch.cli.remediation_commands import REVERT_ROLE, Role, Yes, confirm, print_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.cli.act_live import TerminalActions
    from gatewatch.model.alert_actions import ActionButton

revert_commands = typer.Typer()


@revert_commands.command("propose-revert")
@aws_errors_as_messages()
def propose_revert(
    alert: Alert,
    role: Role = REVERT_ROLE,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Propose a plan that takes back what a call opened.

    The plan is frozen and printed. It changes nothing until somebody else approves it.
    """
    from gatewatch.model.alert_actions import ActionButton

    perform_action(terminal_actions(stage, config, accounts, policy, role), alert, ActionButton.PROPOSE_REVERT, output)


@revert_commands.command("approve-revert")
@aws_errors_as_messages()
def approve_revert(
    alert: Alert,
    yes: Yes = False,
    role: Role = REVERT_ROLE,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Approve the proposed revert, and perform it.

    Asks for confirmation. You must have another identity than who proposed it, and not be the actor of the alert.
    """
    from gatewatch.model.alert_actions import ActionButton

    actions = terminal_actions(stage, config, accounts, policy, role)
    _decide(actions, alert, ActionButton.APPROVE_REVERT, output, yes=yes)


@revert_commands.command("reject-revert")
@aws_errors_as_messages()
def reject_revert(
    alert: Alert,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Reject the proposed revert."""
    from gatewatch.model.alert_actions import ActionButton

    _decide(terminal_actions(stage, config, accounts, policy), alert, ActionButton.REJECT_REVERT, output, yes=True)


@revert_commands.command("propose-undo")
@aws_errors_as_messages()
def propose_undo(
    alert: Alert,
    role: Role = REVERT_ROLE,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Propose a plan that restores what a revert closed.

    The plan is frozen and printed. It changes nothing until somebody else approves it.
    """
    from gatewatch.model.alert_actions import ActionButton

    perform_action(terminal_actions(stage, config, accounts, policy, role), alert, ActionButton.PROPOSE_UNDO, output)


@revert_commands.command("approve-undo")
@aws_errors_as_messages()
def approve_undo(
    alert: Alert,
    yes: Yes = False,
    role: Role = REVERT_ROLE,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Approve the proposed undo, and perform it.

    Asks for confirmation. The same people may do this as may approve the revert.
    """
    from gatewatch.model.alert_actions import ActionButton

    actions = terminal_actions(stage, config, accounts, policy, role)
    _decide(actions, alert, ActionButton.APPROVE_UNDO, output, yes=yes)


@revert_commands.command("reject-undo")
@aws_errors_as_messages()
def reject_undo(
    alert: Alert,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Reject the proposed undo."""
    from gatewatch.model.alert_actions import ActionButton

    _decide(terminal_actions(stage, config, accounts, policy), alert, ActionButton.REJECT_UNDO, output, yes=True)


@revert_commands.command("break-glass")
@aws_errors_as_messages()
def break_glass(
    alert: Alert,
    reason: Reason,
    yes: Yes = False,
    role: Role = REVERT_ROLE,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Perform a proposed revert or undo alone.

    With a written reason; everybody is notified.
    """
    from gatewatch.model.alert_actions import ActionButton

    actions = terminal_actions(stage, config, accounts, policy, role)
    _decide(actions, alert, ActionButton.BREAK_GLASS, output, {"reason": reason}, yes=yes)


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
