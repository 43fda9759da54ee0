"""`gatewatch undo`: restore what a remediation changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.cli.options import STAGE, Stage
from gatewatch.cli.remediation_commands import (
    NOT_COMPLIANT,
    REVERT_ROLE,
    ROLE,
    Yes,
    confirm,
    member_clients,
    print_line,
    print_lines,
    report_steps,
)

if TYPE_CHECKING:
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.remediation.snapshots import Snapshot

UndoRole = Annotated[
    str | None,
    typer.Option(
        "--role",
        help=f"Role to assume in the member account; default: {ROLE}, or {REVERT_ROLE} for a revert; "
        "empty: your own credentials.",
        show_default=False,
    ),
]


@aws_errors_as_messages()
def undo(
    change_id: Annotated[str, typer.Argument(help="The change id in the message of the change.", metavar="CHANGE_ID")],
    yes: Yes = False,
    role: UndoRole = None,
    stage: Stage = STAGE,
) -> None:
    """Restore what a change of gatewatch removed.

    Restores rules, descriptions and tags, or the setting that was reverted, after confirmation.
    Exit status: 0 restored, 1 a change failed, 2 wrong usage, or the setting was changed since.
    """
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.remediation.ingress.enforcer import KIND
    from gatewatch.remediation.revert.reverter import KIND as REVERT
    from gatewatch.remediation.snapshots import SnapshotError, SnapshotStore

    table = HubTable(Aws().dynamodb, f"gatewatch-{stage}")
    snapshot = SnapshotStore(table).load(change_id)
    if snapshot.kind == REVERT:
        _undo_revert(snapshot, table, REVERT_ROLE if role is None else role, yes=yes)
    elif snapshot.kind == KIND:
        _undo_remediation(snapshot, table, ROLE if role is None else role, yes=yes)
    else:
        raise SnapshotError(f"{change_id} is not a change of a security group but {snapshot.kind}.")


def _undo_revert(snapshot: Snapshot, table: HubTable, role: str, *, yes: bool) -> None:
    from gatewatch.alerts.attached_groups import AttachedGroupStore
    from gatewatch.alerts.own_actions import ActionLog
    from gatewatch.config.ingress import ConflictLimit
    from gatewatch.config.paths import TEMPLATES
    from gatewatch.config.settings import emergency_settings
    from gatewatch.remediation.ingress.conflict_guard import ConflictGuard
    from gatewatch.remediation.revert.reverter import Reverter
    from gatewatch.remediation.revert.sentences import sentence_text, undo_sentences
    from gatewatch.remediation.snapshots import SnapshotStore
    from gatewatch.rendering.text.labels import load_labels

    member = member_clients(snapshot.account_id, snapshot.region, role)
    reverter = Reverter(
        lambda _account_id, _region: member,
        emergency_settings(),
        SnapshotStore(table),
        ActionLog(table),
        ConflictGuard(table, ConflictLimit(), time.time),
        time.time,
        AttachedGroupStore(table),
    )
    labels = load_labels(TEMPLATES, "en")
    print_line(f"{snapshot.account_id} {snapshot.region} {snapshot.change_id}")
    print_lines(f"  {sentence_text(each, labels)}" for each in undo_sentences(reverter.plan_undo(snapshot.change_id)))
    confirm("Restore this, which opens it again?", yes=yes)
    failed = [each for each in reverter.undo(snapshot.change_id).steps if not each.succeeded]
    print_lines(f"failed: {each.change.kind} ({each.reason})" for each in failed)
    print_line("done" if not failed else "some changes failed")
    if failed:
        raise typer.Exit(NOT_COMPLIANT)


def _undo_remediation(snapshot: Snapshot, table: HubTable, role: str, *, yes: bool) -> None:
    from gatewatch.alerts.own_actions import ActionLog, OwnAction
    from gatewatch.config.ingress import ConflictLimit
    from gatewatch.remediation.config_rule.annotation import action_text
    from gatewatch.remediation.ingress.conflict_guard import ConflictGuard
    from gatewatch.remediation.ingress.ec2 import current_rules
    from gatewatch.remediation.ingress.enforcer import action_ids_of
    from gatewatch.remediation.ingress.executor import apply_ingress_actions
    from gatewatch.remediation.ingress.undo import group_of, plan_undo, stop_enforcing

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
    action = OwnAction(snapshot.change_id, time.time(), is_undo=True)
    ActionLog(table).record(action_ids_of(group, plan.actions), action)
    report_steps(apply_ingress_actions(snapshot.resource_id, plan.actions, member.ec2))
