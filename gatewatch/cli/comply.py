"""`gatewatch comply`: evaluate security groups by the ingress policy, and remediate them after confirmation."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.errors import aws_errors_as_messages
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
from gatewatch.cli.remediation_commands import (
    NOT_COMPLIANT,
    ROLE,
    Region,
    Role,
    Yes,
    confirm,
    member_clients,
    print_line,
    print_lines,
    report_steps,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.aws.clients import Aws
    from gatewatch.cli.comply_input import EvaluatedGroup, GroupRow
    from gatewatch.config.settings import Settings
    from gatewatch.remediation.ingress.executor import StepResult

_LIVE = "live"


@aws_errors_as_messages()
def comply(
    path: Annotated[str, typer.Argument(help="A file of security groups, or the word live.", metavar="PATH|live")],
    account: Annotated[str | None, typer.Option(help="With live: the account.", show_default=False)] = None,
    region: Region = None,
    apply: Annotated[bool, typer.Option("--apply", help="With live: carry out the plan after confirmation.")] = False,
    yes: Yes = False,
    role: Role = ROLE,
    stage: Stage = STAGE,
    output: ListOutput = ListFormat.TABLE,
    config: Config = CONFIG,
    accounts: Accounts = None,
    policy: Policy = None,
) -> None:
    """Evaluate security groups by policy.yaml.

    Prints violations and the changes that would remediate them.
    Exit status: 0 every group is compliant, 1 a group is not or a change failed, 2 wrong usage or configuration.
    """
    from gatewatch.cli.comply_input import evaluate_group, groups_of_account, groups_of_file
    from gatewatch.config.settings import load_settings

    settings, now = load_settings(*configuration_files(config, accounts, policy)), datetime.now(UTC)
    if (path == _LIVE) != (account is not None) or (apply and path != _LIVE):
        raise typer.BadParameter("give a file, or live with --account; --apply needs live")
    if apply and output is not ListFormat.TABLE:
        raise typer.BadParameter("--format is for plans; leave out --apply")
    member = member_clients(account, region, role) if account else None
    found = groups_of_account(member, account) if member and account else groups_of_file(Path(path))
    groups = [evaluate_group(group_id, current, settings.ingress, now) for group_id, current in found]
    print_groups(groups, output)
    if apply and member and account:
        _apply(groups, settings, member, account, stage, yes=yes)
    raise typer.Exit(0 if all(each.plan.is_compliant for each in groups) else NOT_COMPLIANT)


def _apply(
    groups: Iterable[EvaluatedGroup], settings: Settings, member: Aws, account: str, stage: str, *, yes: bool
) -> None:
    from gatewatch.alerts.own_actions import ActionLog
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.remediation.config_rule.annotation import unenforced_text
    from gatewatch.remediation.ingress.conflict_guard import ConflictGuard, GroupRef
    from gatewatch.remediation.ingress.enforcer import Enforcer
    from gatewatch.remediation.ingress.suppression import RuleSuppression
    from gatewatch.remediation.ingress.unfinished import UnfinishedChanges
    from gatewatch.remediation.snapshots import SnapshotStore

    wanted = [each for each in groups if each.plan.actions]
    if not wanted:
        return
    confirm(f"Change {len(wanted)} groups?", yes=yes)
    table = HubTable(Aws().dynamodb, f"gatewatch-{stage}")
    guard = ConflictGuard(table, settings.ingress.fight, time.time)
    suppression = RuleSuppression(settings.exceptions, settings.account)
    enforcer = Enforcer(SnapshotStore(table), UnfinishedChanges(table), guard, ActionLog(table), suppression)
    steps: list[StepResult] = []
    for each in wanted:
        group = GroupRef(account, member.ec2.meta.region_name, each.group_id)
        done = enforcer.enforce(group, each.plan, each.current, member, time.time())
        steps += done.steps
        for left in done.unenforced:
            print_line(f"{each.group_id} {unenforced_text(left)}")
        if done.change_id:
            print_line(f"{each.group_id} {done.change_id}; to undo: gatewatch undo {done.change_id}")
            enforcer.finish(group, done.change_id)
    report_steps(steps)


def print_groups(groups: Iterable[EvaluatedGroup], output: ListFormat) -> None:
    from gatewatch.cli.comply_input import GroupRow, row_of_group
    from gatewatch.cli.listing import print_list

    rows = [row_of_group(each) for each in groups]
    if output is ListFormat.TABLE:
        print_lines(line for row in rows for line in _lines(row))
    else:
        print_list(rows, GroupRow, output)


def _lines(row: GroupRow) -> Iterator[str]:
    yield f"{row.group} {row.compliance} {row.annotation}"
    yield from (f"  {each}" for each in row.actions)
