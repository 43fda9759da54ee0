"""README.md and docs/commands.md: every command runs, every file and table matches the code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gatewatch.events.changes.registry import CALL_SPECS
from gatewatch.model.change import Family
from support.limits import GUARD_SECONDS
from support.markdown import PAGES, blocks, commands
from support.paths import ROOT

README = PAGES["README.md"]
COMMANDS = list(dict.fromkeys([*commands(README), *commands(PAGES["docs/commands.md"])]))
STATUS = {"gatewatch comply docs/security-groups.json": 1}  # one of the groups is not compliant


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line with the virtual environment on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=GUARD_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("gatewatch")])
def test_a_command_runs(command: str, tmp_path: Path) -> None:
    for name in ("docs", "accounts.yaml", "policy.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "build").mkdir()
    result = run(command, tmp_path)
    assert result.returncode == STATUS.get(command, 0), result.stderr
    assert result.stdout or (tmp_path / "build").iterdir()


def test_the_first_command_is_the_demo_and_the_last_the_tests() -> None:
    assert [each for each in commands(README) if each.startswith("make")] == ["make demo", "make setup", "make test"]
    assert "gatewatch demo" in run("make -n demo", ROOT).stdout
    assert "pytest" in run("make -n test", ROOT).stdout


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z]+)", README))))
def test_a_make_target_exists_and_has_a_help_text(target: str) -> None:
    assert run(f"make -n {target}", ROOT).returncode == 0
    assert re.search(rf"^  make {target} ", run("make help", ROOT).stdout, re.MULTILINE)


def test_the_decision_trace_is_what_explain_prints() -> None:
    (trace,) = blocks(PAGES["docs/commands.md"], "text")
    printed = run("gatewatch explain docs/examples/ssh-to-the-world.json", ROOT).stdout
    assert trace.strip() in printed


def test_the_examples_show_every_family_without_a_warning() -> None:
    result = run("gatewatch replay docs/examples --format json", ROOT)
    families = {json.loads(line)["family"] for line in result.stdout.splitlines()}
    assert (families, result.stderr) == (set(Family), "")


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


FAMILIES = {
    Family.SECURITY_GROUP: "Security groups",
    Family.PREFIX_LIST: "Prefix lists",
    Family.ATTACHMENT: "Attachments",
    Family.IAM: "IAM",
    Family.SIGN_IN: "Sign-ins",
    Family.COMPLIANCE: "Compliance",
    Family.HUB: "Hub",
    Family.NETWORK: "Network",
    Family.PUBLIC_ACCESS: "Public access",
    Family.ORGANIZATION: "Organization",
    Family.DETECTION: "Detection",
}


OF_GROUPS = {Family.SECURITY_GROUP, Family.PREFIX_LIST}


@pytest.mark.parametrize(
    "name", sorted(name for (_, name), (spec, *_) in CALL_SPECS.items() if spec.family in OF_GROUPS)
)
def test_the_table_of_families_has_every_call_of_groups_and_lists(name: str) -> None:
    """A call is listed by its verb or its whole name; docs/events.md lists those of the other families."""
    row = _row(FAMILIES[CALL_SPECS["ec2", name][0].family])
    verb = re.match(r"(Authorize|Revoke|Create|Delete|Modify|Restore|Associate|Disassociate|Update)", name)
    assert name in row or (verb and verb[0] in row)


@pytest.mark.parametrize("family", Family)
def test_the_table_of_families_has_every_family(family: Family) -> None:
    assert _row(FAMILIES[family])


def _row(name: str) -> str:
    return next(line for line in README.splitlines() if line.startswith(f"| {name} |"))
