"""`gatewatch explain` names the fields that a decision rests on, and exceptions that were not applied."""

import json

import pytest

from support.builders import ACCOUNT, authorize, item
from support.command import gatewatch

SESSION = {
    "type": "AssumedRole",
    "principalId": "AROAX:terraform-x",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer/terraform-x",
    "accountId": ACCOUNT,
    "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{ACCOUNT}:role/Developer", "userName": "Developer"}},
}
POLICY = """
routes: [{to: [alerts]}]
exceptions:
  - {id: pipeline, match: {actor: "terraform*"}, effect: mute, owner: a, reason: r, ticket: T, expires: 2999-01-31}
"""


@pytest.fixture
def explained(tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY, "utf-8")
    (tmp_path / "accounts.yaml").write_text("{}", "utf-8")
    (tmp_path / "event.json").write_text(json.dumps(authorize(item(v4=["0.0.0.0/0"]), userIdentity=SESSION)), "utf-8")
    ran = gatewatch("explain", "event.json", cwd=tmp_path)
    assert ran.status == 0, ran.err
    return ran.out


def test_an_exception_by_session_name_is_not_applied_and_named(explained):
    assert "suppressed" not in explained
    assert "exception pipeline was not applied: it matches a session name" in explained
    (sent,) = (line for line in explained.splitlines() if line.startswith("sent to"))
    assert sent.split() == ["sent", "to", "alerts"]


def test_fields_of_the_caller_are_only_shown(explained):
    lines = {line.partition("  ")[0].strip(): line for line in explained.splitlines()}
    assert "userIdentity.sessionContext.sessionIssuer.arn" in lines["rests on"]
    assert "userAgent" not in lines["rests on"]
    assert "userAgent" in lines["only shown"]


def test_the_context_that_the_policy_asks_for_is_shown(tmp_path):
    (tmp_path / "policy.yaml").write_text(f"{POLICY}context: {{source_country: true, source_network: true}}\n", "utf-8")
    (tmp_path / "accounts.yaml").write_text("{}", "utf-8")
    event = authorize(item(v4=["0.0.0.0/0"]), sourceIPAddress="185.220.101.1")
    (tmp_path / "event.json").write_text(json.dumps(event), "utf-8")
    explained = gatewatch("explain", "event.json", cwd=tmp_path)
    assert "source      185.220.101.1 (DE, Tor)\n" in explained.out
    assert "reason    the source address is an exit of the Tor network\n" in explained.out
    (row,) = gatewatch("replay", "event.json", "--format", "json", cwd=tmp_path).rows
    assert "the source address is an exit of the Tor network" in row["reasons"]
