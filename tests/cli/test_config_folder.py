"""`--config` and GATEWATCH_CONFIG: configuration files outside the clone."""

import pytest
from typer.testing import CliRunner

from gatewatch.cli.app import app
from support.paths import ROOT

EVENT = str(ROOT / "docs" / "examples" / "ssh-to-the-world.json")
GROUPS = str(ROOT / "docs" / "examples" / "security-groups.json")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "accounts.yaml").write_text('accounts: {"111122223333": {alias: from-the-folder}}\n')
    (tmp_path / "policy.yaml").write_text("routes: [{to: [alerts]}]\n")
    return tmp_path


@pytest.mark.parametrize("arguments", [["replay", EVENT], ["explain", EVENT], ["digest", EVENT, "--format", "html"]])
def test_a_command_reads_the_files_of_the_folder(folder, arguments):
    assert "from-the-folder" in CliRunner().invoke(app, [*arguments, "--config", str(folder)]).stdout


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["comply", GROUPS], ["keys", "report.csv"], ["send-test", "alerts"], ["replay", EVENT], ["doctor"]],
)
def test_a_command_names_the_file_of_the_folder_that_is_missing(tmp_path, arguments):
    ran = CliRunner().invoke(app, [*arguments, "--config", str(tmp_path / "nowhere")])
    assert str(tmp_path / "nowhere" / "accounts.yaml") in str(ran.exception)


def test_the_environment_variable_names_the_folder(folder, monkeypatch):
    monkeypatch.setenv("GATEWATCH_CONFIG", str(folder))
    assert "from-the-folder" in CliRunner().invoke(app, ["explain", EVENT]).stdout


def test_a_file_option_overrides_the_folder(folder):
    other = folder / "other.yaml"
    other.write_text('accounts: {"111122223333": {alias: from-the-option}}\n')
    ran = CliRunner().invoke(app, ["explain", EVENT, "--config", str(folder), "--accounts", str(other)])
    assert "from-the-option" in ran.stdout
