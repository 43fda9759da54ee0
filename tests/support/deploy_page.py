"""docs/deploy.md as a new user follows it: its commands, typed in a clone of this repository, on a local AWS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from moto.cloudformation.models import Stack, StackInstances

from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud, without_unsupported_resource_warnings
from gatewatch.local.aws.sessions import without_aws
from support.markdown import PAGES, commands
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = PAGES["docs/deploy.md"]
_OSLS = ROOT / "node_modules" / ".bin" / "osls"
WEBHOOK = "https://hooks.slack.com/services/T00000000/B00000000/0123456789abcdefghijABCD"
# What a person types where a command asks.
ANSWERS = {
    "gatewatch init": f"{HUB_ACCOUNT}\n{HUB_REGION}\nus-east-1,{HUB_REGION}\n\n",
    "gatewatch store-secret": WEBHOOK + "\n",
    "gatewatch members remove": "y\n",
}
# The local AWS has no trail, no Slack and no running functions, so the doctor finds errors; it has to run.
STATUS = {"gatewatch doctor": 1}
MISSING = (
    ""
    if shutil.which("node") and _OSLS.exists() and (ROOT / ".git").exists()
    else "this needs a checkout, Node.js and osls; run `npm ci`"
)


def section(title: str) -> list[str]:
    """Return the commands of a section of the page."""
    return commands(PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0])


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    return subprocess.run(
        ["git", *identity, "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    ).stdout


@dataclass
class NewUser:
    """A shell in a clone. `steps` has each command with its seconds and whether it ended as expected."""

    clone: Path
    home: Path
    environment: dict[str, str]
    steps: list[tuple[str, float, bool]] = field(default_factory=list)

    def type(self, line: str, status: int | None = None, **variables: str) -> str:
        """Run a command line; `source` and `export` last for the following ones. Return its output."""
        words = line.split()
        if words[0] == "source":
            self.environment["PATH"] = f"{(self.clone / words[1]).parent}:{self.environment['PATH']}"
            return ""
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self.environment[name] = value.replace("~", str(self.home))
            return ""
        started = time.monotonic()
        ran = subprocess.run(
            ["bash", "-c", line],
            cwd=self.clone,
            env=self.environment | variables,
            input=ANSWERS.get(" ".join(words[:2]), ANSWERS.get(" ".join(words[:3]), "")),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        expected = STATUS.get(" ".join(words[:2]), 0) if status is None else status
        self.steps.append((line, time.monotonic() - started, ran.returncode == expected))
        assert ran.returncode == expected, f"{line}\n{ran.stdout}{ran.stderr}"
        return ran.stdout + ran.stderr

    def edit(self, file: str, *keys: str, value: object) -> None:
        """Set a key of a YAML file of the configuration, as with an editor."""
        path = self.home / "gatewatch-config" / file
        loaded = inner = yaml.safe_load(path.read_text("utf-8"))
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        path.write_text(yaml.safe_dump(loaded), "utf-8")

    def table(self, title: str) -> str:
        """Return the steps with their seconds as lines."""
        rows = [f"{seconds:7.1f} s  {'' if fine else 'STUMBLE '}{line}" for line, seconds, fine in self.steps]
        total = sum(seconds for _, seconds, _ in self.steps)
        stumbles = sum(not fine for *_, fine in self.steps)
        return "\n".join(
            [title, *rows, f"{total / 60:.1f} minutes, {len(self.steps)} commands, {stumbles} stumbles", ""]
        )


def parameters_as_aws_shows_them(stack: Stack) -> list[dict[str, str]]:
    """Return the parameters of a stack with lists as they were given; moto shows them as Python writes a list."""
    found = stack.stack_parameters.items()
    return [
        {"ParameterKey": key, "ParameterValue": ",".join(each) if isinstance(each, list) else each}
        for key, each in found
    ]


def one_at_a_time(create: Callable[..., Any]) -> Callable[..., Any]:
    """Let a repeated request wait for the first one, after which there is nothing to create, as on AWS.

    moto creates every stack before it answers, which may take longer than a client waits.
    """
    lock = Lock()

    @wraps(create)
    def locked(*arguments: Any, **named: Any) -> Any:
        with lock:
            return create(*arguments, **named)

    return locked


@contextmanager
def local_aws() -> Iterator[Cloud]:
    """Start a local AWS that shows parameters as AWS does."""
    with pytest.MonkeyPatch.context() as patch, Cloud() as cloud, without_unsupported_resource_warnings():
        patch.setattr(Stack, "parameter_list", property(parameters_as_aws_shows_them))
        patch.setattr(StackInstances, "create_instances", one_at_a_time(StackInstances.create_instances))
        yield cloud


def new_user(cloud: Cloud, folder: Path) -> NewUser:
    """Clone this repository, with a tag, for a person with credentials of the monitoring account."""
    origin, clone, home = folder / "origin", folder / "clone", folder / "home"
    git(folder, "clone", "-q", str(ROOT), str(origin))
    git(origin, "tag", "-f", "v0.1.0")
    git(folder, "clone", "-q", str(origin), str(clone))
    home.mkdir()
    environment = without_aws(os.environ) | cloud.variables(HUB_ACCOUNT, HUB_REGION) | {"HOME": str(home)}
    caches = {"UV_CACHE_DIR": Path.home() / ".cache" / "uv", "npm_config_cache": Path.home() / ".npm"}
    environment |= {name: str(path) for name, path in caches.items()}
    for name in ("GATEWATCH_CONFIG", "VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS"):
        environment.pop(name, None)
    return NewUser(clone, home, environment)


def report(user: NewUser, title: str) -> None:
    """Print the table and add it to the file that was asked for; start a new one."""
    text = user.table(title)
    sys.stdout.write(text)
    if target := os.environ.get("GATEWATCH_DEPLOY_TABLE"):
        with Path(target).open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    user.steps.clear()
