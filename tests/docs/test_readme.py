"""Every command of the README is run, every figure and file it names is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml

from gatewatch.config.settings import load_settings
from gatewatch.events.changes.registry import KINDS
from gatewatch.model.change import Family
from support.paths import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("console") for line in block.splitlines()]

STATUS = {"gatewatch comply docs/examples/security-groups.json": 1}  # as the README says: one is not compliant


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As a reader would type it, with the virtual environment's bin folder on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("gatewatch")])
def test_a_command_of_the_readme_runs(command: str, tmp_path: Path) -> None:
    for name in ("docs", "accounts.yaml", "policy.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "build").mkdir()
    result = run(command, tmp_path)
    assert result.returncode == STATUS.get(command, 0), result.stderr
    assert result.stdout or (tmp_path / "build").iterdir()


def test_both_first_commands_are_targets_that_run_what_other_tests_run() -> None:
    assert [each for each in COMMANDS if each.startswith("make")] == ["make demo", "make test"]
    assert "gatewatch demo" in run("make -n demo", ROOT).stdout
    assert "pytest" in run("make -n test", ROOT).stdout


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z]+)", README))))
def test_a_make_target_that_the_readme_names_is_there_and_has_help(target: str) -> None:
    assert run(f"make -n {target}", ROOT).returncode == 0
    assert re.search(rf"^  make {target} ", run("make help", ROOT).stdout, re.MULTILINE)


def test_the_trace_in_the_readme_is_what_explain_prints() -> None:
    (trace,) = blocks("text")
    printed = run("gatewatch explain docs/examples/ssh-to-the-world.json", ROOT).stdout
    assert trace.strip() in printed


def test_the_configuration_in_the_readme_is_valid(tmp_path: Path) -> None:
    accounts, policy = (yaml.safe_load(block) for block in blocks("yaml"))
    for name, content in (("accounts", accounts), ("policy", policy)):
        (tmp_path / f"{name}.json").write_bytes(msgspec.json.encode(content))
    settings = load_settings(tmp_path / "accounts.json", tmp_path / "policy.json")
    assert settings.account("111122223333").alias == "payments-prod"


def test_every_file_that_the_readme_shows_or_links_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target


FAMILIES = {
    Family.SECURITY_GROUP: "Security groups",
    Family.PREFIX_LIST: "Prefix lists",
    Family.ATTACHMENT: "Attachments",
    Family.IAM: "IAM",
    Family.SIGN_IN: "Sign-ins",
    Family.COMPLIANCE: "Compliance",
    Family.HUB: "Hub",
}


@pytest.mark.parametrize("name", sorted(name for (service, name) in KINDS if service == "ec2"))
def test_the_table_of_what_is_understood_names_every_call(name: str) -> None:
    """By its verb or its whole name: the table groups calls of one kind."""
    row = _row(FAMILIES[KINDS["ec2", name].family])
    verb = re.match(r"(Authorize|Revoke|Create|Delete|Modify|Restore|Associate|Disassociate|Update)", name)
    assert name in row or (verb and verb[0] in row)


@pytest.mark.parametrize("family", Family)
def test_the_table_of_what_is_understood_has_every_family(family: Family) -> None:
    assert _row(FAMILIES[family])


def _row(name: str) -> str:
    return next(line for line in README.splitlines() if line.startswith(f"| {name} |"))
