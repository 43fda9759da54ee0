"""`gatewatch check`: the configuration files, and what they would have done to past events."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from gatewatch.cli.options import CONFIG, Accounts, Config, Paths, Policy, configuration_files
from gatewatch.errors import ConfigurationError


class ConfigurationFile(StrEnum):
    ACCOUNTS = "accounts"
    POLICY = "policy"


def check(
    paths: Paths = None,
    what_if: Annotated[
        bool, typer.Option("--what-if", help="Report what the policy would have done to past events.")
    ] = False,
    schema: Annotated[
        ConfigurationFile | None, typer.Option("--schema", help="Print the JSON Schema of a file, for editors.")
    ] = None,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Check both configuration files as a deploy does.

    Errors say what is wrong and what to write instead.

    With --what-if and events: which exceptions and routes would have applied, and the critical alerts that would not
    have been sent as critical. Exit status: 0 valid, 2 an error, 3 an event could not be decoded.
    """
    from gatewatch.cli import policy_check, schemas

    if schema:
        typer.echo(schemas.schema(schema))
        return
    if paths and not what_if:
        raise ConfigurationError("check takes events only with --what-if; write gatewatch check --what-if EVENTS.")
    files = configuration_files(config, accounts, policy)
    if what_if:
        raise typer.Exit(policy_check.what_if(*files, paths or []))
    policy_check.check(*files, datetime.now(UTC))
