"""`gatewatch open`: what stands open to the internet now, as the sweep read it last."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.cli.options import CONFIG, STAGE, Config, ListFormat, ListOutput, Stage, configuration_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.inventory.model import AccountInventory, RegionInventory

_NOT_READ = 1


@aws_errors_as_messages()
def open_(
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Only this account; can be repeated.", show_default=False)
    ] = None,
    output: ListOutput = ListFormat.TABLE,
    stage: Stage = STAGE,
    config: Config = CONFIG,
) -> None:
    """List what stands open to the internet now.

    Exits with status 1 when an account or a part of one could not be read; standard error names it.
    """
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.cli.listing import print_list
    from gatewatch.cli.open_rows import OpenRow, openers, rows_of
    from gatewatch.config.settings import load_settings
    from gatewatch.digest.activity_log_reader import ActivityLogReader
    from gatewatch.inventory.store import InventoryStore

    settings = load_settings(*configuration_files(config, None, None))
    aws = Aws()
    store = InventoryStore(HubTable(aws.dynamodb, f"gatewatch-{stage}"))
    accounts = store.accounts(account or settings.accounts)
    regions = store.regions(accounts)
    steps = ActivityLogReader(aws.dynamodb, f"gatewatch-{stage}-activity").steps()
    rows = rows_of(regions, openers(each.step for each in steps), settings, time.time())
    print_list(rows, OpenRow, output)
    missing = [*_missing(account or list(settings.accounts), accounts), *_unread(accounts, regions)]
    if output is ListFormat.TABLE:
        typer.echo(_summary(rows, regions))
    for line in missing:
        typer.echo(f"not read: {line}", err=True)
    if missing:
        raise typer.Exit(_NOT_READ)


def _missing(wanted: Sequence[str], found: Sequence[AccountInventory]) -> Iterator[str]:
    """Yield the accounts that no sweep has read."""
    known = {each.account_id for each in found}
    yield from (f"{each}: never; it needs a read_role" for each in wanted if each not in known)


def _unread(accounts: Sequence[AccountInventory], regions: Sequence[RegionInventory]) -> Iterator[str]:
    yield from (f"{each.account_id}: {each.error}" for each in accounts if each.error)
    for each in regions:
        yield from (f"{each.account_id} {each.region} {kind}: {code}" for kind, code in each.unread.items())


def _summary(rows: Sequence[object], regions: Sequence[RegionInventory]) -> str:
    from gatewatch.rendering.time_text import utc_minute

    if not regions:
        return "no account was read yet"
    oldest = utc_minute(min(each.at for each in regions))
    counts = Counter(item.severity.value for region in regions for item in region.items)
    severities = ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "nothing"
    return f"{len(rows)} open ({severities}) in {len(regions)} Regions, read since {oldest}"
