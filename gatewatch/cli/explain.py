"""`gatewatch explain`: why an event gets its severity and its destinations."""

from __future__ import annotations

import typer

from gatewatch.cli.options import CONFIG, Accounts, Config, Language, Paths, Policy, configuration_files


def explain(
    paths: Paths = None,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
    language: Language = None,
) -> None:
    """Explain the severity and the destinations of events.

    Prints what was decoded, every change with its severity and the reasons, and where the alert is sent.
    """
    from gatewatch.cli.alert_printing import load_assessor, print_alerts
    from gatewatch.cli.decision_trace import DecisionTrace

    assessor = load_assessor(*configuration_files(config, accounts, policy), language)
    raise typer.Exit(print_alerts(DecisionTrace(assessor.settings), paths or [], assessor))
