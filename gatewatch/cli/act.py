"""`gatewatch act`: what the buttons of an alert do in Slack, from a terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from gatewatch.cli.act_revert import revert_commands
from gatewatch.cli.action_commands import Alert, Reason, Terminal, on_stage, perform_action, print_alert

act_app = typer.Typer(
    help="Acknowledge, snooze and revert alerts from a terminal.\n\n"
    "You act as the caller of AWS (sts:GetCallerIdentity), by `people` of accounts.yaml and `actions` of policy.yaml. "
    "Exit status: 0 done, 1 refused or failed, 2 wrong usage, configuration or an unknown alert.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@act_app.command("list")
@on_stage
def list_alerts(
    terminal: Terminal,
    days: Annotated[int, typer.Option(help="How many days back.", min=1, max=90)] = 7,
    limit: Annotated[int, typer.Option(help="How many alerts at most.", min=1, max=1000)] = 100,
) -> None:
    """List the alerts that can be acted on, the newest first.

    What is left out because of the limit is said on standard error.
    """
    from gatewatch.cli.alert_view import AlertRow
    from gatewatch.cli.listing import print_list

    rows, omitted = terminal.actions().rows(days, limit)
    print_list(rows, AlertRow, terminal.output)
    if omitted:
        typer.echo(f"{omitted} older alerts are not listed; use --limit", err=True)


@act_app.command("show")
@on_stage
def show(terminal: Terminal, alert: Alert) -> None:
    """Show an alert with its proposal and audit records."""
    print_alert(terminal.actions().view(alert), terminal.output)


@act_app.command("acknowledge")
@on_stage
def acknowledge(terminal: Terminal, alert: Alert) -> None:
    """Acknowledge an alert."""
    from gatewatch.model.alert_actions import ActionButton

    perform_action(terminal.actions(), alert, ActionButton.ACKNOWLEDGE, terminal.output)


@act_app.command("snooze")
@on_stage
def snooze(
    terminal: Terminal,
    alert: Alert,
    until: Annotated[
        str,
        typer.Option(
            "--until",
            help="1h, 1d, or a day, as 2027-01-31.",
            show_default=False,
        ),
    ],
) -> None:
    """Snooze an alert until a time or a higher severity.

    A day is one of the time zone of the account: the snooze ends when it starts.
    """
    from gatewatch.model.alert_actions import ActionButton

    buttons = {"1h": ActionButton.SNOOZE_HOUR, "1d": ActionButton.SNOOZE_DAY}
    button = buttons.get(until, ActionButton.SNOOZE_UNTIL)
    perform_action(terminal.actions(), alert, button, terminal.output, {"until": until})


@act_app.command("propose-exception")
@on_stage
def propose_exception(
    terminal: Terminal,
    alert: Alert,
    reason: Reason,
    owner: Annotated[str, typer.Option(help="Who answers for it.", show_default=False)],
    expires: Annotated[str, typer.Option(help="The last day, as 2027-01-31.", show_default=False)],
    ticket: Annotated[str, typer.Option(help="A ticket, such as SEC-1.")] = "",
) -> None:
    """Post an exception for policy.yaml, for review.

    It is posted in the thread of the alert and changes no policy.
    """
    from gatewatch.model.alert_actions import ActionButton

    inputs = {"reason": reason, "owner": owner, "expires": expires, "ticket": ticket}
    perform_action(terminal.actions(), alert, ActionButton.PROPOSE_EXCEPTION, terminal.output, inputs)


act_app.add_typer(revert_commands)  # without a name: its commands follow those above in the help
