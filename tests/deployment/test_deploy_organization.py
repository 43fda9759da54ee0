"""docs/deploy.md as a new user follows it with an organization of fifty accounts from the start.

moto looks for the organization of a StackSet in the account of the StackSet, so the monitoring account is its
management account here, and the fifty accounts are in a unit of their own.
"""

import pytest
import yaml

from gatewatch.cli.deployment.stage_file import load_stage
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, without_unsupported_resource_warnings
from support.deploy_page import MISSING, local_aws, new_user, report, section

ACCOUNTS = 50
# One Region: moto creates every stack before it answers, and clients wait for a minute at most.
FROM_THE_START = " --organization --member-regions us-east-1 --operators-email ops@example.com"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=MISSING)]


def organization_with_accounts(cloud):
    """Create an organization and return the id of the unit with its accounts."""
    organizations = cloud.session(HUB_ACCOUNT, HUB_REGION).client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="Teams")["OrganizationalUnit"]["Id"]
    for number in range(ACCOUNTS):
        created = organizations.create_account(AccountName=f"team-{number}", Email=f"team-{number}@example.com")
        account = created["CreateAccountStatus"]["AccountId"]
        organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
    return unit


def typed(line):
    """Whether a command is typed here; tests/docs/test_commands.py reads those of the AWS CLI."""
    return not line.startswith("aws")


def test_an_organization_from_the_start(tmp_path):
    with local_aws() as cloud, without_unsupported_resource_warnings():
        unit = organization_with_accounts(cloud)
        user = new_user(cloud, tmp_path)
        before, check = section("One account")[:5], "gatewatch doctor --send"
        assert check in section("One account")
        for line in before:
            user.type(line + FROM_THE_START if line.startswith("gatewatch init") else line)
        user.edit("deploy/prod.yaml", "members", "organizational_units", value=[unit])
        for line in filter(typed, section("An organization")):
            user.type(line)
        user.type(check)
        folder = user.home / "gatewatch-config"
        listed = yaml.safe_load((folder / "accounts.yaml").read_text("utf-8"))["accounts"]
        assert len(listed) == ACCOUNTS + 1
        stacks = cloud.session(HUB_ACCOUNT, HUB_REGION).client("cloudformation")
        instances = stacks.list_stack_instances(StackSetName="gatewatch-member")["Summaries"]
        assert len({each["Account"] for each in instances}) == ACCOUNTS
        account = instances[0]["Account"]
        rules = cloud.session(account, "us-east-1").client("events").list_rules()["Rules"]
        assert len(rules) > 5
        assert load_stage(folder, "prod").hub.organization.startswith("o-")
        assert (
            sum(seconds for _, seconds, _ in user.steps) < 1200
        )  # the goal is 600, on a machine that does nothing else
        report(user, f"an organization of {ACCOUNTS} accounts")
