"""An invented activity log of four months, and the trend of its last three."""

import random
from datetime import UTC, date, datetime, timedelta

from msgspec.structs import replace

from gatewatch.alerts.exposures import rule_ref
from gatewatch.config.settings import load_settings
from gatewatch.digest.activity import RuleClosed, RuleOpened
from gatewatch.digest.open_exposures import resolve_exposures
from gatewatch.digest.trend import TREND_DAYS, trend_of
from gatewatch.model.change import Family
from gatewatch.model.security_group import CidrPeer, Direction, Group, PortRange, SecurityGroupRule, Traffic
from gatewatch.model.severity import Severity
from support.paths import ROOT

SETTINGS = replace(load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml"), exceptions=())
ACCOUNT, ZONE = "111122223333", "Asia/Seoul"
LAST = date(2026, 11, 28)
FIRST = LAST - timedelta(days=TREND_DAYS - 1)
NOW = datetime(2026, 11, 28, 14, tzinfo=UTC)  # 23:00 in Seoul
SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)


def opened(number, at, severity=Severity.HIGH, cidr="0.0.0.0/0", group=None, key=""):
    rule = SecurityGroupRule(
        rule_id=f"sgr-{number}{cidr[0]}",
        direction=Direction.INGRESS,
        traffic=Traffic("tcp", ports=PortRange(22, 22)),
        peer=CidrPeer(cidr),
    )
    return RuleOpened(
        at=at,
        key=key or f"opened-{number}{cidr[0]}-{at.timestamp()}",
        number=0,
        account=ACCOUNT,
        region="eu-west-1",
        actor="alice",
        family=Family.SECURITY_GROUP,
        rule=rule,
        severity=severity,
        group=Group(id=group or f"sg-{number}"),
    )


def closed(step, at):
    return RuleClosed(
        at=at,
        key=f"closed {step.key}",
        number=0,
        account=ACCOUNT,
        region="eu-west-1",
        resource=step.group.id,
        rule=rule_ref(step.rule),
    )


def trend(steps, first=FIRST, last=LAST):
    return trend_of(resolve_exposures(steps), first, last, NOW, ZONE, SETTINGS)


def invented_log(seed):
    """Openings over 120 days, of which most are closed after minutes to weeks, with the intervals."""
    chance = random.Random(seed)  # noqa: S311  invented data
    begin = NOW - timedelta(days=120)
    steps, intervals = [], []
    for number in range(200):
        at = begin + timedelta(seconds=chance.randrange(120 * 24 * 3600))
        until = at + timedelta(seconds=int(chance.expovariate(1 / (3 * 24 * 3600))) + 60)
        step = opened(number, at, chance.choice(SEVERITIES))
        steps.append(step)
        is_closed = until < NOW and chance.random() < 0.8
        if is_closed:
            steps.append(closed(step, until))
        intervals.append((step.severity, at, until if is_closed else None))
    chance.shuffle(steps)
    return steps, intervals
