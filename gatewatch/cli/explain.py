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
    """Print the decision trace of events: what was decoded, the severity with its reasons, the destinations."""
    from gatewatch.cli.alert_printing import load_assessor, print_alerts
    from gatewatch.cli.decision_trace import DecisionTrace

    assessor = load_assessor(*configuration_files(config, accounts, policy), language)
    raise typer.Exit(print_alerts(DecisionTrace(assessor.settings), paths or [], assessor))
