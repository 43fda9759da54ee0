"""Security groups that an account shares, and what that makes of the path check."""

import random
from functools import partial

import pytest
from msgspec.structs import replace

from gatewatch.alerts.reachability.check import check_reachability
from gatewatch.alerts.reachability.network import Network
from gatewatch.alerts.reachability.shared_groups import is_shared, read_shared_groups
from gatewatch.model.reachability import Layer, Verdict
from gatewatch.model.security_group import CidrPeer, PortRange, Traffic
from support.invented_networks import PARTS, hidden, invented
from support.resource_shares import Ram, share

OTHER = "444455556666"
ORGANIZATION = "arn:aws:organizations::111122223333:organization/o-exampleorgid"
SUBNET = {
    "resourceShareArn": "arn:aws:ram:eu-west-1:111122223333:resource-share/1",
    "associatedEntity": "arn:aws:ec2:eu-west-1:111122223333:subnet/subnet-1",
    "associationType": "RESOURCE",
    "status": "ASSOCIATED",
}
SSH = Traffic("tcp", ports=PortRange(22, 22))


def test_the_groups_of_all_shares_are_found_with_their_principals():
    ram = Ram(SUBNET, *share("sg-1", OTHER), *share("sg-1", ORGANIZATION, number=2), *share("sg-2", OTHER, number=3))
    assert read_shared_groups(ram) == {"sg-1": (OTHER, ORGANIZATION), "sg-2": (OTHER,)}


def test_without_a_shared_group_one_request_is_made():
    ram = Ram(SUBNET)
    assert read_shared_groups(ram) == {}
    assert [kind for kind, _ in ram.requests] == ["RESOURCE"]


@pytest.mark.parametrize("status", ["ASSOCIATING", "DISASSOCIATING", "SUSPENDED", None])
def test_a_share_that_is_not_over_for_certain_counts(status):
    assert set(read_shared_groups(Ram(*share("sg-1", OTHER, status=status)))) == {"sg-1"}


@pytest.mark.parametrize("status", ["FAILED", "DISASSOCIATED"])
def test_a_share_that_is_over_does_not_count(status):
    ram = Ram(*share("sg-1", OTHER, status=status))
    assert read_shared_groups(ram) == {}
    assert not is_shared(ram, "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-1")


def test_one_group_is_asked_for_by_its_arn():
    ram = Ram(*share("sg-1", OTHER))
    arn = partial("arn:aws:ec2:eu-west-1:111122223333:security-group/{}".format)
    assert (is_shared(ram, arn("sg-1")), is_shared(ram, arn("sg-11"))) == (True, False)


@pytest.mark.parametrize("shared", [True, None])
def test_a_group_that_others_may_use_is_never_said_to_be_not_reachable(shared):
    dice, verdicts = random.Random(1), set()  # noqa: S311  a seed is the point
    for _ in range(300):
        peer, traffic, network = invented(dice)
        network = hidden(dice.choice(PARTS), network) if dice.random() < 0.5 else network
        plain = check_reachability(peer, traffic, network)
        found = check_reachability(peer, traffic, replace(network, is_shared=shared))
        verdicts.add(plain.verdict)
        assert found.verdict is (Verdict.UNKNOWN if plain.verdict is Verdict.NOT_REACHABLE else plain.verdict)
    assert verdicts == {*Verdict}


def test_without_an_interface_the_answer_names_the_other_accounts():
    found = check_reachability(CidrPeer("0.0.0.0/0"), SSH, Network(interfaces=(), is_shared=True))
    assert (found.verdict, found.layer) == (Verdict.UNKNOWN, Layer.OTHER_ACCOUNTS)
