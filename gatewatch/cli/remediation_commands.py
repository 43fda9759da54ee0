"""What `gatewatch comply` and `gatewatch undo` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.aws.clients import Aws
    from gatewatch.remediation.ingress.executor import StepResult

NOT_COMPLIANT = 1
ROLE, REVERT_ROLE = "gatewatch/gatewatch-remediation", "gatewatch/gatewatch-revert"

Region = Annotated[
    str | None, typer.Option("--region", help="The Region; default: AWS_DEFAULT_REGION.", show_default=False)
]
Role = Annotated[str, typer.Option("--role", help="Role to assume in the member account; empty: your own credentials.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def member_clients(account: str, region: str | None, role: str) -> Aws:
    """Return clients with the credentials of a role in a member. Raises botocore's `NoRegionError`."""
    from botocore.exceptions import NoRegionError

    from gatewatch.aws.clients import Aws
    from gatewatch.aws.roles import role_arn
    from gatewatch.remediation.config_rule.member_role import SESSION_NAME

    aws = Aws()
    region = region or aws.sts.meta.region_name
    if region in {None, "aws-global"}:
        raise NoRegionError
    return aws.assume_role(role_arn(aws.partition(region), account, role), region, SESSION_NAME) if role else aws


def confirm(question: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True)


def report_steps(steps: Iterable[StepResult]) -> None:
    """Print the failed steps; exit with status 1 when there are any."""
    from gatewatch.remediation.config_rule.annotation import rule_text
    from gatewatch.remediation.ingress.plan import rule_of

    failed = [each for each in steps if not each.succeeded]
    for each in failed:
        print_line(f"failed: {rule_text(rule_of(each.action))} ({each.reason})")
    print_line("done" if not failed else "some changes failed")
    if failed:
        raise typer.Exit(NOT_COMPLIANT)


def print_line(text: str) -> None:
    print_lines([text])


def print_lines(texts: Iterable[str]) -> None:
    """Print sanitized lines in one write, because a list may have thousands."""
    from gatewatch.rendering.escaping import sanitize

    typer.echo("".join(f"{sanitize(each, 2000)}\n" for each in texts), nl=False)
