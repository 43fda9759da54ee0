"""The person's door: a thin skin over the pipeline. Wrong input gets one sentence and exit status 2."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gatewatch.cli.access_keys import keys
from gatewatch.cli.accounts import accounts as accounts_app
from gatewatch.cli.comply import comply, undo
from gatewatch.cli.dead_letters import dead
from gatewatch.cli.doctor import doctor, send_test
from gatewatch.errors import ConfigurationError, GatewatchError
from gatewatch.model.severity import Severity

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Who opened which gate in which AWS account.",
)

app.add_typer(dead, name="dead")
app.add_typer(accounts_app, name="accounts")
app.command(
    epilog="Examples: [bold]gatewatch comply groups.json[/bold] · "
    "[bold]gatewatch comply live --account 111122223333 --apply[/bold]"
)(comply)
app.command(epilog="Example: [bold]gatewatch undo chg-0123456789ab[/bold]")(undo)


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    SLACK = "slack"
    CHATBOT = "chatbot"
    EMAIL = "email"
    HTML = "html"


class DigestFormat(StrEnum):
    TEXT = "text"
    SLACK = "slack"
    HTML = "html"
    EMAIL = "email"


class SchemaOf(StrEnum):
    ACCOUNTS = "accounts"
    POLICY = "policy"


class LanguageOption(StrEnum):
    EN = "en"
    KO = "ko"
    JA = "ja"


Paths = Annotated[
    list[Path] | None,
    typer.Argument(help="Files or folders of events; - or nothing reads standard input.", show_default=False),
]
Accounts = Annotated[Path, typer.Option("--accounts", metavar="FILE", help="Who the accounts are.")]
Policy = Annotated[Path, typer.Option("--policy", metavar="FILE", help="How dangerous what is, and who hears of it.")]
Language = Annotated[
    LanguageOption | None,
    typer.Option("--language", help="Read messages in this language.", show_default=False),
]
ACCOUNTS = Path("accounts.yaml")
POLICY = Path("policy.yaml")


@app.command(
    epilog="Examples: [bold]gatewatch replay trail/[/bold] · "
    "[bold]zcat log.json.gz | gatewatch replay --format json[/bold] · "
    "[bold]gatewatch replay events.jsonl --min-severity high --format slack[/bold]"
)
def replay(
    paths: Paths = None,
    output: Annotated[Format, typer.Option("--format", help="What to print for each change.")] = Format.TEXT,
    accounts: Accounts = ACCOUNTS,
    policy: Policy = POLICY,
    language: Language = None,
    min_severity: Annotated[Severity, typer.Option(help="Leave out what is less severe.")] = Severity.INFO,
    jobs: Annotated[int, typer.Option(min=0, help="Read large folders with so many processes; 0: one a core.")] = 0,
) -> None:
    """Run events through the pipeline and print what it makes of them.

    Reads EventBridge events, CloudTrail records and log files (gzip or not), LookupEvents output, SNS and SQS
    Lambda events, in any mix. Exit status: 0 all read, 2 wrong usage or configuration, 3 something could not be
    decoded (named on standard error; the rest is still printed).
    """
    from gatewatch.cli import output as printers
    from gatewatch.cli import replay as desk

    judge = desk.judge(accounts, policy, language)
    printer = printers.printer(output, judge.settings, min_severity)
    raise typer.Exit(desk.replay_to(printer, paths or [], judge, jobs))


@app.command(epilog="Example: [bold]gatewatch explain event.json[/bold]")
def explain(
    paths: Paths = None, accounts: Accounts = ACCOUNTS, policy: Policy = POLICY, language: Language = None
) -> None:
    """Print the decision trace of an event: what was read, why it was judged so, where it goes."""
    from gatewatch.cli import output as printers
    from gatewatch.cli import replay as desk

    judge = desk.judge(accounts, policy, language)
    raise typer.Exit(desk.replay_to(printers.Trace(judge.settings), paths or [], judge))


@app.command(
    epilog="Examples: [bold]gatewatch digest trail/ --days 7[/bold] · "
    "[bold]gatewatch digest trail/ --format email > digest.eml[/bold]"
)
def digest(
    paths: Paths = None,
    output: Annotated[DigestFormat, typer.Option("--format", help="What to make of it.")] = DigestFormat.TEXT,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=36_500, help="Count only the last so many days of the events.", show_default=False),
    ] = None,
    accounts: Accounts = ACCOUNTS,
    policy: Policy = POLICY,
    language: Language = None,
) -> None:
    """Sum up events: what is still open to the world, who changed how much, what exceptions muted."""
    from gatewatch.cli import replay as desk
    from gatewatch.cli.digest import DigestPrinter

    judge = desk.judge(accounts, policy, language)
    raise typer.Exit(desk.replay_to(DigestPrinter(judge.settings, output, days), paths or [], judge))


@app.command(
    epilog="Examples: [bold]gatewatch check --policy policy.yaml[/bold] · [bold]gatewatch check --what-if trail/[/bold]"
)
def check(
    paths: Paths = None,
    what_if: Annotated[
        bool, typer.Option("--what-if", help="Tell what the policy would have done to past events.")
    ] = False,
    schema: Annotated[
        SchemaOf | None, typer.Option("--schema", help="Print the JSON Schema of a file, for an editor.")
    ] = None,
    accounts: Accounts = ACCOUNTS,
    policy: Policy = POLICY,
) -> None:
    """Check both configuration files as a deploy does, and say what is wrong with them and what to write instead.

    With --what-if and events: which exceptions and routes would have taken them, and the criticals that nobody
    would have seen. Exit status: 0 good, 2 something to mend, 3 an event could not be decoded.
    """
    from gatewatch.cli import replay as desk
    from gatewatch.cli import schemas

    if schema:
        typer.echo(schemas.schema(schema))
        return
    if paths and not what_if:
        raise ConfigurationError("check takes events only with --what-if; write gatewatch check --what-if EVENTS.")
    if what_if:
        raise typer.Exit(desk.what_if(accounts, policy, paths or []))
    desk.check(accounts, policy, datetime.now(UTC))


@app.command(epilog="Example: [bold]gatewatch demo --page inbox.html[/bold]")
def demo(
    page: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the inbox page.")] = Path(
        "build/demo/inbox.html"
    ),
) -> None:
    """Run the whole road once on this machine: embedded AWS, two member accounts, a local Slack inbox."""
    from gatewatch.local.demo.run import demo as run

    raise typer.Exit(run(page))


@app.command(epilog="Example: [bold]gatewatch up --port 8400[/bold]")
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the inbox listens; 0 takes any port.")] = 8400,
) -> None:
    """The same as demo, and stay: the inbox is live in a browser until Ctrl-C."""
    from gatewatch.local.demo.run import up as run

    raise typer.Exit(run(port))


app.command(epilog="Examples: gatewatch keys report.csv · gatewatch keys live --account 111122223333 --apply")(keys)
app.command(epilog="Examples: gatewatch doctor · gatewatch doctor --account 111122223333 --all")(doctor)
app.command(epilog="Example: gatewatch send-test sec-prod")(send_test)


def main() -> NoReturn:
    """Run the command line; every expected failure is a sentence on standard error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without the letters of a name still shows it
    try:
        app()
    except GatewatchError as error:
        sys.stderr.write(f"gatewatch: {error}\n")
        sys.exit(2)
    sys.exit(0)
