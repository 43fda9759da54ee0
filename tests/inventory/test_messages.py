"""Notices of the sweep, also with more gaps than a message can hold."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from gatewatch.config.languages import LANGUAGES
from gatewatch.config.settings import load_settings
from gatewatch.inventory.coverage import Gap, GapKind
from gatewatch.inventory.messages import report_messages
from gatewatch.inventory.model import AccountInventory, OpenItem, RegionInventory, ResourceKind
from gatewatch.model.security_group import CidrPeer, Group, PortRange, SecurityGroupRule, Traffic
from gatewatch.model.severity import Severity
from gatewatch.rendering.notices import notice_paragraphs
from gatewatch.rendering.text.labels import load_labels
from support.paths import ROOT

PLAIN = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
ACCOUNTS = {
    f"{number + 111_111_111_111}": replace(PLAIN.account("111122223333"), alias=f"<!channel> account-{number} " * 9)
    for number in range(100)
}
SETTINGS = replace(PLAIN, accounts=ACCOUNTS)
REGIONS = tuple(f"ap-southeast-{number}" for number in range(17))


def report(gaps):
    message, *_ = report_messages((), (), gaps, SETTINGS, 1000.0)
    return message.notification


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gap_of_many_accounts_is_one_line(language):
    gaps = [Gap(each, GapKind.NO_EVENTS, REGIONS) for each in ACCOUNTS]
    first, _ = notice_paragraphs(report(gaps), load_labels(ROOT / "templates", language))
    _, line = first.split("\n")
    assert "(+95)" in line
    assert REGIONS[-1] in line
    assert "<!channel>" not in line


def test_more_lines_than_a_message_shows_are_counted_and_fit_a_section_of_slack():
    gaps = [Gap(each, GapKind.UNREAD, (f"eu-west-{number}",), "AccessDenied") for number, each in enumerate(ACCOUNTS)]
    first, _ = notice_paragraphs(report(gaps), load_labels(ROOT / "templates", "en"))
    assert len(first) < 3000
    assert first.endswith("… and 90 more")
    assert "AccessDenied" in first


def test_critical_rules_with_the_longest_names_fit_the_sections_of_slack():
    rule = SecurityGroupRule(rule_id="sgr-1", traffic=Traffic("tcp", ports=PortRange(22, 22)), peer=CidrPeer("::/0"))
    group = Group(id="sg-0123456789abcdef0", name="n" * 255)
    item = OpenItem(kind=ResourceKind.RULES, severity=Severity.CRITICAL, group=group, rule=rule)
    account_id = next(iter(ACCOUNTS))
    account = AccountInventory(account_id=account_id, at=1.0, regions=REGIONS)
    region = RegionInventory(account_id=account_id, region=REGIONS[0], at=1.0, items=(item,) * 60)
    message, *_ = report_messages([account], [region], (), SETTINGS, 1000.0)
    paragraphs = notice_paragraphs(message.notification, load_labels(ROOT / "templates", "en"))
    assert max(map(len, paragraphs)) < 3000
    assert sum(each.count("n" * 255) for each in paragraphs) == 25
    assert paragraphs[-2].endswith("… and 35 more")


def test_no_report_is_made_of_nothing():
    assert report_messages((), (), (), SETTINGS, 1000.0) == []
