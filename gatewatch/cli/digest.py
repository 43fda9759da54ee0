"""`gatewatch digest`: a summary of events."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from gatewatch.cli.options import CONFIG, Accounts, Config, Language, Paths, Policy, configuration_files


class DigestFormat(StrEnum):
    TEXT = "text"
    SLACK = "slack"
    HTML = "html"
    EMAIL = "email"


def digest(
    paths: Paths = None,
    output: Annotated[DigestFormat, typer.Option("--format", help="Output format.")] = DigestFormat.TEXT,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=36_500, help="Count only the last days of the events.", show_default=False),
    ] = None,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
    language: Language = None,
) -> None:
    """Summarize events.

    Prints the rules that are still open to the internet, the changes by person, and the suppressed alerts.
    """
    from gatewatch.cli.alert_printing import load_assessor, print_alerts
    from gatewatch.cli.digest_output import DigestPrinter

    assessor = load_assessor(*configuration_files(config, accounts, policy), language)
    raise typer.Exit(print_alerts(DigestPrinter(assessor.settings, output, days), paths or [], assessor))
