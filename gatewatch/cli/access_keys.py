"""`gatewatch keys`: access-key rotation as a list; keys are changed only with --apply and confirmation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.options import (
    CONFIG,
    STAGE,
    Accounts,
    Config,
    ListFormat,
    ListOutput,
    Policy,
    Stage,
    configuration_files,
)

if TYPE_CHECKING:
    from gatewatch.cli.access_keys_live import LiveAccessKeys
    from gatewatch.config.settings import Settings
    from gatewatch.remediation.access_keys.plan import KeyAction

_LIVE = "live"
_INCOMPLETE = 1


def keys(
    source: Annotated[str, typer.Argument(help="A credential report (CSV), or the word live.", metavar="PATH|live")],
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="ACCOUNT", help="Only this account; can be repeated.", show_default=False),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Carry out the planned actions after confirmation.")] = False,
    undo: Annotated[
        str | None, typer.Option(help="Reactivate one key; the change id is in its message.", metavar="CHANGE")
    ] = None,
    stage: Stage = STAGE,
    output: ListOutput = ListFormat.TABLE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Plan the rotation of old access keys.

    Reads an IAM credential report or live accounts. A report has no key ids, so it can only be used for a plan. Exit
    status: 0 done, 1 an account or user could not be read or a change failed, 2 wrong usage or configuration.
    """
    from gatewatch.cli.access_keys_live import LiveAccessKeys, plan_from_report, print_plan
    from gatewatch.config.settings import load_settings
    from gatewatch.remediation.access_keys.plan import KeyDecision

    settings = load_settings(*configuration_files(config, accounts, policy))
    if (apply or undo) and output is not ListFormat.TABLE:
        raise typer.BadParameter("--format is for plans; leave out --apply and --undo")
    if source != _LIVE:
        if apply or undo:
            raise typer.BadParameter("a credential report has no key ids; use live to change keys")
        print_plan(plan_from_report(Path(source), settings), output)
        return
    live = LiveAccessKeys(settings, stage)
    if undo:
        typer.echo(live.undo(undo))
        return
    actions = live.plan(_account_ids(account, settings))
    print_plan(actions, output)
    is_complete = all(each.decision is not KeyDecision.UNREADABLE for each in actions)
    if apply:
        is_complete &= _apply(live, [each for each in actions if each.decision.changes_aws])
    raise typer.Exit(0 if is_complete else _INCOMPLETE)


def _account_ids(account: list[str] | None, settings: Settings) -> list[str]:
    unknown = [each for each in account or () if each not in settings.accounts]
    if unknown:
        raise typer.BadParameter(f"accounts.yaml has no account {unknown[0]}")
    return account or sorted(settings.accounts)


def _apply(live: LiveAccessKeys, due: list[KeyAction]) -> bool:
    """Return whether every change succeeded."""
    if not due:
        typer.echo("nothing to apply")
        return True
    counts = Counter(each.decision.value for each in due)
    question = " and ".join(f"{decision} {count} keys" for decision, count in sorted(counts.items()))
    typer.confirm(f"{question}?", abort=True)
    results = list(live.perform(due))
    for each in results:
        typer.echo(each.text)
    return not any(each.has_failed for each in results)
