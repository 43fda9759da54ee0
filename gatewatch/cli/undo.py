"""`gatewatch undo`: restore what a remediation changed."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.cli.options import STAGE, Stage
from gatewatch.cli.remediation_commands import (
    ROLE,
    Role,
    Yes,
    confirm,
    member_clients,
    print_line,
    print_lines,
    report_steps,
)


@aws_errors_as_messages()
def undo(
    change_id: Annotated[str, typer.Argument(help="The change id in the message of the change.", metavar="CHANGE_ID")],
    yes: Yes = False,
    role: Role = ROLE,
    stage: Stage = STAGE,
) -> None:
    """Restore what a change of gatewatch removed.

    Restores rules, descriptions and tags after confirmation.
    """
    from gatewatch.alerts.own_actions import ActionLog, OwnAction
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.ingress import ConflictLimit
    from gatewatch.remediation.config_rule.annotation import action_text
    from gatewatch.remediation.ingress.conflict_guard import ConflictGuard
    from gatewatch.remediation.ingress.ec2 import current_rules
    from gatewatch.remediation.ingress.enforcer import KIND, action_ids_of
    from gatewatch.remediation.ingress.executor import apply_ingress_actions
    from gatewatch.remediation.ingress.undo import group_of, plan_undo, stop_enforcing
    from gatewatch.remediation.snapshots import SnapshotError, SnapshotStore

    table = HubTable(Aws().dynamodb, f"gatewatch-{stage}")
    snapshot = SnapshotStore(table).load(change_id)
    if snapshot.kind != KIND:
        raise SnapshotError(f"{change_id} is not a change of a security group but {snapshot.kind}.")
    member = member_clients(snapshot.account_id, snapshot.region, role)
    plan = plan_undo(snapshot, current_rules(member.ec2, snapshot.resource_id, snapshot.account_id))
    print_line(f"{snapshot.account_id} {snapshot.region} {snapshot.resource_id}")
    print_lines(f"  {action_text(each)}" for each in plan.actions)
    if not plan.actions:
        print_line("everything is already restored")
        return
    confirm("Restore these rules?", yes=yes)
    group = group_of(snapshot)
    stop_enforcing(snapshot, ConflictGuard(table, ConflictLimit(), time.time))
    action = OwnAction(change_id, time.time(), is_undo=True)
    ActionLog(table).record(action_ids_of(group, plan.actions), action)
    report_steps(apply_ingress_actions(snapshot.resource_id, plan.actions, member.ec2))
