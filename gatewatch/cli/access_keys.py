"""`gatewatch keys`: old access keys, as a table; nothing is touched without --apply and a yes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from gatewatch.cli.access_keys_live import LiveKeys
    from gatewatch.config.settings import Settings
    from gatewatch.remediation.access_keys.plan import KeyAction

_LIVE = "live"
_COLUMNS = ("account", "user", "key", "age", "last used", "what is due", "why")


def keys(
    source: Annotated[str, typer.Argument(help="A credential report (CSV), or the word live.", metavar="PATH|live")],
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Only this account; may be said again.", show_default=False)
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do what is due, after a yes.")] = False,
    undo: Annotated[
        str | None, typer.Option(help="Take one deactivation back; its message names the change.", metavar="CHANGE")
    ] = None,
    stage: Annotated[str, typer.Option(help="Which deployment keeps the books.", metavar="NAME")] = "prod",
    accounts: Annotated[Path, typer.Option(metavar="FILE", help="Who the accounts are.")] = Path("accounts.yaml"),
    policy: Annotated[Path, typer.Option(metavar="FILE", help="When a key is old.")] = Path("policy.yaml"),
) -> None:
    """Plan what becomes of old access keys, from the credential report of IAM or from live accounts.

    A report names no key ids, so it is good for a plan and no more.
    """
    from gatewatch.cli import access_keys_live as keys_desk
    from gatewatch.config.settings import load_settings

    settings, console = load_settings(accounts, policy), Console(highlight=False)
    if source != _LIVE:
        if apply or undo:
            raise typer.BadParameter("a report names no key ids; say live to change anything")
        keys_desk.show(keys_desk.planned_from_report(Path(source), settings), Table(*_COLUMNS), console)
        return
    live = keys_desk.LiveKeys(settings, stage)
    if undo:
        console.print(live.undo(undo), markup=False)
        return
    actions = live.planned(_chosen(account, settings))
    keys_desk.show(actions, Table(*_COLUMNS), console)
    if apply:
        _apply(live, [each for each in actions if each.verdict.changes_aws], console)


def _chosen(account: list[str] | None, settings: Settings) -> list[str]:
    unknown = [each for each in account or () if each not in settings.accounts]
    if unknown:
        raise typer.BadParameter(f"accounts.yaml does not know {unknown[0]}")
    return account or sorted(settings.accounts)


def _apply(live: LiveKeys, due: list[KeyAction], console: Console) -> None:
    if not due:
        console.print("nothing to apply")
        return
    counts = Counter(each.verdict.value for each in due)
    said = " and ".join(f"{verdict} {count} keys" for verdict, count in sorted(counts.items()))
    typer.confirm(f"{said}?", abort=True)
    for line in live.perform(due):
        console.print(line, markup=False)
