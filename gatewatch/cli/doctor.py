"""`gatewatch doctor` and `gatewatch send-test`: is everything there that alerts need, and do they arrive?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gatewatch.monitoring.doctor.checks import Examination

Stage = Annotated[str, typer.Option("--stage", help="Which deployment.", metavar="NAME")]
AccountsFile = Annotated[Path, typer.Option("--accounts", metavar="FILE", help="Who the accounts are.")]
PolicyFile = Annotated[Path, typer.Option("--policy", metavar="FILE", help="Where the destinations are.")]
STAGE = "prod"
ACCOUNTS = Path("accounts.yaml")
POLICY = Path("policy.yaml")


def doctor(
    stage: Stage = STAGE,
    account: Annotated[list[str] | None, typer.Option(help="Look at this account only; may be repeated.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="Look at this Region only; may be repeated.")] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send each destination a message that says it is a test.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show what is in order as well.")] = False,
    accounts: AccountsFile = ACCOUNTS,
    policy: PolicyFile = POLICY,
) -> None:
    """Look at a deployment without changing anything, account by account and Region by Region.

    Run it with credentials of the monitoring account, in the hub's Region. Exit status: 0 nothing is broken,
    1 something is, 2 it cannot look.
    """
    from rich.console import Console

    from gatewatch.cli.doctor_report import report

    looked = _examination(stage, tuple(account or ()), tuple(region or ()), accounts, policy, send=send)
    raise typer.Exit(report(looked.findings(), Console(highlight=False), everything=everything))


def _examination(
    stage: str, only: tuple[str, ...], regions: tuple[str, ...], accounts: Path, policy: Path, *, send: bool
) -> Examination:
    from gatewatch.aws.clients import Aws
    from gatewatch.config.settings import load_settings
    from gatewatch.monitoring.doctor.checks import Examination, entrance, identity

    aws = Aws()
    return Examination(
        aws=aws,
        settings=load_settings(accounts, policy),
        stage=stage,
        enter=entrance(aws, identity(aws)),
        now=time.time(),
        accounts=only,
        regions=regions,
        send=send,
    )


def send_test(
    destination: Annotated[str, typer.Argument(help="A destination of policy.yaml.")],
    stage: Stage = STAGE,
    accounts: AccountsFile = ACCOUNTS,
    policy: PolicyFile = POLICY,
) -> None:
    """Send one destination a message that says it is a test, with the secret that the hub would use."""
    from gatewatch.aws.clients import Aws
    from gatewatch.config.settings import load_settings
    from gatewatch.errors import ConfigurationError
    from gatewatch.monitoring.doctor.checks import alerts_topic, find_bus
    from gatewatch.monitoring.doctor.destinations import Destinations

    known = load_settings(accounts, policy).destinations
    if destination not in known:
        raise ConfigurationError(f"{policy} has no destination {destination}; it has {', '.join(sorted(known))}")
    aws = Aws()
    receipt = Destinations(aws, alerts_topic(find_bus(aws, stage), stage)).post(destination, known[destination])
    typer.echo(f"{destination} took it: {receipt.answer}")
