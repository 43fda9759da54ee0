"""`gatewatch history`: years of CloudTrail logs by many workers, on this machine or in AWS. Nothing is delivered."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.options import (
    CONFIG,
    Accounts,
    Config,
    ListFormat,
    ListOutput,
    Policy,
    configuration_files,
    examples,
)

if TYPE_CHECKING:
    from pathlib import Path

    from gatewatch.history.batches import Batch
    from gatewatch.history.runs import Run
    from gatewatch.history.sampling import Sample
    from gatewatch.history.storage import Storage

history_app = typer.Typer(no_args_is_help=True, help="Assess years of CloudTrail logs by many workers.")


class RowFile(StrEnum):
    JSONL = "jsonl"
    PARQUET = "parquet"


Logs = Annotated[str, typer.Argument(help="Folder or s3://bucket/prefix of the logs.", metavar="LOGS")]
Results = Annotated[str, typer.Option("--results", help="Folder or s3://bucket/prefix of the results.")]
Name = Annotated[str, typer.Option("--run", help="Name of the run; the same name continues it.")]
StateMachine = Annotated[
    str | None, typer.Option("--state-machine", metavar="ARN", help="StateMachineArn of history/stack.yaml.")
]
RESULTS, RUN = "build/history", "history"
_UNDECODABLE = 3  # as of `gatewatch replay`
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


def open_storage(location: str) -> Storage:
    """The storage of a location, with the credentials of the environment."""
    from gatewatch.aws.clients import Aws
    from gatewatch.history.storage import storage_of

    return storage_of(location, Aws().s3)


def _run(name: str, logs: str, results: str) -> Run:
    from gatewatch.history.runs import Run

    if not _NAME.fullmatch(name):
        raise typer.BadParameter("the name of a run has A-Z, a-z, 0-9, - and _, at most 80", param_hint="--run")
    return Run(name, logs, results)


@history_app.command(epilog=examples("gatewatch history estimate s3://org-trail/AWSLogs/o-exampleorg1"))
def estimate(
    logs: Logs,
    workers: Annotated[int, typer.Option(min=1, help="Workers at the same time.")] = 200,
    megabytes_per_second: Annotated[float, typer.Option(min=0.1, help="Uncompressed logs, one worker.")] = 100,
    compression: Annotated[float, typer.Option(min=1, help="Uncompressed bytes of a stored one.")] = 12,
    sample: Annotated[int, typer.Option(min=0, help="Log files to measure these two on; 0: none.")] = 0,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Print the time and the cost of a run in AWS.

    With the arithmetic. Lists the logs, and reads only a --sample.
    """
    from gatewatch.history import costs
    from gatewatch.history.runs import new_plan

    batches = new_plan(logs, open_storage)
    if sample:
        found = _sample(logs, batches, sample, configuration_files(config, accounts, policy))
        typer.echo(found.line)
        megabytes_per_second, compression = found.megabytes_per_second, found.compression
    assumed = costs.Assumptions(workers=workers, megabytes_per_second=megabytes_per_second, compression=compression)
    for line in costs.estimate(batches, assumed).lines:
        typer.echo(line)


def _sample(logs: str, batches: list[Batch], count: int, files: tuple[Path, Path]) -> Sample:
    from gatewatch.config.settings import load_settings
    from gatewatch.history.batches import FileAssessor
    from gatewatch.history.sampling import measure_sample

    assessor = FileAssessor(load_settings(*files))
    return measure_sample(open_storage(logs), sum(each.files for each in batches), count, assessor)


