"""`gatewatch dead-letters`: messages that could not be processed or delivered, and their redrive."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.options import STAGE, ListFormat, ListOutput, Stage, examples

if TYPE_CHECKING:
    from gatewatch.cli.dead_letter_queues import DeadLetterQueues

dead_letters = typer.Typer(no_args_is_help=True, help="List, show and redrive messages of the dead-letter queues.")


def _queues(stage: str) -> DeadLetterQueues:
    from gatewatch.aws.clients import Aws
    from gatewatch.cli.dead_letter_queues import DeadLetterQueues

    return DeadLetterQueues(Aws(), stage, time.time)


@dead_letters.command("list", epilog=examples("gatewatch dead-letters list --stage prod"))
def list_(stage: Stage = STAGE, output: ListOutput = ListFormat.TABLE) -> None:
    """List all messages with the reason, oldest first."""
    from gatewatch.cli.dead_letter import DeadLetterRow, row_of_dead_letter
    from gatewatch.cli.listing import print_list

    found = sorted(_queues(stage).receive_all(), key=lambda each: each.since)
    print_list([row_of_dead_letter(each) for each in found], DeadLetterRow, output)
    if not found and output is ListFormat.TABLE:
        typer.echo("no dead-letter messages")


@dead_letters.command(epilog=examples("gatewatch dead-letters show 7d2c… --stage prod"))
def show(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the message or of its event.")],
    stage: Stage = STAGE,
) -> None:
    """Print one message with its full body."""
    from gatewatch.rendering.escaping import sanitize

    found = _queues(stage).find(message_id)
    typer.echo(f"{found.message_id} in {found.queue} since {found.since:%Y-%m-%d %H:%M:%S} UTC")
    typer.echo(f"reason: {sanitize(found.reason, 1000)}")
    typer.echo(sanitize(found.readable_body, 300_000))


@dead_letters.command(epilog=examples("gatewatch dead-letters redrive 7d2c…", "gatewatch dead-letters redrive --all"))
def redrive(
    message_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Id of the message or of its event.", show_default=False)
    ] = None,
    stage: Stage = STAGE,
    everything: Annotated[bool, typer.Option("--all", help="Redrive all messages.")] = False,
) -> None:
    """Return messages to the queues they came from.

    Fix the cause first; gatewatch dead-letters list has the reason of each.

    For access-keys messages, functions/access_keys is invoked again: it evaluates the current keys by the current
    policy.yaml.
    """
    if (message_id is None) != everything:
        raise typer.BadParameter("give one message id, or --all")
    from gatewatch.cli.dead_letter_queues import DeadLetterError
    from gatewatch.rendering.escaping import sanitize

    queues = _queues(stage)
    wanted = queues.find(message_id).message_id if message_id else None
    count = 0
    for each in queues.redrive(lambda one: wanted is None or one.message_id == wanted):
        count += 1
        typer.echo(f"redriven: {each.message_id} ({sanitize(each.subject)})")
    if wanted and not count:
        raise DeadLetterError(f"{wanted} cannot be redriven: its content is unreadable")
    typer.echo(f"{count} redriven")
