"""`gatewatch comply` and `gatewatch undo`: what the rule of record says at a desk, done only after a yes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from gatewatch.errors import GatewatchError
from gatewatch.rendering.escaping import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.aws.clients import Aws
    from gatewatch.cli.comply_input import Judged
    from gatewatch.config.settings import Settings
    from gatewatch.remediation.ingress.executor import Step
    from gatewatch.remediation.ingress.plan import Action

_LIVE = "live"
_NOT_COMPLIANT = 1
ROLE = "gatewatch/gatewatch-remediation"

Accounts = Annotated[Path, typer.Option("--accounts", metavar="FILE", help="Who the accounts are.")]
Policy = Annotated[Path, typer.Option("--policy", metavar="FILE", help="What may stand, and what must.")]
Region = Annotated[str | None, typer.Option("--region", help="Where; as the environment says.", show_default=False)]
Stage = Annotated[str, typer.Option("--stage", help="Which deployment keeps the pictures of before.", metavar="NAME")]
Role = Annotated[str, typer.Option("--role", help="The role in the member; empty: your own credentials.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@contextmanager
def _refusals_are_sentences() -> Iterator[None]:
    """What AWS answers to a person's own call is no fault of the program."""
    try:
        yield
    except ClientError as error:
        raise GatewatchError(f"AWS refused {error.operation_name}: {error.response['Error']['Message']}") from error
    except BotoCoreError as error:
        raise GatewatchError(f"AWS cannot be asked: {error}") from error


@_refusals_are_sentences()
def comply(
    path: Annotated[str, typer.Argument(help="A file of security groups, or the word live.", metavar="PATH|live")],
    account: Annotated[str | None, typer.Option(help="With live: which account.", show_default=False)] = None,
    region: Region = None,
    apply: Annotated[bool, typer.Option("--apply", help="With live: do what was planned, after a yes.")] = False,
    yes: Yes = False,
    role: Role = ROLE,
    stage: Stage = "prod",
    accounts: Accounts = Path("accounts.yaml"),
    policy: Policy = Path("policy.yaml"),
) -> None:
    """Judge security groups by policy.yaml, print what is amiss and what would put it right.

    Exit status: 0 every group is compliant, 1 one is not, 2 wrong usage or configuration.
    """
    from gatewatch.cli.comply_input import groups_of_account, groups_of_file, judge
    from gatewatch.config.settings import load_settings

    settings, now = load_settings(accounts, policy), datetime.now(UTC)
    if (path == _LIVE) != (account is not None) or (apply and path != _LIVE):
        raise typer.BadParameter("give a file, or live with --account; --apply needs live")
    member = _member(account, region, role) if account else None
    found = groups_of_account(member, account) if member and account else groups_of_file(Path(path))
    judged = [judge(group_id, standing, settings.ingress, now) for group_id, standing in found]
    for each in judged:
        _print(each)
    if apply and member and account:
        _apply(judged, settings, member, account, stage, yes=yes)
    raise typer.Exit(0 if all(each.plan.is_met for each in judged) else _NOT_COMPLIANT)


@_refusals_are_sentences()
def undo(
    change_id: Annotated[str, typer.Argument(help="As the message of the change names it.", metavar="CHANGE_ID")],
    yes: Yes = False,
    role: Role = ROLE,
    stage: Stage = "prod",
) -> None:
    """Put every rule, description and tag back that a change of gatewatch took, after a yes."""
    from gatewatch.alerts.own_actions import DeedBook, OwnDeed
    from gatewatch.aws.clients import Aws
    from gatewatch.config.ingress import Fight
    from gatewatch.remediation.ingress.conflict_guard import Guard
    from gatewatch.remediation.ingress.ec2 import standing_rules
    from gatewatch.remediation.ingress.enforcer import KIND, deeds_of
    from gatewatch.remediation.ingress.executor import apply
    from gatewatch.remediation.ingress.undo import group_of, leave_alone, plan_undo
    from gatewatch.remediation.preimages import PreImageError, PreImages

    hub = Aws()
    image = PreImages(hub.dynamodb, f"gatewatch-{stage}").load(change_id)
    if image.kind != KIND:
        raise PreImageError(f"{change_id} is no change of a security group, but {image.kind}.")
    member = _member(image.account_id, image.region, role)
    plan = plan_undo(image, standing_rules(member.ec2, image.resource_id, image.account_id))
    _say(f"{image.account_id} {image.region} {image.resource_id}")
    _print_actions(plan.actions)
    if not plan.actions:
        _say("everything is as it was before")
        return
    _ask("Put it back?", yes=yes)
    table, group = f"gatewatch-{stage}", group_of(image)
    leave_alone(image, Guard(hub.dynamodb, table, Fight(), time.time))
    deed = OwnDeed(change_id, time.time(), is_undo=True)
    DeedBook(hub.dynamodb, table).note(deeds_of(group, plan.actions), deed)
    _finish(apply(image.resource_id, plan.actions, member.ec2))


