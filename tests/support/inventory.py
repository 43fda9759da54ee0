"""Readings of a Region, and the event that opened the rule in them."""

from datetime import UTC, datetime

from msgspec.structs import replace

from gatewatch.digest.activity import RuleOpened
from gatewatch.inventory.model import OpenItem, RegionInventory, ResourceKind
from gatewatch.model.change import Family
from gatewatch.model.security_group import CidrPeer, Direction, Group, PortRange, SecurityGroupRule, Traffic
from gatewatch.model.severity import Severity

ACCOUNT, REGION, NOW = "111122223333", "eu-west-1", 1_800_000_000.0
DAY = 24 * 3600.0
RULE = SecurityGroupRule(
    rule_id="sgr-1",
    direction=Direction.INGRESS,
    traffic=Traffic("tcp", ports=PortRange(22, 22)),
    peer=CidrPeer("0.0.0.0/0"),
)
ENTRY = replace(RULE, rule_id=None, traffic=Traffic())
GROUP = Group(id="sg-1", name="web")
ITEM = OpenItem(
    kind=ResourceKind.RULES, severity=Severity.HIGH, group=GROUP, rule=RULE, since=NOW - DAY, was_there_first=True
)
LIST = OpenItem(kind=ResourceKind.PREFIX_LISTS, severity=Severity.HIGH, resource_id="pl-1", rule=ENTRY, since=NOW - DAY)
OPENED = RuleOpened(
    at=datetime.fromtimestamp(NOW - 3 * DAY, UTC),
    key="event-1",
    number=0,
    account=ACCOUNT,
    region=REGION,
    actor="minji",
    family=Family.SECURITY_GROUP,
    rule=RULE,
    severity=Severity.HIGH,
    group=GROUP,
)


def reading(*items, **fields):
    return RegionInventory(**{"account_id": ACCOUNT, "region": REGION, "at": NOW, "items": items} | fields)
