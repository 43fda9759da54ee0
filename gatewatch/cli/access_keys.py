"""`gatewatch keys`: access-key rotation as a table; keys are changed only with --apply and confirmation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from gatewatch.cli.options import ACCOUNTS, POLICY, STAGE, Accounts, Policy, Stage

if TYPE_CHECKING:
    from gatewatch.cli.access_keys_live import LiveAccessKeys
    from gatewatch.config.settings import Settings
    from gatewatch.remediation.access_keys.plan import KeyAction

_LIVE = "live"
_COLUMNS = ("account", "user", "key", "age", "last used", "action", "reason")


def keys(
    source: Annotated[str, typer.Argument(help="A credential report (CSV), or the word live.", metavar="PATH|live")],
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Only this account; can be repeated.", show_default=False)
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Carry out the planned actions after confirmation.")] = False,
    undo: Annotated[
        str | None, typer.Option(help="Reactivate one key; the change id is in its message.", metavar="CHANGE")
    ] = None,
    stage: Stage = STAGE,
    accounts: Accounts = ACCOUNTS,
    policy: Policy = POLICY,
) -> None:
    """Plan the rotation of old access keys, from an IAM credential report or from live accounts.

    A credential report has no key ids, so it can only be used for a plan.
    """
    from gatewatch.cli.access_keys_live import LiveAccessKeys, plan_from_report, print_plan
    from gatewatch.config.settings import load_settings

    settings, console = load_settings(accounts, policy), Console(highlight=False)
    if source != _LIVE:
        if apply or undo:
            raise typer.BadParameter("a credential report has no key ids; use live to change keys")
        print_plan(plan_from_report(Path(source), settings), Table(*_COLUMNS), console)
        return
    live = LiveAccessKeys(settings, stage)
    if undo:
        console.print(live.undo(undo), markup=False)
        return
    actions = live.plan(_account_ids(account, settings))
    print_plan(actions, Table(*_COLUMNS), console)
    if apply:
        _apply(live, [each for each in actions if each.decision.changes_aws], console)


def _account_ids(account: list[str] | None, settings: Settings) -> list[str]:
    unknown = [each for each in account or () if each not in settings.accounts]
    if unknown:
        raise typer.BadParameter(f"accounts.yaml has no account {unknown[0]}")
    return account or sorted(settings.accounts)


def _apply(live: LiveAccessKeys, due: list[KeyAction], console: Console) -> None:
    if not due:
        console.print("nothing to apply")
        return
    counts = Counter(each.decision.value for each in due)
    question = " and ".join(f"{decision} {count} keys" for decision, count in sorted(counts.items()))
    typer.confirm(f"{question}?", abort=True)
    for line in live.perform(due):
        console.print(line, markup=False)