def _member(account: str, region: str | None, role: str) -> Aws:
    from gatewatch.aws.clients import Aws
    from gatewatch.remediation.config_rule.member_role import SESSION, role_arn

    aws = Aws()
    where = region or aws.sts.meta.region_name
    if where in {None, "aws-global"}:
        raise typer.BadParameter("name a Region with --region, or in AWS_DEFAULT_REGION")
    return aws.assumed(role_arn(aws.partition(where), account, role), where, SESSION) if role else aws


def _apply(judged: Iterable[Judged], settings: Settings, member: Aws, account: str, stage: str, *, yes: bool) -> None:
    from gatewatch.alerts.own_actions import DeedBook
    from gatewatch.aws.clients import Aws
    from gatewatch.remediation.config_rule.annotation import left_text
    from gatewatch.remediation.ingress.conflict_guard import GroupRef, Guard
    from gatewatch.remediation.ingress.enforcer import Enforcer
    from gatewatch.remediation.ingress.suppression import Excepting
    from gatewatch.remediation.preimages import PreImages

    wanted = [each for each in judged if each.plan.actions]
    if not wanted:
        return
    _ask(f"Do this to {len(wanted)} groups?", yes=yes)
    hub, table = Aws(), f"gatewatch-{stage}"
    guard = Guard(hub.dynamodb, table, settings.ingress.fight, time.time)
    excepting = Excepting(settings.exceptions, settings.account)
    enforcer = Enforcer(PreImages(hub.dynamodb, table), guard, DeedBook(hub.dynamodb, table), excepting)
    steps: list[Step] = []
    for each in wanted:
        group = GroupRef(account, member.ec2.meta.region_name, each.group_id)
        done = enforcer.enforce(group, each.plan, each.standing, member, time.time())
        steps += done.steps
        for left in done.left:
            _say(f"{each.group_id} {left_text(left)}")
        if done.change_id:
            _say(f"{each.group_id} {done.change_id}; to undo: gatewatch undo {done.change_id}")
    _finish(steps)


def _print(judged: Judged) -> None:
    _say(f"{judged.group_id} {judged.verdict.state.value} {judged.verdict.annotation}")
    _print_actions(judged.plan.actions)


def _print_actions(actions: Iterable[Action]) -> None:
    from gatewatch.remediation.config_rule.annotation import rule_text
    from gatewatch.remediation.ingress.plan import Authorize, rule_of

    for each in actions:
        sign, rule = "+" if isinstance(each, Authorize) else "-", rule_of(each)
        _say(f"  {sign} {rule_text(rule)} {rule.rule_id or ''}".rstrip())


def _ask(question: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True)


def _finish(steps: Iterable[Step]) -> None:
    """What failed is said; then the exit status says it as well."""
    from gatewatch.remediation.config_rule.annotation import rule_text
    from gatewatch.remediation.ingress.plan import rule_of

    failed = [each for each in steps if not each.is_good]
    for each in failed:
        _say(f"failed: {rule_text(rule_of(each.action))} ({each.why})")
    _say("done" if not failed else "not everything could be done")
    if failed:
        raise typer.Exit(_NOT_COMPLIANT)


def _say(text: str) -> None:
    Console(highlight=False, soft_wrap=True).print(clean(text, 2000), markup=False)
