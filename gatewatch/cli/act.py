"""`gatewatch act`: what the buttons of an alert do in Slack, from a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from gatewatch.cli.remediation_commands import REVERT_ROLE, Role, Yes, confirm, print_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gatewatch.cli.act_live import AlertView, TerminalActions
    from gatewatch.model.alert_actions import ActionButton

act_app = typer.Typer(
    help="Acknowledge, snooze and revert alerts from a terminal.\n\n"
    "You act as the caller of AWS (sts:GetCallerIdentity), by `people` of accounts.yaml and `actions` of policy.yaml. "
    "Exit status: 0 done, 1 refused or failed, 2 wrong usage, configuration or an unknown alert.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

NOT_DONE = 1
Alert = Annotated[str, typer.Argument(help="The id of the alert; gatewatch act list prints it.", metavar="ALERT")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence.", show_default=False)]


@act_app.command("list")
@aws_errors_as_messages()
def list_alerts(
    days: Annotated[int, typer.Option(help="How many days back.", min=1, max=90)] = 7,
    limit: Annotated[int, typer.Option(help="How many alerts at most.", min=1, max=1000)] = 100,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """List the alerts that can be acted on, the newest first.

    What is left out because of the limit is said on standard error.
    """
    from gatewatch.cli.act_live import AlertRow
    from gatewatch.cli.listing import print_list

    rows, omitted = _actions(stage, config, accounts, policy).rows(days, limit)
    print_list(rows, AlertRow, output)
    if omitted:
        typer.echo(f"{omitted} older alerts are not listed; use --limit", err=True)


@act_app.command("show")
@aws_errors_as_messages()
def show(
    alert: Alert,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Show the state of an alert, its proposed revert and its audit records."""
    _print(_actions(stage, config, accounts, policy).view(alert), output)


@act_app.command("acknowledge")
@aws_errors_as_messages()
def acknowledge(
    alert: Alert,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Acknowledge an alert."""
    from gatewatch.model.alert_actions import ActionButton

    _do(_actions(stage, config, accounts, policy), alert, ActionButton.ACKNOWLEDGE, output)


@act_app.command("snooze")
@aws_errors_as_messages()
def snooze(
    alert: Alert,
    until: Annotated[str, typer.Option("--until", help="1h, 1d, or the last day, as 2027-01-31.", show_default=False)],
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Snooze an alert. It ends when the severity rises."""
    from gatewatch.model.alert_actions import ActionButton

    buttons = {"1h": ActionButton.SNOOZE_HOUR, "1d": ActionButton.SNOOZE_DAY}
    button = buttons.get(until, ActionButton.SNOOZE_UNTIL)
    _do(_actions(stage, config, accounts, policy), alert, button, output, {"until": until})


@act_app.command("propose-exception")
@aws_errors_as_messages()
def propose_exception(
    alert: Alert,
    reason: Reason,
    owner: Annotated[str, typer.Option(help="Who answers for it.", show_default=False)],
    expires: Annotated[str, typer.Option(help="The last day, as 2027-01-31.", show_default=False)],
    ticket: Annotated[str, typer.Option(help="A ticket, such as SEC-1.")] = "",
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Post an exception for policy.yaml in the thread of the alert, for review.

    It changes no policy.
    """
    from gatewatch.model.alert_actions import ActionButton

    inputs = {"reason": reason, "owner": owner, "expires": expires, "ticket": ticket}
    _do(_actions(stage, config, accounts, policy), alert, ActionButton.PROPOSE_EXCEPTION, output, inputs)


@act_app.command("propose-revert")
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
    """Freeze and print the plan that takes back what the call opened.

    It changes nothing until somebody else approves it.
    """
    from gatewatch.model.alert_actions import ActionButton

    _do(_actions(stage, config, accounts, policy, role), alert, ActionButton.PROPOSE_REVERT, output)


@act_app.command("approve-revert")
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
    """Approve the proposed revert after confirmation, and perform it.

    You must have another identity than who proposed it, and not be the actor of the alert.
    """
    from gatewatch.model.alert_actions import ActionButton

    actions = _actions(stage, config, accounts, policy, role)
    _decide(actions, alert, ActionButton.APPROVE_REVERT, output, yes=yes)


@act_app.command("reject-revert")
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

    _decide(_actions(stage, config, accounts, policy), alert, ActionButton.REJECT_REVERT, output, yes=True)


@act_app.command("propose-undo")
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
    """Freeze and print the plan that restores what the revert closed.

    It changes nothing until somebody else approves it.
    """
    from gatewatch.model.alert_actions import ActionButton

    _do(_actions(stage, config, accounts, policy, role), alert, ActionButton.PROPOSE_UNDO, output)


@act_app.command("approve-undo")
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
    """Approve the proposed undo after confirmation, and perform it.

    The same people may do this as may approve the revert.
    """
    from gatewatch.model.alert_actions import ActionButton

    actions = _actions(stage, config, accounts, policy, role)
    _decide(actions, alert, ActionButton.APPROVE_UNDO, output, yes=yes)


@act_app.command("reject-undo")
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

    _decide(_actions(stage, config, accounts, policy), alert, ActionButton.REJECT_UNDO, output, yes=True)


@act_app.command("break-glass")
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
    """Perform the proposed revert or undo alone, with a written reason. Everybody is notified."""
    from gatewatch.model.alert_actions import ActionButton

    actions = _actions(stage, config, accounts, policy, role)
    _decide(actions, alert, ActionButton.BREAK_GLASS, output, {"reason": reason}, yes=yes)


def _actions(
    stage: str, config: Path, accounts: Path | None, policy: Path | None, role: str = REVERT_ROLE
) -> TerminalActions:
    from gatewatch.cli.act_live import TerminalActions
    from gatewatch.config.settings import load_settings

    return TerminalActions(load_settings(*configuration_files(config, accounts, policy)), stage, role)


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
    _do(actions, alert, button, output, inputs, proposal.id if proposal else "")


def _do(
    actions: TerminalActions,
    alert: str,
    button: ActionButton,
    output: ListFormat,
    inputs: Mapping[str, str] | None = None,
    proposal: str = "",
) -> None:
    from gatewatch.cli.act_live import ActionRefusedError, has_failed

    try:
        view = actions.act(alert, button, inputs or {}, proposal)
    except ActionRefusedError as error:
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(NOT_DONE) from error
    _print(view, output)
    if has_failed(view):
        raise typer.Exit(NOT_DONE)


def _print(view: AlertView, output: ListFormat) -> None:
    from gatewatch.cli.act_live import AlertView
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
