"""`gatewatch dead`: what could not be read or delivered, and sending it again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gatewatch.rendering.escaping import clean

if TYPE_CHECKING:
    from gatewatch.cli.dead_letter_queues import DeadQueues

dead = typer.Typer(
    no_args_is_help=True, help="What could not be read or delivered: list it, look at it, send it again."
)

Stage = Annotated[str, typer.Option("--stage", help="Which deployment.", metavar="NAME")]
STAGE = "prod"


def _queues(stage: str) -> DeadQueues:
    from gatewatch.aws.clients import Aws
    from gatewatch.cli.dead_letter_queues import DeadQueues

    return DeadQueues(Aws(), stage, time.time)


@dead.command("list", epilog="Example: gatewatch dead list --stage prod")
def list_(stage: Stage = STAGE) -> None:
    """List every dead message with the reason, oldest first."""
    letters = sorted(_queues(stage).letters(), key=lambda each: each.since)
    table = Table("message", "queue", "since (UTC)", "about", "reason")
    for each in letters:
        since = each.since.strftime("%Y-%m-%d %H:%M:%S")
        about, reason = Text(clean(each.subject)), Text(clean(each.reason))
        table.add_row(each.message_id, each.queue, since, about, reason)
    Console().print(table if letters else "nothing is dead")


@dead.command(epilog="Example: gatewatch dead show 7d2c… --stage prod")
def show(message_id: str, stage: Stage = STAGE) -> None:
    """Print one dead message whole."""
    letter = _queues(stage).letter(message_id)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{letter.message_id} in {letter.queue} since {letter.since:%Y-%m-%d %H:%M:%S} UTC", markup=False)
    console.print(f"reason: {clean(letter.reason, 1000)}", markup=False)
    console.print(clean(letter.body, 300_000), markup=False)


@dead.command(epilog="Examples: gatewatch dead redrive 7d2c… · gatewatch dead redrive --all")
def redrive(
    message_id: Annotated[str | None, typer.Argument(help="Which one.", show_default=False)] = None,
    stage: Stage = STAGE,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Send dead messages back to where they came from, once the cause is mended.

    What functions/access_keys gave up it is asked again: it looks at the keys as they stand, and does what
    policy.yaml says by now.
    """
    if (message_id is None) != everything:
        raise typer.BadParameter("name one message, or say --all")
    from gatewatch.cli.dead_letter_queues import DeadError

    queues = _queues(stage)
    wanted = queues.letter(message_id).message_id if message_id else None
    console = Console(highlight=False, soft_wrap=True)
    count = 0
    for letter in queues.redrive(lambda each: wanted is None or each.message_id == wanted):
        count += 1
        console.print(f"sent again: {letter.message_id} ({clean(letter.subject)})", markup=False)
    if wanted and not count:
        raise DeadError(f"{wanted} cannot be sent again: nobody would understand it")
    console.print(f"{count} sent again")
