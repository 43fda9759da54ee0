"""A Region with a hundred thousand rules, of which every fifth is open to the internet."""

import random
from types import SimpleNamespace

import pytest

from chaos.clock import VirtualClock
from chaos.faults import Dice
from chaos.sweep.hub import SilentOutbox, Table
from chaos.sweep.members import Client, Ec2, Members
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.settings import load_settings
from gatewatch.events.canary import AccountRegion
from gatewatch.inventory.reader import MAX_CALLS, RegionReader, rules_by_id
from gatewatch.inventory.recording import InventoryRecorder
from gatewatch.inventory.store import InventoryStore
from support.paths import ROOT

ORIGIN = AccountRegion("111122223333", "us-east-1")
SETTINGS = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")


def a_rule(number, dice):
    return {
        "SecurityGroupRuleId": f"sgr-{dice.getrandbits(68):017x}",
        "GroupId": f"sg-{number // 50:017x}",
        "GroupOwnerId": ORIGIN.account_id,
        "IsEgress": False,
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "CidrIpv4": f"10.{number % 200}.0.0/24" if number % 5 else "0.0.0.0/0",
    }


class Hub:
    def __init__(self, count):
        dice = random.Random(1)  # noqa: S311  no secret
        self.clock = VirtualClock()
        members = Members(self.clock, Dice(1), {})
        members.pass_time = lambda: None
        rules = (a_rule(number, dice) for number in range(count))
        members.rules[ORIGIN.account_id, ORIGIN.region].update({each["SecurityGroupRuleId"]: each for each in rules})
        clients = {name: Client(members, ORIGIN) for name in ("ram", "rds", "s3", "s3control")}
        self.aws = SimpleNamespace(ec2=Ec2(members, ORIGIN), **clients)
        self.table = Table(Dice(1))
        hub = HubTable(self.table, "hub", self.clock.time)
        self.store = InventoryStore(hub)
        self.recorder = InventoryRecorder(SETTINGS, self.store, hub, SilentOutbox(Dice(1)))

    def read(self):
        reader = RegionReader(lambda: self.aws, ORIGIN, SETTINGS.severity_rules, reads_buckets=True)
        current = reader.read(self.clock.now)
        self.clock.now += 24 * 3600
        return self.recorder.record(current, rules_by_id(reader.rules), reader.unread_ids)


@pytest.mark.parametrize("count", [6_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_large_region_is_read_within_its_budget_and_kept_in_rows_that_fit(count):
    hub = Hub(count)
    first, second = hub.read(), hub.read()
    for found in (first, second):
        assert (len(found.items), found.unread, found.unexplained) == (count // 5, {}, {})
        assert found.calls < MAX_CALLS / 4
    assert hub.store.region(ORIGIN.account_id, ORIGIN.region) == second
    assert hub.table.units["write", "rule"] == count
