"""The command line application."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gatewatch.cli.access_keys import keys
from gatewatch.cli.accounts import accounts_app
from gatewatch.cli.act import act_app
from gatewatch.cli.check import check
from gatewatch.cli.comply import comply
from gatewatch.cli.dead_letters import dead_letters
from gatewatch.cli.demo import demo, up
from gatewatch.cli.deploy import deploy_check, deploy_options
from gatewatch.cli.digest import digest
from gatewatch.cli.doctor import doctor, send_test
from gatewatch.cli.explain import explain
from gatewatch.cli.first_calls import first_calls
from gatewatch.cli.history import history_app
from gatewatch.cli.init import init
from gatewatch.cli.members import members_app
from gatewatch.cli.open_items import open_
from gatewatch.cli.options import examples
from gatewatch.cli.replay import replay
from gatewatch.cli.store_secret import store_secret
from gatewatch.cli.trend import trend
from gatewatch.cli.undo import undo

if TYPE_CHECKING:
    from collections.abc import Callable

# Plain help: rich would take more time to import than everything else.
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order of the help: everyday commands first.
_EXAMPLES: dict[Callable[..., None], tuple[str, ...]] = {
    replay: (
        "gatewatch replay trail/",
        "zcat log.json.gz | gatewatch replay --format json",
        "gatewatch replay events.jsonl --min-severity high --format slack",
    ),
    explain: ("gatewatch explain event.json",),
    check: ("gatewatch check --policy policy.yaml", "gatewatch check --what-if trail/"),
    digest: ("gatewatch digest trail/ --days 7", "gatewatch digest trail/ --format email > digest.eml"),
    doctor: ("gatewatch doctor", "gatewatch doctor --account 111122223333 --all"),
    open_: ("gatewatch open", "gatewatch open --account 111122223333 --format csv"),
    first_calls: ("gatewatch first-calls s3://org-trail/AWSLogs --dry-run",),
    trend: ("gatewatch trend", "gatewatch trend --days 30 --format json"),
    keys: ("gatewatch keys report.csv", "gatewatch keys live --account 111122223333 --apply"),
    comply: ("gatewatch comply groups.json", "gatewatch comply live --account 111122223333 --apply"),
    undo: ("gatewatch undo chg-0123456789ab",),
    send_test: ("gatewatch send-test sec-prod",),
    init: ("gatewatch init ~/gatewatch-config --accounts 111122223333",),
    store_secret: ("gatewatch store-secret sec-prod",),
    deploy_check: ("gatewatch deploy-check --stage prod",),
    deploy_options: ("gatewatch deploy-options --stage prod",),
    demo: ("gatewatch demo --page inbox.html",),
    up: ("gatewatch up --port 8400",),
}

for _command, _examples in _EXAMPLES.items():
    _name = _command.__name__.rstrip("_").replace("_", "-")  # `open_`, because `open` is a builtin
    app.command(_name, epilog=examples(*_examples))(_command)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(act_app, name="act")
app.add_typer(accounts_app, name="accounts")
app.add_typer(members_app, name="members")
app.add_typer(history_app, name="history")


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the signature of a callback
    if wanted:
        from gatewatch.cli.version import version_text

        typer.echo(version_text())
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Alerts for changes of security groups, IAM and monitoring in many AWS accounts."""


def main() -> NoReturn:
    """Run the command line; print expected errors on standard error with exit status 2."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that the terminal's encoding lacks are still shown
    try:
        try:
            app(prog_name="gatewatch")
        finally:
            if sys.stdout:
                sys.stdout.flush()  # a disk that is full is an error of the command, and not one of its end
    except Exception as error:
        from gatewatch.cli.errors import message_of

        message = message_of(error)
        if message is None:
            raise
        sys.stderr.write(f"gatewatch: {message}\n")
        if isinstance(error, OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the rest is not written at the end again
        sys.exit(2)
    sys.exit(0)
