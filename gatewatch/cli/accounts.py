"""`gatewatch accounts`: accounts.yaml and the organization."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

accounts = typer.Typer(no_args_is_help=True, help="Who the accounts are, by the organization.")


@accounts.command(epilog="Examples: gatewatch accounts sync · gatewatch accounts sync --write")
def sync(
    file: Annotated[Path, typer.Option("--accounts", metavar="FILE", help="Who the accounts are.")] = Path(
        "accounts.yaml"
    ),
    write: Annotated[
        bool, typer.Option("--write", help="Change the file, and not only show what would change.")
    ] = False,
) -> None:
    """Add the organization's accounts that accounts.yaml does not name yet; whatever is in it stays.

    Run it with credentials of the management account or of a delegated administrator.
    """
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.organizations import listed_members
    from gatewatch.cli.accounts_sync import synced

    result = synced(file, listed_members(Aws().organizations))
    typer.echo(result.difference or "accounts.yaml names every account of the organization", nl=not result.difference)
    if result.gone:
        typer.echo(f"not active in the organization, look whether they are needed: {', '.join(result.gone)}", err=True)
    if write and result.difference:
        file.write_text(result.after, encoding="utf-8")
        typer.echo(f"{file} written", err=True)
