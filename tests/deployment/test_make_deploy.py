"""The recipe of `make deploy`, with stubs that record their arguments in place of gatewatch, Python and osls."""

import os
import subprocess

import pytest

from support.paths import ROOT

STUB = """#!/bin/sh
echo "$(basename "$0") $* CONFIG=$GATEWATCH_CONFIG" >> "$LOG"
case "$1" in
  deploy-options) echo --stage prod --region ap-northeast-2 ;;
  deploy-check) exit "$CHECK_STATUS" ;;
esac
"""


@pytest.fixture
def make(tmp_path):
    """Return a function that runs make with stubs and returns its exit status and the recorded calls."""
    (tmp_path / "bin").mkdir()
    for name in ("bin/gatewatch", "bin/python", "osls"):
        (tmp_path / name).write_text(STUB, "utf-8")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "bin" / ".ready").touch()
    log = tmp_path / "log"
    log.touch()

    def run(*arguments, status=0):
        variables = [f"BIN={tmp_path}/bin", f"READY={tmp_path}/bin/.ready", f"OSLS={tmp_path}/osls"]
        ran = subprocess.run(
            ["make", *variables, *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "LOG": str(log), "CHECK_STATUS": str(status)},
            capture_output=True,
            check=False,
        )
        return ran.returncode, log.read_text("utf-8").splitlines()

    return run


def test_a_deployment_is_checked_before_it_is_performed(make):
    status, calls = make("deploy", "STAGE=prod", "CONFIG=/config")
    assert status == 0
    assert [call.split(" CONFIG=")[0] for call in calls] == [
        "gatewatch check",
        "python -m tools.package --stage prod",
        "gatewatch deploy-options --stage prod",
        "osls package --stage prod --region ap-northeast-2",
        "gatewatch deploy-check --stage prod --template .serverless/cloudformation-template-update-stack.json",
        "osls deploy --stage prod --region ap-northeast-2",
    ]
    assert {call.split(" CONFIG=")[1] for call in calls} == {"/config"}


def test_a_failed_check_stops_the_deployment(make):
    status, calls = make("deploy", status=1)
    assert status != 0
    assert not [call for call in calls if call.startswith("osls deploy")]


def test_confirm_is_passed_to_the_check(make):
    _, calls = make("deploy", "CONFIRM=1")
    assert any("deploy-check" in call and call.split(" CONFIG=")[0].endswith("--confirm") for call in calls)


def test_the_hub_is_removed_only_when_it_is_confirmed(make):
    status, calls = make("undeploy")
    assert status != 0
    assert calls == []
    status, calls = make("undeploy", "CONFIRM=1")
    assert (status, any(call.startswith("osls remove --stage prod") for call in calls)) == (0, True)
