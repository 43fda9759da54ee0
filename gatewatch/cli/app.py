"""The command line application."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, NoReturn

import typer

from gatewatch.cli.access_keys import keys
from gatewatch.cli.accounts import accounts_app
from gatewatch.cli.check import check
from gatewatch.cli.comply import comply
from gatewatch.cli.dead_letters import dead_letters
from gatewatch.cli.demo import demo, up
from gatewatch.cli.deploy import deploy_check, deploy_options
from gatewatch.cli.digest import digest
from gatewatch.cli.doctor import doctor, send_test
from gatewatch.cli.explain import explain
from gatewatch.cli.init import init
from gatewatch.cli.members import members_app
from gatewatch.cli.replay import replay
from gatewatch.cli.store_secret import store_secret
from gatewatch.cli.undo import undo
from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Alerts for changes of security groups, IAM and monitoring in many AWS accounts.",
)

_EXAMPLES: dict[Callable[..., None], tuple[str, ...]] = {
    replay: (
        "gatewatch replay trail/",
        "zcat log.json.gz | gatewatch replay --format json",
        "gatewatch replay events.jsonl --min-severity high --format slack",
    ),
    explain: ("gatewatch explain event.json",),
    digest: ("gatewatch digest trail/ --days 7", "gatewatch digest trail/ --format email > digest.eml"),
    check: ("gatewatch check --policy policy.yaml", "gatewatch check --what-if trail/"),
    demo: ("gatewatch demo --page inbox.html",),
    up: ("gatewatch up --port 8400",),
    comply: ("gatewatch comply groups.json", "gatewatch comply live --account 111122223333 --apply"),
    undo: ("gatewatch undo chg-0123456789ab",),
    keys: ("gatewatch keys report.csv", "gatewatch keys live --account 111122223333 --apply"),
    doctor: ("gatewatch doctor", "gatewatch doctor --account 111122223333 --all"),
    send_test: ("gatewatch send-test sec-prod",),
    init: ("gatewatch init ~/gatewatch-config --accounts 111122223333",),
    store_secret: ("gatewatch store-secret sec-prod",),
    deploy_check: ("gatewatch deploy-check --stage prod",),
    deploy_options: ("gatewatch deploy-options --stage prod",),
}

for _command, _examples in _EXAMPLES.items():
    _title = "Example" if len(_examples) == 1 else "Examples"
    app.command(epilog=f"{_title}: " + " · ".join(f"[bold]{each}[/bold]" for each in _examples))(_command)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(accounts_app, name="accounts")
app.add_typer(members_app, name="members")


def main() -> NoReturn:
    """Run the command line; print expected errors on standard error with exit status 2."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that the terminal's encoding lacks are still shown
    try:
        app()
    except GatewatchError as error:
        sys.stderr.write(f"gatewatch: {error}\n")
        sys.exit(2)
    sys.exit(0)
