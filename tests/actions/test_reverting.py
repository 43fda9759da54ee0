"""What people read when gatewatch does not revert a call."""

import pytest
from moto import mock_aws

from gatewatch.actions.reverting import obstacle_sentences
from gatewatch.remediation.revert.plan import NotRevertibleError, Obstacle
from support import revert as kit


@pytest.fixture
def environment():
    with mock_aws():
        yield kit.Environment()


def test_a_call_that_gatewatch_does_not_revert_is_answered_with_the_command(environment):
    route = {"routeTableId": "rtb-0aaaaaaaaaaaaaaa1", "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-0aaaaaaa1"}
    notification = environment.notification(kit.call("ec2", "CreateRoute", route))
    with pytest.raises(NotRevertibleError) as raised:
        environment.reverter.plan(notification)
    why, command = obstacle_sentences(raised.value, notification)
    assert (why.key, command.key) == ("not_reverted_no_kind", "revert_by_command")
    assert command.values["command"].startswith("aws ec2 delete-route ")


COMMANDS = {
    "load_balancer": "aws elbv2 set-security-groups --load-balancer-arn arn:aws:elasticloadbalancing:",
    "classic_load_balancer": "aws elb apply-security-groups-to-load-balancer --load-balancer-name old-shop ",
    "database_with_groups": "aws rds modify-db-instance --db-instance-identifier orders ",
    "database_cluster": "aws rds modify-db-cluster --db-cluster-identifier ledger ",
}


@pytest.mark.parametrize("name", kit.WITH_GROUPS)
def test_groups_whose_earlier_ones_are_not_known_are_answered_with_the_command_that_sets_them(environment, name):
    _, _, second, set_groups = kit.WITH_GROUPS[name](environment.member)
    notification = environment.notification(set_groups(second))
    with pytest.raises(NotRevertibleError) as raised:
        environment.reverter.plan(notification)
    why, command = obstacle_sentences(raised.value, notification)
    assert (why.key, command.key) == ("not_reverted_earlier_unknown", "revert_groups_by_command")
    assert command.values["command"].startswith(COMMANDS[name])
    assert "EARLIER_GROUP_IDS" in command.values["command"]


@pytest.mark.parametrize("obstacle", [Obstacle.ALREADY_CLOSED, Obstacle.INVALID_NAME, Obstacle.CONFLICTING])
def test_what_needs_no_revert_or_is_not_trusted_is_answered_without_a_command(environment, obstacle):
    notification = environment.opened("inbound_rule")
    assert [each.key for each in obstacle_sentences(NotRevertibleError(obstacle), notification)] == [
        f"not_reverted_{obstacle}"
    ]
