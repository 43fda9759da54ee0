"""`gatewatch doctor` and `gatewatch send-test`: health checks of a deployment, and test messages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

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

if TYPE_CHECKING:
    from pathlib import Path

    from gatewatch.monitoring.doctor.checks import HealthCheck


def doctor(
    stage: Stage = STAGE,
    account: Annotated[
        list[str] | None, typer.Option(metavar="ACCOUNT", help="Check only this account; can be repeated.")
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(metavar="REGION", help="Check only this Region; can be repeated.")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send a test message to each destination.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also show checks that passed.")] = False,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
    output: ListOutput = ListFormat.TABLE,
) -> None:
    """Check a deployment without changing it.

    Checks every account and Region. Needs credentials of the monitoring account and the hub's Region. Exit status:
    0 no errors, 1 an error was found, 2 the checks could not run.
    """
    from gatewatch.cli.doctor_report import print_results

    files = configuration_files(config, accounts, policy)
    only = tuple(account or ()), tuple(region or ())
    health_check = _health_check(stage, *only, *files, send=send, member_regions=_member_regions(config, stage))
    raise typer.Exit(print_results(health_check.results(), output, everything=everything))


def _health_check(
    stage: str,
    only: tuple[str, ...],
    regions: tuple[str, ...],
    accounts: Path,
    policy: Path,
    *,
    send: bool,
    member_regions: tuple[str, ...],
) -> HealthCheck:
    from gatewatch.aws.clients import Aws
    from gatewatch.config.settings import load_settings
    from gatewatch.monitoring.doctor.checks import HealthCheck, member_session, own_account_id

    aws = Aws()
    return HealthCheck(
        aws=aws,
        settings=load_settings(accounts, policy),
        stage=stage,
        session_for=member_session(aws, own_account_id(aws)),
        now=time.time(),
        accounts=only,
        regions=regions,
        send=send,
        member_regions=member_regions,
    )


def _member_regions(config: Path, stage: str) -> tuple[str, ...]:
    """Return the Regions of the stage file; none without one."""
    from gatewatch.cli.deployment.stage_file import load_stage, stage_file

    return load_stage(config, stage).members.regions if stage_file(config, stage).exists() else ()


def send_test(
    destination: Annotated[str, typer.Argument(metavar="DESTINATION", help="A destination of policy.yaml.")],
    stage: Stage = STAGE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Send a test message to one destination.

    Uses the same secret as the hub.
    """
    from gatewatch.aws.clients import Aws
    from gatewatch.config.settings import load_settings
    from gatewatch.errors import ConfigurationError
    from gatewatch.monitoring.doctor.checks import alerts_topic, find_bus
    from gatewatch.monitoring.doctor.destinations import DestinationChecks

    known = load_settings(*configuration_files(config, accounts, policy)).destinations
    if destination not in known:
        raise ConfigurationError(f"policy.yaml has no destination {destination}; it has {', '.join(sorted(known))}")
    aws = Aws()
    receipt = DestinationChecks(aws, alerts_topic(find_bus(aws, stage), stage)).post(destination, known[destination])
    typer.echo(f"{destination} accepted the message: {receipt.response}")