@history_app.command(epilog=examples("gatewatch history start trail/ --results build/history --run first"))
def start(
    logs: Logs,
    results: Results = RESULTS,
    run: Name = RUN,
    state_machine: StateMachine = None,
    jobs: Annotated[int, typer.Option(min=0, help="Processes on this machine; 0: one per core.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Workers in AWS at the same time.")] = 200,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan only.")] = False,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Start a run, or continue it.

    In AWS with --state-machine, otherwise by processes of this machine. Batches that are done are not repeated.
    """
    from gatewatch.aws.clients import Aws
    from gatewatch.history import runs
    from gatewatch.history.execution import start_execution

    wanted = _run(run, logs, results)
    batches = runs.plan(wanted, open_storage)
    missing = runs.unfinished(wanted, batches, open_storage)
    size = sum(each.size for each in missing) / 1e6
    typer.echo(f"run {run}: {len(missing)} of {len(batches)} batches to do, {size:,.1f} MB stored")
    if dry_run:
        return
    runs.save_plan(wanted, batches, open_storage)
    if state_machine:
        typer.echo(f"started {start_execution(Aws().stepfunctions, state_machine, wanted, workers)}")
        return
    from gatewatch.config.settings import load_settings

    settings = load_settings(*configuration_files(config, accounts, policy))
    for each in runs.work(wanted, missing, settings, open_storage, jobs):
        counts = f"{each.files} files, {each.entries} entries, {each.in_order} in order, {each.problems} problems"
        typer.echo(f"batch {each.number}: {counts}")


@history_app.command(epilog=examples("gatewatch history status --results s3://gatewatch-history/ --run first"))
def status(results: Results = RESULTS, run: Name = RUN, state_machine: StateMachine = None) -> None:
    """Print how many batches of a run are done.

    Exit status 1 while some are not.
    """
    from gatewatch.aws.clients import Aws
    from gatewatch.history import runs
    from gatewatch.history.execution import execution_arn, execution_status

    wanted = _run(run, "", results)
    batches = runs.started(wanted, open_storage)
    missing = runs.unfinished(wanted, batches, open_storage)
    typer.echo(f"run {run}: {len(batches) - len(missing)} of {len(batches)} batches are done")
    if state_machine:
        found = execution_status(Aws().stepfunctions, execution_arn(state_machine, run))
        typer.echo("; ".join([found.status, *(f"{count} {name}" for name, count in sorted(found.counts.items()))]))
    if missing:
        raise typer.Exit(1)


@history_app.command(epilog=examples("gatewatch history report --results build/history --to build/report"))
def report(
    results: Results = RESULTS,
    run: Name = RUN,
    to: Annotated[str, typer.Option("--to", help="Folder or s3://bucket/prefix of the report.")] = "build/report",
    rows: Annotated[RowFile, typer.Option(help="Format of the rows.")] = RowFile.JSONL,
    partial: Annotated[bool, typer.Option("--partial", help="Report also when batches are missing.")] = False,
    output: ListOutput = ListFormat.TABLE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Write the report of a run.

    Puts the results in order, writes rows and open intervals, and prints a summary by account and year.
    Exit status 3 when a log file or record could not be read, or a batch is missing; the report has all others.
    """
    from gatewatch.cli.listing import print_list
    from gatewatch.config.settings import load_settings
    from gatewatch.history.formats import JsonLinesFormat, ParquetFormat
    from gatewatch.history.merging import merge
    from gatewatch.history.report import AccountYear, write_report
    from gatewatch.history.runs import check_target, entries_in_order, started_with

    settings = load_settings(*configuration_files(config, accounts, policy))
    wanted = _run(run, "", results)
    if logs := started_with(wanted, open_storage):
        check_target(to, logs)
    merged = merge(entries_in_order(wanted, open_storage, partial=partial), settings)
    row_format = ParquetFormat() if rows is RowFile.PARQUET else JsonLinesFormat()
    written = write_report(merged, open_storage(to), row_format)
    print_list(written.by_account_and_year, AccountYear, output)
    is_open = sum(each.closed_at is None for each in written.intervals)
    typer.echo(
        f"{len(written.intervals)} open intervals, {is_open} still open; {written.problems} problems; written to {to}",
        err=True,
    )
    if written.problems:
        raise typer.Exit(_UNDECODABLE)
