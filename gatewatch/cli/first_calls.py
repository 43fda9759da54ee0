"""`gatewatch first-calls`: fills what the hub remembers of callers from log files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.cli.options import CONFIG, STAGE, Config, Paths, Stage, configuration_files

if TYPE_CHECKING:
    from gatewatch.alerts.context.first_seen import InMemoryFirstSeen
    from gatewatch.alerts.context.first_seen_table import FirstCallRows
    from gatewatch.model.alert import Alert

_MAX_CALLS = 1_000_000


class FirstCallPrinter:
    """Collects the calls of alerts instead of printing them. `after` is in seconds since 1970."""

    def __init__(self, memory: InMemoryFirstSeen, after: float) -> None:
        self._memory = memory
        self._after = after
        self.alerts = self.new = 0

    def alert(self, alert: Alert) -> None:
        from gatewatch.alerts.context.first_seen import is_new, sighting_of

        sighting = sighting_of(alert.call) if any(each.is_applied for each in alert.changes) else None
        if sighting is None or sighting.at < self._after:
            return
        self.alerts += 1
        self.new += is_new(self._memory.seen(sighting), sighting.at)

    def close(self) -> None:
        """Nothing is printed before all files are read."""


@aws_errors_as_messages()
def first_calls(
    paths: Paths = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count only; nothing is written.")] = False,
    stage: Stage = STAGE,
    config: Config = CONFIG,
) -> None:
    """Fill what the hub remembers of callers.

    Reads log files; of these the last 90 days count. Then nothing has to be learned for fourteen days after
    `context: first_time` of policy.yaml was switched on. Prints how many
    alerts of the files would have been new. Repeating it changes nothing. Exit status: as replay.
    """
    from gatewatch.alerts.context.first_seen import REMEMBERED, InMemoryFirstSeen
    from gatewatch.alerts.pipeline import Assessor
    from gatewatch.alerts.rule_history import InMemoryRuleHistory
    from gatewatch.cli.alert_printing import print_alerts
    from gatewatch.config.settings import load_settings

    rows = None if dry_run else _rows(stage)
    memory = InMemoryFirstSeen(limit=_MAX_CALLS)
    collected = FirstCallPrinter(memory, time.time() - REMEMBERED)
    settings = load_settings(*configuration_files(config, None, None))
    status = print_alerts(collected, paths or [], Assessor(settings, InMemoryRuleHistory()))
    remembered = memory.all()
    typer.echo(f"alerts about applied changes: {collected.alerts:,}, accounts: {len(memory.since):,}")
    typer.echo(f"different calls of a caller in an account: {len(remembered):,}")
    typer.echo(f"alerts that would have been new after the first fourteen days of these files: {collected.new:,}")
    if rows:
        typer.echo(f"calls written to the hub: {_fill(memory, rows):,}")
    raise typer.Exit(status)


def _rows(stage: str) -> FirstCallRows:
    from gatewatch.alerts.context.first_seen_table import FirstCallRows
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.hub_table import HubTable

    aws = Aws()
    aws.sts.get_caller_identity()  # missing credentials are reported before hours of reading
    return FirstCallRows(HubTable(aws.dynamodb, f"gatewatch-{stage}"))


def _fill(memory: InMemoryFirstSeen, rows: FirstCallRows) -> int:
    """The accounts last: until then the hub is still learning, so an interrupted run makes nothing new."""
    written = sum(rows.fill(each, seen.first) for each, seen in memory.all())
    for account_id, since in memory.since.items():
        rows.since(account_id, since)
    return written
