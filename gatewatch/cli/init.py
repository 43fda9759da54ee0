"""`gatewatch init`: writes a configuration folder for a first deployment."""

from __future__ import annotations

import shlex
from pathlib import Path  # noqa: TC003  typer reads the annotation
from typing import Annotated

import typer

from gatewatch.cli.options import STAGE, Stage
from gatewatch.errors import ConfigurationError

# Asked for when an option is not given, and its help.
_HUB_ACCOUNT = "Account id of the monitoring account"
_REGION = "Region of the hub, such as ap-northeast-2"
_MEMBER_REGIONS = "Regions to monitor, separated by commas, with us-east-1 for IAM"
_OPERATORS_EMAIL = "E-mail address for alarms of gatewatch itself, empty for none"


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to create, outside the clone.")],
    hub_account: Annotated[str, typer.Option(prompt=_HUB_ACCOUNT, help=_HUB_ACCOUNT)],
    region: Annotated[str, typer.Option(prompt=_REGION, help=_REGION)],
    member_regions: Annotated[str, typer.Option(prompt=_MEMBER_REGIONS, help=_MEMBER_REGIONS)],
    operators_email: Annotated[str, typer.Option(prompt=_OPERATORS_EMAIL, help=_OPERATORS_EMAIL)] = "",
    accounts: Annotated[
        str, typer.Option(help="Account ids to monitor, separated by commas; default: the monitoring account.")
    ] = "",
    organization: Annotated[
        bool, typer.Option("--organization", help="Read the accounts from AWS Organizations instead.")
    ] = False,
    stage: Stage = STAGE,
) -> None:
    """Write the configuration of a first deployment.

    Writes accounts.yaml, policy.yaml, deploy/STAGE.yaml and the Slack app manifest; no file is overwritten.
    With --organization it needs credentials of the management account or of a delegated administrator.
    """
    from gatewatch.cli.deployment.new_configuration import NewConfiguration, organization_of, write_configuration

    if accounts and organization:
        raise ConfigurationError("name the accounts with --accounts, or read them with --organization, not both.")
    found = organization_of() if organization else None
    written = write_configuration(
        folder,
        NewConfiguration(
            stage=stage,
            hub_account=hub_account,
            region=region,
            member_regions=_listed(member_regions),
            accounts=dict.fromkeys(_listed(accounts or hub_account), "") if found is None else found.accounts,
            operators_email=operators_email,
            organization="" if found is None else found.id,
            root="" if found is None else found.root,
        ),
    )
    for path in written:
        typer.echo(f"{path} written")
    _print_next(folder, stage)


def _print_next(folder: Path, stage: str) -> None:
    option, variable = ("", "") if stage == STAGE else (f" --stage {stage}", f" STAGE={stage}")
    typer.echo(f"next: create a Slack app from {folder / 'slack-app-manifest.yaml'} and copy its webhook URL, then")
    for line in (
        f"export GATEWATCH_CONFIG={shlex.quote(str(folder.resolve()))}",
        f"gatewatch store-secret sec-all{option}",
        f"make deploy{variable}",
        f"gatewatch members apply{option}",
        f"gatewatch doctor --send{option}",
    ):
        typer.echo(f"  {line}")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())
