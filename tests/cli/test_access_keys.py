"""`gatewatch keys`: the plan as a table, and changes only with --apply and confirmation."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner

from gatewatch.cli import access_keys_live
from gatewatch.cli.app import app
from gatewatch.cli.errors import AwsCallError
from gatewatch.delivery.wire import decode_message
from gatewatch.errors import ConfigurationError
from gatewatch.remediation.access_keys.credential_report import CredentialReportError
from support.tables import create_table

PROD, DEV = "111122223333", "444455556666"
POLICY = """
access_keys: {warn_after_days: 75, deactivate_after_days: 90, recently_used_days: 0}
routes: [{to: [alerts]}]
"""
HEAD = "user,arn,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date\n"


@pytest.fixture
def configuration(tmp_path, monkeypatch):
    (tmp_path / "accounts.yaml").write_text(f'accounts: {{"{PROD}": {{alias: prod}}, "{DEV}": {{alias: dev}}}}\n')
    (tmp_path / "policy.yaml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return tmp_path


@pytest.fixture
def hub(configuration):  # noqa: ARG001  sets the environment
    with mock_aws():
        create_table(boto3.client("dynamodb"), "gatewatch-prod")
        url = boto3.client("sqs").create_queue(QueueName="gatewatch-prod-outbox.fifo", Attributes={"FifoQueue": "true"})
        yield url["QueueUrl"]


def iam(account):
    role = f"arn:aws:iam::{account}:role/x"
    response = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "iam",
        aws_access_key_id=response["AccessKeyId"],
        aws_secret_access_key=response["SecretAccessKey"],
        aws_session_token=response["SessionToken"],
    )


def old_key(account, user, days=100):
    """Create a key; moto's creation date is changed, because moto always uses the current time."""
    from moto.iam.models import iam_backends  # noqa: PLC0415  after mock_aws

    client = iam(account)
    client.create_user(UserName=user)
    key_id = client.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    (key,) = iam_backends[account]["aws"].users[client.get_user(UserName=user)["User"]["UserName"]].access_keys
    key.create_date = (datetime.now(UTC) - timedelta(days=days)).replace(tzinfo=None)
    return client, key_id


def status(client, user):
    return [each["Status"] for each in client.list_access_keys(UserName=user)["AccessKeyMetadata"]]


def run(*arguments, stdin=None):
    return CliRunner().invoke(app, ["keys", *arguments], input=stdin)


def test_a_credential_report_gives_a_plan(configuration):
    then = (datetime.now(UTC) - timedelta(days=100)).isoformat()
    rows = f"bob,arn:aws:iam::{PROD}:user/bob,true,{then},N/A\nroot,arn:aws:iam::{PROD}:user/root,false,N/A,N/A\n"
    (configuration / "report.csv").write_text(HEAD + rows)
    ran = run("report.csv")
    assert ran.exit_code == 0
    assert "bob" in ran.output
    assert "deactivate" in ran.output
    assert "1 keys, 1 of them need an action" in ran.output


def test_a_credential_report_cannot_be_applied(configuration):
    (configuration / "report.csv").write_text(HEAD)
    assert run("report.csv", "--apply").exit_code == 2
    assert "no key needs an action" in run("report.csv").output


@pytest.mark.usefixtures("configuration")
def test_a_missing_report_is_an_error_message():
    with pytest.raises(CredentialReportError, match=r"nothing\.csv: cannot be read"):
        CliRunner().invoke(app, ["keys", "nothing.csv"], catch_exceptions=False)


@pytest.mark.usefixtures("hub")
def test_live_accounts_give_a_plan_and_no_key_is_changed():
    bob, key_id = old_key(PROD, "bob")
    old_key(DEV, "carol", days=80)
    ran = run("live")
    assert ran.exit_code == 0
    assert ("deactivate" in ran.output, "warn" in ran.output, key_id in ran.output) == (True, True, False)
    assert status(bob, "bob") == ["Active"]


