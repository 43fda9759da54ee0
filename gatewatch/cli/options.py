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


Paths = Annotated[
    list[Path] | None,
    typer.Argument(help="Files or folders of events; - or nothing reads standard input.", show_default=False),
]
Accounts = Annotated[Path, typer.Option("--accounts", metavar="FILE", help="The accounts and their settings.")]
Policy = Annotated[Path, typer.Option("--policy", metavar="FILE", help="Severity rules, routes and exceptions.")]
Language = Annotated[
    LanguageOption | None,
    typer.Option("--language", help="Language of the messages; overrides accounts.yaml.", show_default=False),
]
Stage = Annotated[str, typer.Option("--stage", help="The stage of the deployment.", metavar="NAME")]
ACCOUNTS = Path("accounts.yaml")
POLICY = Path("policy.yaml")
STAGE = "prod"
