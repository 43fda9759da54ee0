"""What the doctor says about actions from Slack."""

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from gatewatch.config.actions import ActionMode, ActionSettings
from gatewatch.config.destinations import SecretRef
from gatewatch.monitoring.doctor.actions import check_actions
from gatewatch.monitoring.doctor.model import CheckStatus

SCOPES = "chat:write,users:read, users:read.email,im:write"
SETTINGS = ActionSettings(
    written_mode=ActionMode.READ_ONLY,
    team="T0TEAM",
    app="A0APP",
    signing_secret=SecretRef(ssm="/gatewatch/actions/signing-secret"),
    token=SecretRef(ssm="/gatewatch/actions/token"),
)


class FakeAws:
    """The clients that the check uses; `url` None stands for a function without URL."""

    def __init__(self, ssm, url):
        self.ssm, self._url = ssm, url
        self.lambda_ = self

    def get_function_url_config(self, **request):
        assert request == {"FunctionName": "gatewatch-prod-actions"}
        if not self._url:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetFunctionUrlConfig")
        return {"FunctionUrl": self._url}


@pytest.fixture
def ssm():
    with mock_aws():
        yield boto3.client("ssm", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")


def results(ssm, answer=("ok", "T0TEAM", SCOPES), url="https://x.lambda-url.aws/", settings=SETTINGS):
    found = check_actions(FakeAws(ssm, url), settings, "prod", lambda _token: answer)
    return [(each.status, each.detail) for each in found]


def store(ssm, *names):
    for name in names:
        ssm.put_parameter(Name=f"/gatewatch/actions/{name}", Value="x", Type="SecureString", Overwrite=True)


def test_nothing_is_said_while_actions_are_off(ssm):
    assert results(ssm, settings=ActionSettings()) == []


def test_the_url_for_the_slack_app_is_shown(ssm):
    store(ssm, "signing-secret", "token")
    assert results(ssm) == [
        (CheckStatus.OK, "request URL of the app's interactivity: https://x.lambda-url.aws/"),
        (CheckStatus.OK, "the token has its scopes"),
    ]


def test_secrets_that_cannot_be_read_are_named(ssm):
    store(ssm, "token")
    assert (CheckStatus.ERROR, "signing_secret cannot be read") in results(ssm)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (("invalid_auth", "", ""), "auth.test of Slack: invalid_auth"),
        (("ok", "T0OTHER", SCOPES), "the token is of the workspace T0OTHER"),
        (("ok", "T0TEAM", "chat:write,im:write"), "the token lacks users:read, users:read.email"),
    ],
)
def test_a_token_of_another_workspace_or_with_too_few_scopes_is_an_error(ssm, answer, sentence):
    store(ssm, "signing-secret", "token")
    assert results(ssm, answer)[-1] == (CheckStatus.ERROR, sentence)


def test_a_missing_url_is_an_error(ssm):
    store(ssm, "signing-secret", "token")
    (status, detail), *_ = results(ssm, url=None)
    assert status is CheckStatus.ERROR
    assert detail.startswith("there is no function URL")
