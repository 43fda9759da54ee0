"""Every command of every page: run in this repository, or read by a parser of its program. None is only prose."""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import partial
from typing import TYPE_CHECKING

import pytest
import typer

from gatewatch.cli.app import app
from support.aws_cli import problems as problems_of_aws
from support.markdown import PAGES, commands, inline_code
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMANDS = sorted({line for text in PAGES.values() for line in commands(text)})
# Languages of blocks that hold no commands.
NO_COMMANDS = {"yaml", "json", "text", "hcl", "sql", "python", "jsonc", ""}


def problems_of_gatewatch(line: str) -> list[str]:
    """Return unknown commands and options, missing arguments, and values that an option does not have."""
    words = shlex.split(re.split(r" [>|] ", line)[0])[1:]
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
    if hasattr(command, "commands"):
        return [f"no command {' '.join(words)}"]
    answers = {each.name: "answer" for each in command.params if getattr(each, "prompt", None)}
    try:
        command.make_context("gatewatch", words, default_map=answers)
    except typer.Exit:
        return []
    except Exception as error:  # noqa: BLE001  usage errors of typer and click
        return [str(error)]
    return []


def problems_of_make(line: str) -> list[str]:
    """Return why make cannot plan a target."""
    ran = subprocess.run(
        shlex.split(line.replace("make ", "make -n ", 1)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    return [ran.stderr] if ran.returncode else []


def problems_of_terraform(line: str) -> list[str]:
    """Return an unknown command, a folder without modules and variables that it does not declare."""
    words = shlex.split(line)[1:]
    folder = ROOT / words[0].removeprefix("-chdir=")
    texts = [path.read_text("utf-8") for path in folder.glob("*.tf")]
    blocks = dict(re.findall(r'^variable "(\w+)" \{(.*?)^\}', "\n".join(texts), re.MULTILINE | re.DOTALL))
    required = {name for name, block in blocks.items() if "default" not in block}
    given = {word.removeprefix("-var=").partition("=")[0] for word in words[2:]}
    unknown = given - blocks.keys()
    missing = set() if words[1] == "init" else required - given
    return [*([] if texts else [f"{folder} has no modules"]), *sorted(unknown | missing)]


def problems_of_shell(line: str, *, programs: set[str]) -> list[str]:
    """Return a syntax error, or a program that is not expected."""
    ran = subprocess.run(["bash", "-n", "-c", line], capture_output=True, text=True, check=False)
    return [ran.stderr] if ran.returncode else sorted({line.split(maxsplit=1)[0]} - programs)


# How a command is checked, by its first word. tests/docs/test_readme.py also runs those of README.md and
# docs/commands.md.
CHECKS: dict[str, Callable[[str], list[str]]] = {
    "gatewatch": problems_of_gatewatch,
    "make": problems_of_make,
    "aws": problems_of_aws,
    "terraform": problems_of_terraform,
    "source": partial(problems_of_shell, programs={"source"}),
    "export": partial(problems_of_shell, programs={"export"}),
    "git": partial(problems_of_shell, programs={"git"}),
}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_right(line: str) -> None:
    assert line.split(maxsplit=1)[0] in CHECKS, "no test knows how to check this command"
    assert CHECKS[line.split(maxsplit=1)[0]](line) == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_in_console_blocks_only(page: str) -> None:
    fenced = list(fenced_lines(PAGES[page]))
    assert {language for language, _ in fenced} <= NO_COMMANDS | {"console"}
    others = [line for language, line in fenced if language != "console"]
    assert [line for line in others if re.match(r"(\$ )?(gatewatch|make|aws|terraform|git) [a-z-]+( |$)", line)] == []


def fenced_lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield the language of the block and the line for each line of the fenced blocks."""
    language = None
    for line in text.splitlines():
        if line.startswith("```"):
            language = line.removeprefix("```") if language is None else None
        elif language is not None:
            yield language, line


@pytest.mark.parametrize("page", PAGES)
def test_a_command_in_a_sentence_exists(page: str) -> None:
    wrong = {code: found for code in inline_code(PAGES[page]) if (found := problems_in_a_sentence(code))}
    assert wrong == {}


def problems_in_a_sentence(code: str) -> list[str]:
    """Arguments may be left out in a sentence; options have to exist."""
    words = code.split()
    if words[0] == "make" and len(words) > 1:
        return [] if re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE) else [code]
    if words[0] != "gatewatch" or len(words) == 1 or not re.match(r"[a-z-]+$", words[1]):
        return []
    command = typer.main.get_command(app)
    remaining = words[1:]
    while remaining and remaining[0].rstrip(",") in getattr(command, "commands", {}):
        command = command.commands[remaining.pop(0).rstrip(",")]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    unknown = [
        word for word in remaining if word.startswith("-") and word.partition("=")[0] not in known and word != "-"
    ]
    return unknown or ([code] if command is typer.main.get_command(app) else [])


@pytest.mark.parametrize(
    "line",
    [
        "gatewatch repaly docs/examples",
        "gatewatch replay --formats json",
        "gatewatch replay --format jsn docs",
        "gatewatch undo",
        "make deplyo",
        "aws sns subscribe --protocl email",
        "aws ec3 describe-instances",
        "terraform -chdir=terraform/examples/one-account apply -var=stage=prod.yaml",
        "export A='",
    ],
)
def test_a_wrong_command_is_found(line: str) -> None:
    assert CHECKS[line.split(maxsplit=1)[0]](line) != []
