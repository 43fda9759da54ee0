"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class LanguageOption(StrEnum):
    EN = "en"
    KO = "ko"
    JA = "ja"


class ListFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATHS", help="Files, folders, s3://bucket/prefix; - or nothing: standard input."),
]
Config = Annotated[
    Path,
    typer.Option(
        "--config",
        metavar="DIR",
        envvar="GATEWATCH_CONFIG",
        help="Folder of accounts.yaml, policy.yaml and deploy/.",
    ),
]
Accounts = Annotated[
    Path | None,
    typer.Option("--accounts", metavar="FILE", help="The accounts; overrides --config.", show_default=False),
]
Policy = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="Rules, routes, exceptions; overrides --config.", show_default=False),
]
Language = Annotated[
    LanguageOption | None,
    typer.Option("--language", help="Language of the messages; overrides accounts.yaml.", show_default=False),
]
Stage = Annotated[str, typer.Option("--stage", help="The stage of the deployment.", metavar="NAME")]
ListOutput = Annotated[ListFormat, typer.Option("--format", help="table, json (one array) or csv.")]
CONFIG = Path()
STAGE = "prod"


def examples(*commands: str) -> str:
    """The end of the help text of a command."""
    return "\b\nExamples:\n" + "\n".join(f"  {each}" for each in commands)


def configuration_files(config: Path, accounts: Path | None, policy: Path | None) -> tuple[Path, Path]:
    """Return the paths of accounts.yaml and policy.yaml."""
    return accounts or config / "accounts.yaml", policy or config / "policy.yaml"