@pytest.mark.usefixtures("hub")
def test_the_plan_of_live_accounts_as_json_and_csv():
    _, key_id = old_key(PROD, "a-user-with-a-very-long-name-that-no-table-of-eighty-columns-can-show")
    (row,) = json.loads(run("live", "--format", "json").output)
    assert (row["account"], row["age"], row["last_used"], row["action"]) == (PROD, 100, None, "deactivate")
    assert key_id not in str(row)
    header, line = run("live", "--format", "csv").output.splitlines()
    assert header == "account,user,key,age,last_used,action,reason"
    assert line.startswith(f"{PROD},a-user-with-a-very-long-name-that-no-table-of-eighty-columns-can-show,")
    assert run("live", "--apply", "--format", "json").exit_code == 2


@pytest.mark.usefixtures("hub")
def test_a_long_name_is_not_cut_in_a_pipe(monkeypatch):
    monkeypatch.delenv("COLUMNS")
    old_key(PROD, "x" * 64)
    assert "x" * 64 in run("live").output


@pytest.mark.usefixtures("hub")
def test_an_account_that_refuses_and_a_user_deleted_meanwhile_are_rows_and_the_exit_status_is_1(monkeypatch):
    old_key(PROD, "bob")
    old_key(PROD, "carol")

    def refuse(inner):
        def iam_of(account_id):
            if account_id == DEV:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")
            client = inner(account_id)
            client.meta.events.register("before-call.iam.ListAccessKeys", user_is_deleted)
            return client

        return iam_of

    def user_is_deleted(params, **_):
        error = {"Error": {"Code": "NoSuchEntity", "Message": "no"}, "ResponseMetadata": {}}
        return (SimpleNamespace(status_code=404, headers={}), error) if params["body"]["UserName"] == "bob" else None

    inner = access_keys_live.member_iam_clients
    monkeypatch.setattr(access_keys_live, "member_iam_clients", lambda *arguments: refuse(inner(*arguments)))
    ran = run("live", "--format", "json")
    rows = {(each["account"], each["user"]): (each["action"], each["reason"]) for each in json.loads(ran.output)}
    assert ran.exit_code == 1
    assert rows == {
        (PROD, "carol"): ("deactivate", ""),
        (PROD, "bob"): ("unreadable", "NoSuchEntity"),
        (DEV, ""): ("unreadable", "AccessDenied"),
    }
    assert "AccessDenied" in run("live").output


@pytest.mark.usefixtures("hub")
def test_without_confirmation_no_key_is_changed():
    bob, _ = old_key(PROD, "bob")
    assert run("live", "--apply", stdin="n\n").exit_code == 1
    assert status(bob, "bob") == ["Active"]


def test_confirmed_actions_are_carried_out_and_notified_and_can_be_undone(hub):
    bob, key_id = old_key(PROD, "bob")
    carol, _ = old_key(DEV, "carol")
    ran = run("live", "--account", PROD, "--apply", stdin="y\n")
    assert "done: deactivate" in ran.output
    assert key_id not in ran.output
    assert (status(bob, "bob"), status(carol, "carol")) == (["Inactive"], ["Active"])
    (notification,) = boto3.client("sqs").receive_message(QueueUrl=hub)["Messages"]
    change_id = decode_message(notification["Body"]).key.removeprefix("access-").partition("-deactivate")[0]
    assert "is active" in run("live", "--undo", change_id).output
    assert status(bob, "bob") == ["Active"]


@pytest.mark.usefixtures("hub")
def test_an_empty_plan_needs_no_confirmation():
    assert "nothing to apply" in run("live", "--apply").output


@pytest.mark.usefixtures("hub")
def test_an_unlisted_account_is_wrong_usage():
    assert run("live", "--account", "777788889999").exit_code == 2


@pytest.mark.usefixtures("configuration")
def test_a_stage_that_is_not_deployed_is_an_error_message():
    with mock_aws(), pytest.raises(AwsCallError, match="there is no deployment of this stage here"):
        CliRunner().invoke(app, ["keys", "live", "--stage", "none"], catch_exceptions=False)


def test_a_missing_policy_is_an_error_message(configuration):
    (configuration / "policy.yaml").unlink()
    with pytest.raises(ConfigurationError, match=r"policy\.yaml"):
        CliRunner().invoke(app, ["keys", "live"], catch_exceptions=False)
