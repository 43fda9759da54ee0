"""`gatewatch replay`: events through the alert pipeline, offline."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from gatewatch.cli.options import CONFIG, Accounts, Config, Language, Paths, Policy, configuration_files
from gatewatch.model.severity import Severity


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    SLACK = "slack"
    CHATBOT = "chatbot"
    EMAIL = "email"
    HTML = "html"


def replay(
    paths: Paths = None,
    output: Annotated[Format, typer.Option("--format", help="What to print for each change.")] = Format.TEXT,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
    language: Language = None,
    min_severity: Annotated[Severity, typer.Option(help="Print only this severity and above.")] = Severity.INFO,
    jobs: Annotated[int, typer.Option(min=0, help="Processes that read large folders; 0: one per core.")] = 0,
    page: Annotated[int, typer.Option(min=1, help="With html: which page of 200 alerts.")] = 1,
) -> None:
    """Run events through the alert pipeline.

    Prints the result. Reads EventBridge events, CloudTrail records and log files (gzip or not), SNS and SQS Lambda
    events, output of lookup-events and receive-message, in any mix. Exit status: 0 all read, 2 wrong usage or
    configuration, 3 something could not be decoded (named on standard error; the rest is still printed).
    """
    from gatewatch.cli.alert_printing import load_assessor, print_alerts
    from gatewatch.cli.printing import printer_for

    assessor = load_assessor(*configuration_files(config, accounts, policy), language)
    make_printer = partial(printer_for, output, assessor.settings, min_severity, page)
    raise typer.Exit(print_alerts(make_printer(), paths or [], assessor, jobs, make_printer))
