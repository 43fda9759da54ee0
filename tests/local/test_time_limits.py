"""Beside the local AWS nothing is given up because the machine is busy."""

import logging
import socket

import pytest

from gatewatch.alerts.rule_history_table import DynamoRuleHistory
from gatewatch.local.aws.server import Cloud
from gatewatch.local.aws.time_limits import without_time_limits


def timeout_of_a_socket(seconds):
    with socket.socket() as found:
        found.settimeout(seconds)
        return found.gettimeout()


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, 600.0), (60.0, 600.0), (900.0, 900.0), (0, 0), (None, None)])
def test_an_answer_is_awaited_for_ten_minutes(seconds, expected):
    with Cloud():
        assert timeout_of_a_socket(seconds) == expected
    assert timeout_of_a_socket(seconds) == seconds


def rules_of_a_slow_table():
    """What the rule history reads in a request before which five seconds pass; None when it gives up."""
    now = iter([0.0, 0.0, 5.0])
    history = DynamoRuleHistory(None, logging.getLogger("test"), lambda: next(now, 5.0))
    budget = vars(history)["_budget"]
    return budget.run("slow", lambda check_time: check_time() or "rules")


def test_a_table_that_takes_five_seconds_is_read():
    with without_time_limits():
        assert rules_of_a_slow_table() == "rules"
    assert rules_of_a_slow_table() is None
