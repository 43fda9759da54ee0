"""Checks of accounts.yaml and policy.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from gatewatch.alerts.pipeline import Assessor
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.cli.alert_printing import print_alerts
from gatewatch.cli.what_if import WhatIfReport
from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.config.hazards import find_hazards
from gatewatch.config.patterns import pattern_list
from gatewatch.config.settings import load_deployable_settings
from gatewatch.monitoring.reminders import REMINDER_PERIOD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from gatewatch.config.settings import Settings
    from gatewatch.config.suppression_rules import ExceptionMatch


def check(accounts: Path, policy: Path, now: datetime) -> None:
    """Print what the files define, and warnings. Raises `ConfigurationError` when a deploy would reject them."""
    settings = load_deployable_settings(accounts, policy)
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{accounts} and {policy} are valid: {len(settings.accounts)} accounts, "
        f"{len(set(settings.destinations) - {HUB_TOPIC})} destinations, {len(settings.routes)} routes, "
        f"{len(settings.exceptions)} exceptions."
    )
    for warning in _warnings(settings, now):
        console.print(f"warning: {warning}", markup=False)


def _warnings(settings: Settings, now: datetime) -> Iterator[str]:
    used = {name for each in settings.routes for name in each.to}
    used.update(name for account in settings.accounts.values() for name in account.destinations)
    used.update(settings.digest.to)
    for name in sorted(set(settings.destinations) - used - {HUB_TOPIC}):
        yield f"destination {name} is not used by any route, account or digest."
    yield from find_hazards(settings)
    for each in settings.exceptions:
        if not each.is_active(now):
            yield f"exception {each.id} of {each.owner} expired on {each.expires} and has no effect; remove it."
        elif not each.is_active(now + REMINDER_PERIOD):
            yield f"exception {each.id} of {each.owner} expires on {each.expires}."
        yield from (f"exception {each.id}: {text}" for text in _name_warnings(each.match))


def _name_warnings(match: ExceptionMatch) -> Iterator[str]:
    """Names in an exception that others can choose."""
    for pattern in (each for each in pattern_list(match.actor) if not each.startswith("arn:")):
        yield (
            f'actor "{pattern}" matches users and roles, never a session name alone; '
            "write session (role) for one session of a role."
        )
        if match.account is None:
            yield f'actor "{pattern}" matches in every account, also a role that somebody creates there; add account.'
    for pattern in pattern_list(match.group):
        if not pattern.startswith("sg-"):
            yield (
                f'group "{pattern}" matches names, which whoever creates a group chooses: it hides no severity '
                "high or critical; prefer ids, sg-…."
            )


def what_if(accounts: Path, policy: Path, paths: list[Path]) -> int:
    """Print what the policy would have done to past events; return exit status 0, or 3 for undecodable documents."""
    assessor = Assessor(load_deployable_settings(accounts, policy), InMemoryRuleHistory())
    return print_alerts(WhatIfReport(assessor.settings), paths, assessor)
