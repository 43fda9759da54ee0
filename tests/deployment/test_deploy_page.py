"""docs/deploy.md as a new user follows it with one account: every command of the page, in its order.

The table of steps, seconds and stumbles is in the output of `pytest -s` and in the file that the environment variable
GATEWATCH_DEPLOY_TABLE names.
"""

import re
from pathlib import Path

import pytest

from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, without_unsupported_resource_warnings
from support.deploy_page import MISSING, git, local_aws, new_user, report, section

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=MISSING)]


@pytest.fixture(scope="module")
def cloud():
    with local_aws() as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def _quiet_moto():
    with without_unsupported_resource_warnings():  # in every test, because pytest resets the filters
        yield


@pytest.fixture(scope="module")
def user(cloud, tmp_path_factory):
    return new_user(cloud, tmp_path_factory.mktemp("user"))


def parameters(cloud, stack, region=HUB_REGION):
    client = cloud.session(HUB_ACCOUNT, region).client("cloudformation")
    (found,) = client.describe_stacks(StackName=stack)["Stacks"]
    return {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}


def test_one_account(user, cloud):
    for line in section("One account"):
        if not line.startswith("aws"):  # tests/docs/test_commands.py reads those
            user.type(line)
    assert parameters(cloud, "gatewatch-prod")["Stage"] == "prod"
    assert parameters(cloud, "gatewatch-member", "us-east-1")["HubBusArn"].endswith(":event-bus/gatewatch-prod")
    assert sum(seconds for _, seconds, _ in user.steps) < 1200  # the goal is 600, on an idle machine
    assert len(user.steps) == 6
    report(user, "one account")


def test_the_same_deployment_again_changes_nothing(user, cloud):
    before = cloud.session(HUB_ACCOUNT, HUB_REGION).client("cloudformation").describe_stacks()["Stacks"]
    assert "no changes" in user.type("gatewatch deploy-check")
    assert user.type("gatewatch members apply").count(": unchanged") == 2
    after = cloud.session(HUB_ACCOUNT, HUB_REGION).client("cloudformation").describe_stacks()["Stacks"]
    assert [each.get("LastUpdatedTime") for each in after] == [each.get("LastUpdatedTime") for each in before]


def test_a_parameter_that_is_dropped_from_the_file_is_refused_with_the_difference(user):
    user.edit("deploy/prod.yaml", "hub", "alerts_email", value="alerts@example.com")
    user.edit("deploy/prod.yaml", "members", "canary_schedule", value="rate(5 minutes)")
    user.type("make deploy")
    user.type("gatewatch members apply --confirm")
    user.edit("deploy/prod.yaml", "hub", "alerts_email", value="")
    user.edit("deploy/prod.yaml", "members", "canary_schedule", value="rate(15 minutes)")
    assert "! MailTo: alerts@example.com -> (empty)" in user.type("make deploy", status=2)
    refused = user.type("gatewatch members apply", status=1)
    assert "! us-east-1 gatewatch-member CanarySchedule: rate(5 minutes) -> rate(15 minutes)" in refused
    for line in section("What a deployment may not do silently"):
        user.type(line, status=1 if line == "gatewatch deploy-check" else 0)
    user.steps.clear()


def test_an_upgrade_and_a_rollback_leave_the_configuration_alone(user):
    origin = Path(git(user.clone, "remote", "get-url", "origin").strip())
    project = origin / "pyproject.toml"
    project.write_text(re.sub(r'^version = ".*"$', 'version = "0.2.0"', project.read_text("utf-8"), flags=re.MULTILINE))
    git(origin, "commit", "-qam", "version 0.2.0")
    git(origin, "tag", "v0.2.0")
    files = {path: path.read_bytes() for path in (user.home / "gatewatch-config").rglob("*.yaml")}
    for line in section("Upgrading"):
        user.type(line.replace("v0.1.0", "v0.2.0"))
    assert "gatewatch 0.2.0 " in user.type("gatewatch --version")
    for line in section("Rolling back"):
        user.type(line)
    assert "gatewatch 0.1.0 " in user.type("gatewatch --version")
    assert {path: path.read_bytes() for path in files} == files
    assert git(user.clone, "status", "--porcelain") == ""
    report(user, "upgrade and rollback")


def test_removing(user, cloud):
    for line in section("Removing"):
        user.type(line)
    for region in ("us-east-1", HUB_REGION):
        stacks = cloud.session(HUB_ACCOUNT, region).client("cloudformation").describe_stacks()["Stacks"]
        names = {each["StackName"] for each in stacks}
        assert {name for name in names if not name.startswith("StackSet-")} == set()
