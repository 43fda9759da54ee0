"""`gatewatch open`: what stands open to the internet now, as the sweep read it last."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.cli.options import CONFIG, STAGE, Config, ListFormat, ListOutput, Stage, configuration_files

if TYPE_CHECKING:
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.settings import Settings
    from gatewatch.digest.open_now import OpenReport

_NOT_READ = 1


@aws_errors_as_messages()
def open_(
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="ACCOUNT", help="Only this account; can be repeated.", show_default=False),
    ] = None,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
) -> None:
    """List what stands open to the internet now.

    Needs credentials of the monitoring account and the hub's Region.
    Exits with status 1 when an account or a part of one could not be read; standard error names it.
    """
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.settings import load_settings
    from gatewatch.digest.activity_log_reader import ActivityLogReader
    from gatewatch.digest.open_now import open_report
    from gatewatch.digest.readings import last_readings
    from gatewatch.inventory.store import InventoryStore

    settings = load_settings(*configuration_files(config, None, None))
    aws = Aws()
    table = HubTable(aws.dynamodb, f"gatewatch-{stage}")
    accounts = account or known_accounts(settings, table)
    steps = (each.step for each in ActivityLogReader(aws.dynamodb, f"gatewatch-{stage}-activity").steps())
    readings = last_readings(InventoryStore(table), accounts, settings)
    print_report(open_report(readings, steps, settings, time.time()), output)
    if readings.unread:
        raise typer.Exit(_NOT_READ)


def known_accounts(settings: Settings, table: HubTable) -> set[str]:
    """Return the accounts of accounts.yaml and those that send canaries."""
    from gatewatch.monitoring.heartbeat.store import HeartbeatStore

    return {*settings.accounts, *(each.account_id for each in HeartbeatStore(table).last_canaries())}


def print_report(report: OpenReport, output: ListFormat) -> None:
    """Print the rows, below a table their number, and on standard error what was not read."""
    import sys

    from rich.console import Console

    from gatewatch.cli.listing import print_list
    from gatewatch.cli.open_table import print_open_table
    from gatewatch.digest.open_now import OpenRow
    from gatewatch.rendering.escaping import sanitize

    if output is ListFormat.TABLE and sys.stdout.isatty():
        print_open_table(report.rows, Console(highlight=False))
    else:
        print_list(report.rows, OpenRow, output)
    if output is ListFormat.TABLE:
        typer.echo(summary(report))
    for line in report.readings.unread:
        typer.echo(f"not read: {sanitize(line)}", err=True)


def summary(report: OpenReport) -> str:
    """Return one line with the numbers by severity and the time of the oldest reading."""
    from gatewatch.rendering.time_text import utc_minute

    regions, since = report.readings.regions, report.readings.since
    if since is None:
        return "no account was read yet"
    counts = Counter(each.severity for each in report.rows)
    severities = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    found = f"{len(report.rows)} open ({severities})" if report.rows else "nothing open"
    places = "1 Region" if len(regions) == 1 else f"{len(regions)} Regions"
    return f"{found} in {places}, read since {utc_minute(since)}"
