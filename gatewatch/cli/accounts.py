"""`gatewatch accounts`: accounts.yaml and AWS Organizations."""

from __future__ import annotations

from typing import Annotated

import typer

from gatewatch.cli.options import CONFIG, Accounts, Config, configuration_files, examples

accounts_app = typer.Typer(no_args_is_help=True, help="Compare accounts.yaml with AWS Organizations.")


@accounts_app.command(epilog=examples("gatewatch accounts sync", "gatewatch accounts sync --write"))
def sync(
    config: Config = CONFIG,
    accounts: Accounts = None,
    write: Annotated[bool, typer.Option("--write", help="Write the file; without it, only show the changes.")] = False,
) -> None:
    """Bring accounts.yaml up to date with the organization.

    Adds missing accounts, and to all of them the unit and the tags that `sync` of accounts.yaml asks for. Comments and
    keys that are there stay as they are, except ou and tags. Needs credentials of the management account or of a
    delegated administrator.
    """
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.organization_units import described_accounts
    from gatewatch.cli.accounts_sync import sync_accounts

    file, _ = configuration_files(config, accounts, None)
    result = sync_accounts(file, described_accounts(Aws().organizations))
    typer.echo(
        result.difference or "accounts.yaml has every account of the organization",
        nl=not result.difference,
    )
    if result.inactive:
        typer.echo(f"not active in the organization; remove them if unused: {', '.join(result.inactive)}", err=True)
    if write and result.difference:
        file.write_bytes(result.after.encode())
        typer.echo(f"{file} written", err=True)
