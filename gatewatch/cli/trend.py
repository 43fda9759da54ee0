"""`gatewatch trend`: how many exposures were open at the end of each day, and how long it took to close them."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.cli.open_items import known_accounts
from gatewatch.cli.options import CONFIG, STAGE, Config, ListFormat, ListOutput, Stage, configuration_files
from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.trend import CloseTime, Trend

_WIDTH = 60


class NoActivityLogError(GatewatchError):
    """The activity log was never written."""


@aws_errors_as_messages()
def trend(
    days: Annotated[int, typer.Option(min=1, max=400, help="How many days, up to today.")] = 90,
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="ACCOUNT", help="Only this account; can be repeated.", show_default=False),
    ] = None,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
) -> None:
    """Show what was open day by day, and the time to close.

    Needs credentials of the monitoring account and the hub's Region.
    How many exposures were open at the end of each day, opened and closed during it, and how long closing took.
    They come from the activity log, which is written while digests are on, and from the readings of functions/sweep.
    """
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.settings import load_settings
    from gatewatch.digest.activity_log_reader import ActivityLogReader
    from gatewatch.digest.inventory_exposures import with_inventory
    from gatewatch.digest.open_exposures import resolve_exposures
    from gatewatch.digest.readings import last_readings
    from gatewatch.digest.trend import recent_trend
    from gatewatch.inventory.store import InventoryStore

    settings = load_settings(*configuration_files(config, None, None))
    aws, now = Aws(), datetime.fromtimestamp(time.time(), UTC)
    reader = ActivityLogReader(aws.dynamodb, f"gatewatch-{stage}-activity")
    began = reader.recorded_since()
    if began is None:
        raise NoActivityLogError("there is no activity log; it is written while policy.yaml has a digest")
    table = HubTable(aws.dynamodb, f"gatewatch-{stage}")
    readings = last_readings(InventoryStore(table), account or known_accounts(settings, table), settings)
    steps = (each.step for each in reader.steps() if not account or each.step.account in account)
    found = with_inventory(resolve_exposures(steps), readings.regions)
    print_trend(recent_trend(found, days, began, now, settings.defaults.timezone, settings), output)


def print_trend(found: Trend, output: ListFormat) -> None:
    """Print the days as text with a chart, as JSON with the times to close, or as CSV."""
    import msgspec

    from gatewatch.cli.listing import print_list
    from gatewatch.model.trend import TrendDay

    if output is ListFormat.CSV:
        print_list(found.days, TrendDay, output)
    elif output is ListFormat.JSON:
        closed = [_closing(each) for each in found.close_times]
        typer.echo(msgspec.json.format(msgspec.json.encode({"days": found.days, "time_to_close": closed})).decode())
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(found))


def _closing(each: CloseTime) -> dict[str, object]:
    seconds = {"median_seconds": each.median, "p90_seconds": each.p90}
    return {
        "severity": each.severity,
        "count": each.count,
        **{name: int(value.total_seconds()) for name, value in seconds.items()},
    }


def _lines(found: Trend) -> Iterator[str]:
    from gatewatch.rendering.block_characters import sparkline

    first, last = found.days[0], found.days[-1]
    most = max(found.days, key=lambda each: each.open)
    yield f"open at the end of each day, {first.day} to {last.day}"
    yield sparkline([each.open for each in found.days], _WIDTH)
    yield f"now {last.open}, at first {first.open}, most {most.open} on {most.day}"
    yield f"opened {sum(each.opened for each in found.days)}, closed {sum(each.closed for each in found.days)}"
    for each in found.close_times:
        yield (
            f"time to close, {each.severity}: {each.count} closed, median {_duration(each.median)}, "
            f"90 % within {_duration(each.p90)}"
        )


def _duration(value: timedelta) -> str:
    minutes = int(value.total_seconds()) // 60
    hours, days = minutes // 60, value.days
    if days:
        return f"{days} d {hours - 24 * days} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
