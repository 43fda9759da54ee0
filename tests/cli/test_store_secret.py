"""`gatewatch store-secret` on moto."""

import pytest
from typer.testing import CliRunner

from gatewatch.actions.slack_signature import signing_secrets
from gatewatch.cli.app import app
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from support.stage import write_stage

URL = "https://hooks.slack.example/services/T0/B0/sEcReT"
POLICY = """
destinations:
  hook: {kind: slack_webhook, url: {ssm: /gatewatch/slack/hook}}
  siem: {kind: webhook, url: {ssm: /gatewatch/siem/url}, signing_key: {ssm: /gatewatch/siem/key}}
  bot: {kind: slack_app, channel: C0, token: {secret: gatewatch/slack-token}}
routes: [{to: [hook]}]
actions:
  mode: read_only
  team: T0TEAM
  app: A0APP
  signing_secret: {ssm: /gatewatch/actions/signing-secret}
  token: {secret: gatewatch/actions/token}
"""
ONE = 'hub: {account: "999988887777", region: ap-northeast-2}\nmembers: {regions: [us-east-1]}\n'


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud, lambda_environment(cloud.variables(HUB_ACCOUNT, "us-east-1")):
        yield cloud


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "accounts.yaml").write_text("{}\n")
    (tmp_path / "policy.yaml").write_text(POLICY)
    return write_stage(tmp_path, ONE)


def store(folder, name, value, *options):
    return CliRunner().invoke(app, ["store-secret", name, "--config", str(folder), *options], input=f"{value}\n")


def test_a_webhook_url_is_stored_as_secure_string_in_the_region_of_the_hub(cloud, folder):
    for value in (URL + "1", URL):
        ran = store(folder, "hook", value)
        assert ran.exit_code == 0, ran.exception
        assert "sEcReT" not in ran.output
    ssm = cloud.session(HUB_ACCOUNT, HUB_REGION).client("ssm")
    found = ssm.get_parameter(Name="/gatewatch/slack/hook", WithDecryption=True)["Parameter"]
    assert (found["Value"], found["Type"]) == (URL, "SecureString")


def test_a_bot_token_is_stored_and_replaced_in_secrets_manager(cloud, folder):
    for value in ("xoxb-1", "xoxb-2"):
        assert store(folder, "bot", value).exit_code == 0
    secrets = cloud.session(HUB_ACCOUNT, HUB_REGION).client("secretsmanager")
    assert secrets.get_secret_value(SecretId="gatewatch/slack-token")["SecretString"] == "xoxb-2"


def test_the_signing_secret_of_actions_is_rotated_with_the_one_before(cloud, folder):
    ssm = cloud.session(HUB_ACCOUNT, HUB_REGION).client("ssm")

    def stored(value, *options):
        ran = store(folder, "actions", value, "--key", "signing_secret", *options)
        assert ran.exit_code == 0, ran.exception
        found = ssm.get_parameter(Name="/gatewatch/actions/signing-secret", WithDecryption=True)["Parameter"]
        return signing_secrets(found["Value"])

    assert stored("first") == (b"first",)
    assert stored("second", "--keep-previous") == (b"second", b"first")
    assert stored("third", "--keep-previous") == (b"third", b"second")
    assert stored("third", "--keep-previous") == (b"third",)


def test_each_secret_of_a_destination_with_several_is_stored_by_its_key(cloud, folder):
    for key, value in (("url", URL), ("signing_key", "k" * 32)):
        assert store(folder, "siem", value, "--key", key).exit_code == 0
    ssm = cloud.session(HUB_ACCOUNT, HUB_REGION).client("ssm")
    found = {each: ssm.get_parameter(Name=f"/gatewatch/siem/{each}")["Parameter"] for each in ("url", "key")}
    assert {name: each["Type"] for name, each in found.items()} == {"url": "SecureString", "key": "SecureString"}


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("hook", "xoxb-1", "does not start with https://"),
        ("bot", URL, "does not start with xox"),
        ("nothing", URL, "has no destination nothing; it has alerts, bot, hook, siem"),
        ("siem", URL, "has the secrets url, signing_key; write one of them after --key"),
        ("hook", "", "is empty"),
        ("alerts", URL, "has no secret"),
    ],
)
def test_a_wrong_destination_or_value_is_rejected_without_showing_it(folder, name, value, message):
    ran = store(folder, name, value)
    assert message in str(ran.exception)
    assert not value or value not in f"{ran.exception} {ran.output}"
