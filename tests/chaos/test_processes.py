"""SIGKILL, for real: a few dozen events through processes that die at work."""

import pytest

from chaos.kills import run


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_processes_that_are_killed_lose_nothing(tmp_path, seed):
    report = run(tmp_path, count=15, kills=2, seed=seed)
    assert report.violations == []
    assert report.killed.total() == 2
