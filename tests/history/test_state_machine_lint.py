"""cfn-lint reads the state machine of history/stack.yaml by its own schema of the Amazon States Language."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.paths import ROOT

STACK = ROOT / "history" / "stack.yaml"
MISTAKES = {
    "no such state": ("StartAt: Batches", "StartAt: Missing"),
    "no such type": ("Type: Map", "Type: Mop"),
    "no such key": ("Label: batches", "Lable: batches"),
}


@pytest.mark.slow
def test_the_state_machine_is_of_the_language_and_each_mistake_in_it_is_found(tmp_path):
    whole = STACK.read_text("utf-8")
    (tmp_path / "whole.yaml").write_text(whole, "utf-8")
    for name, (right, wrong) in MISTAKES.items():
        assert whole.count(right) == 1
        (tmp_path / f"{name}.yaml").write_text(whole.replace(right, wrong), "utf-8")
    lint = Path(sys.executable).with_name("cfn-lint")
    answer = subprocess.run(
        [lint, "-r", "us-east-1", "-f", "parseable", "--", *sorted(tmp_path.glob("*.yaml"))],
        capture_output=True,
        text=True,
        check=False,
    )
    found = {Path(line.split(":")[0]).stem for line in answer.stdout.splitlines() if ":E3601:" in line}
    assert found == MISTAKES.keys(), answer.stdout + answer.stderr
