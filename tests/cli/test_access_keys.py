"""`gatewatch keys`, run as a person runs it: a table, and nothing touched without --apply and a yes."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from gatewatch.cli.access_keys_live import KeysDeskError
from gatewatch.cli.app import app
from gatewatch.delivery.outbox import read_message
from gatewatch.errors import ConfigurationError
from gatewatch.remediation.access_keys.credential_report import ReportError

PROD, DEV = "111122223333", "444455556666"
POLICY = """
access_keys: {warn_after_days: 75, deactivate_after_days: 90, recently_used_days: 0}
routes: [{to: [alerts]}]
"""
HEAD = "user,arn,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date\n"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    (tmp_path / "accounts.yaml").write_text(f'accounts: {{"{PROD}": {{alias: prod}}, "{DEV}": {{alias: dev}}}}\n')
    (tmp_path / "policy.yaml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return tmp_path


@pytest.fixture
def hub(desk):  # noqa: ARG001  the environment comes first
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="gatewatch-prod",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        url = boto3.client("sqs").create_queue(QueueName="gatewatch-prod-outbox.fifo", Attributes={"FifoQueue": "true"})
        yield url["QueueUrl"]


def iam(account):
    role = f"arn:aws:iam::{account}:role/x"
    answer = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="person")["Credentials"]
    return boto3.client(
        "iam",
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["SessionToken"],
    )


def old_key(account, user, days=100):
    """moto makes keys now; its store is told otherwise."""
    from moto.iam.models import iam_backends  # noqa: PLC0415  after mock_aws

    client = iam(account)
    client.create_user(UserName=user)
    key_id = client.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    (made,) = iam_backends[account]["aws"].users[client.get_user(UserName=user)["User"]["UserName"]].access_keys
    made.create_date = (datetime.now(UTC) - timedelta(days=days)).replace(tzinfo=None)
    return client, key_id


def status(client, user):
    return [each["Status"] for each in client.list_access_keys(UserName=user)["AccessKeyMetadata"]]


def run(*arguments, said=None):
    return CliRunner().invoke(app, ["keys", *arguments], input=said)


def test_a_credential_report_becomes_a_plan(desk):
    then = (datetime.now(UTC) - timedelta(days=100)).isoformat()
    rows = f"bob,arn:aws:iam::{PROD}:user/bob,true,{then},N/A\nroot,arn:aws:iam::{PROD}:user/root,false,N/A,N/A\n"
    (desk / "report.csv").write_text(HEAD + rows)
    ran = run("report.csv")
    assert ran.exit_code == 0
    assert "bob" in ran.output
    assert "deactivate" in ran.output
    assert "1 keys, 1 of them due for something" in ran.output


def test_a_report_is_good_for_a_plan_and_no_more(desk):
    (desk / "report.csv").write_text(HEAD)
    assert run("report.csv", "--apply").exit_code == 2
    assert "no key is due" in run("report.csv").output


@pytest.mark.usefixtures("desk")
def test_a_file_that_is_not_there_is_a_sentence():
    with pytest.raises(ReportError, match=r"nothing\.csv: cannot be read"):
        CliRunner().invoke(app, ["keys", "nothing.csv"], catch_exceptions=False)


@pytest.mark.usefixtures("hub")
def test_live_accounts_become_a_plan_and_nothing_is_touched():
    bob, key_id = old_key(PROD, "bob")
    old_key(DEV, "carol", days=80)
    ran = run("live")
    assert ran.exit_code == 0
    assert ("deactivate" in ran.output, "warn" in ran.output, key_id in ran.output) == (True, True, False)
    assert status(bob, "bob") == ["Active"]


@pytest.mark.usefixtures("hub")
def test_without_a_yes_nothing_is_touched():
    bob, _ = old_key(PROD, "bob")
    assert run("live", "--apply", said="n\n").exit_code == 1
    assert status(bob, "bob") == ["Active"]


def test_with_a_yes_what_is_due_is_done_and_told_and_can_be_taken_back(hub):
    bob, key_id = old_key(PROD, "bob")
    carol, _ = old_key(DEV, "carol")
    ran = run("live", "--account", PROD, "--apply", said="y\n")
    assert "done: deactivate" in ran.output
    assert key_id not in ran.output
    assert (status(bob, "bob"), status(carol, "carol")) == (["Inactive"], ["Active"])
    (told,) = boto3.client("sqs").receive_message(QueueUrl=hub)["Messages"]
    change_id = read_message(told["Body"]).key.removeprefix("access-").partition("-deactivate")[0]
    assert "is active" in run("live", "--undo", change_id).output
    assert status(bob, "bob") == ["Active"]


@pytest.mark.usefixtures("hub")
def test_nothing_due_needs_no_yes():
    assert "nothing to apply" in run("live", "--apply").output


@pytest.mark.usefixtures("hub")
def test_an_account_that_nobody_knows_is_wrong_usage():
    assert run("live", "--account", "777788889999").exit_code == 2


@pytest.mark.usefixtures("desk")
def test_a_stage_that_is_not_deployed_is_a_sentence():
    with mock_aws(), pytest.raises(KeysDeskError, match="AWS refused GetQueueUrl"):
        CliRunner().invoke(app, ["keys", "live", "--stage", "none"], catch_exceptions=False)


def test_a_missing_policy_is_a_sentence(desk):
    (desk / "policy.yaml").unlink()
    with pytest.raises(ConfigurationError, match=r"policy\.yaml"):
        CliRunner().invoke(app, ["keys", "live"], catch_exceptions=False)
