"""`gatewatch init`: a configuration folder from answers, or from AWS Organizations on moto."""

import pytest
from typer.testing import CliRunner

from gatewatch.cli.app import app
from gatewatch.cli.deployment.stage_file import load_stage
from gatewatch.config.settings import load_settings
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment

ANSWERS = [
    "--hub-account",
    "999988887777",
    "--region",
    "ap-northeast-2",
    "--member-regions",
    "us-east-1, ap-northeast-2",
    "--operators-email",
    "ops@example.com",
]


def init(folder, *arguments, answers=""):
    return CliRunner().invoke(app, ["init", str(folder), *arguments], input=answers)


def test_the_folder_is_a_valid_configuration(tmp_path):
    ran = init(tmp_path / "config", *ANSWERS, "--accounts", "111122223333,999988887777")
    assert ran.exit_code == 0, ran.exception
    stage = load_stage(tmp_path / "config", "prod")
    assert (stage.hub.account, stage.hub.accounts) == ("999988887777", ("111122223333",))
    assert stage.hub.operators_email == "ops@example.com"
    assert stage.members.regions == ("us-east-1", "ap-northeast-2")
    settings = load_settings(tmp_path / "config" / "accounts.yaml", tmp_path / "config" / "policy.yaml")
    assert settings.accounts.keys() == {"111122223333", "999988887777"}
    assert (tmp_path / "config" / "slack-app-manifest.yaml").is_file()
    assert "gatewatch store-secret sec-all\n  make deploy\n  gatewatch members apply\n" in ran.stdout


def test_the_next_commands_name_another_stage_and_quote_the_folder(tmp_path):
    ran = init(tmp_path / "my config", *ANSWERS, "--stage", "test")
    assert f"export GATEWATCH_CONFIG='{tmp_path}/my config'" in ran.stdout
    assert "sec-all --stage test\n  make deploy STAGE=test\n  gatewatch members apply --stage test\n" in ran.stdout


def test_without_accounts_the_monitoring_account_is_monitored(tmp_path):
    assert init(tmp_path, *ANSWERS).exit_code == 0
    assert load_stage(tmp_path, "prod").hub.accounts == ()
    assert load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml").accounts.keys() == {"999988887777"}


def test_missing_answers_are_asked_for(tmp_path):
    ran = init(tmp_path, "--accounts", "111122223333", answers="999988887777\nus-east-1\nus-east-1\n\n")
    assert ran.exit_code == 0, ran.exception
    assert load_stage(tmp_path, "prod").hub.region == "us-east-1"


def test_an_existing_file_is_not_overwritten(tmp_path):
    (tmp_path / "policy.yaml").write_text("# mine\n")
    ran = init(tmp_path, *ANSWERS, "--accounts", "111122223333")
    assert "policy.yaml exists" in str(ran.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["policy.yaml"]


def test_accounts_and_the_organization_exclude_each_other(tmp_path):
    ran = init(tmp_path, *ANSWERS, "--accounts", "111122223333", "--organization")
    assert "name the accounts" in str(ran.exception)


def test_a_wrong_answer_is_reported_with_its_key(tmp_path):
    ran = init(tmp_path, *ANSWERS[:2], "--region", "Seoul", *ANSWERS[4:], "--accounts", "111122223333")
    assert 'hub.region: "Seoul" is not valid' in str(ran.exception)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--hub-account", "12", "an account id has 12 digits"),
        ("--operators-email", "nobody", "write an e-mail address"),
        ("--member-regions", "ap-northeast-2", "lack us-east-1, where CloudTrail records IAM"),
    ],
)
def test_a_wrong_answer_leaves_no_file_so_that_the_command_can_be_repeated(tmp_path, option, value, sentence):
    assert sentence in str(init(tmp_path, *ANSWERS, option, value).exception)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []
    assert init(tmp_path, *ANSWERS).exit_code == 0


def test_the_accounts_are_read_from_the_organization(tmp_path):
    with Cloud() as cloud, lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
        client = cloud.session(HUB_ACCOUNT, HUB_REGION).client("organizations")
        organization = client.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        client.create_account(AccountName='pay: "ments"', Email="payments@example.com")
        ran = init(tmp_path, *ANSWERS, "--organization")
    assert ran.exit_code == 0, ran.exception
    stage = load_stage(tmp_path, "prod")
    assert (stage.hub.organization, stage.hub.accounts) == (organization, ())
    assert len(stage.members.organizational_units) == 1
    settings = load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")
    assert 'pay: "ments"' in {account.alias for account in settings.accounts.values()}
