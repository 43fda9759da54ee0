"""The whole look: the hub, its destinations, and every account in every Region, at the same time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.clients import Aws, CoreSession
from gatewatch.config.paths import PATTERNS
from gatewatch.errors import GatewatchError
from gatewatch.events.canary import Place
from gatewatch.monitoring.doctor.destinations import AUTH_TEST, Destinations
from gatewatch.monitoring.doctor.gather_hub import bus_arn, gather_hub
from gatewatch.monitoring.doctor.gather_member import gather_member
from gatewatch.monitoring.doctor.judge_hub import judge_admission, judge_heard, judge_hub
from gatewatch.monitoring.doctor.judge_member import Expected, judge_member
from gatewatch.monitoring.doctor.lookup_role import (
    AlertRole,
    gather_alert_role,
    gather_callers,
    judge_alert_role,
    judge_callers,
)
from gatewatch.monitoring.doctor.model import Finding, HubFacts, Light, Unseen
from gatewatch.monitoring.doctor.query import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gatewatch.config.settings import Settings

_AT_ONCE = 16
READ_ROLE = "gatewatch/gatewatch-read"
# Where IAM is recorded, as the mapping of eventbridge/member.yaml has it.
GLOBAL_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
}


class NoHubError(GatewatchError):
    """There is no hub where the doctor looks."""


@dataclass(frozen=True)
class Examination:
    """`accounts` and `regions` empty: those of accounts.yaml, and those that were ever heard of."""

    aws: Aws
    settings: Settings
    stage: str
    enter: Callable[[Place], Aws]
    now: float
    accounts: Sequence[str] = ()
    regions: Sequence[str] = ()
    send: bool = False
    auth_test: str = AUTH_TEST

    def findings(self) -> Iterator[Finding]:
        bus = find_bus(self.aws, self.stage)
        hub = gather_hub(self.aws, self.stage)
        yield from judge_hub(hub)
        alert = gather_alert_role(self.aws, self.stage) if self.settings.read_roles else Unseen("not asked")
        yield from judge_alert_role(alert, self.settings.read_roles)
        destinations = Destinations(self.aws, alerts_topic(bus, self.stage), self.auth_test)
        yield from destinations.look(self.settings.destinations, send=self.send)
        places = self._places(bus, hub)
        roles_at = {each.account_id: each for each in reversed(places)}  # a role is of the account, not of a Region
        with ThreadPoolExecutor(_AT_ONCE, "doctor") as pool:
            asked = pool.map(
                lambda each: self._of(each, bus, hub, alert if roles_at[each.account_id] == each else None), places
            )
            for found in asked:
                yield from found

    def _places(self, bus: str, hub: HubFacts) -> list[Place]:
        heard = [] if isinstance(hub.heard, Unseen) else [Place.parse(text) for text in hub.heard]
        regions = self.regions or sorted({bus.split(":")[3], *(place.region for place in heard)})
        accounts = self.accounts or sorted({*self.settings.accounts, *(place.account_id for place in heard)})
        return [Place(account, region) for account in accounts for region in regions]

    def _of(self, place: Place, bus: str, hub: HubFacts, alert: AlertRole | Unseen | None) -> list[Finding]:
        where = f"{self.settings.account(place.account_id).alias} {place}"
        return [
            judge_heard(where, str(place), hub.heard, self.now),
            judge_admission(where, place.account_id, hub.bus_policy),
            *self._inside(where, place, bus, alert),
        ]

    def _inside(self, where: str, place: Place, bus: str, alert: AlertRole | Unseen | None) -> list[Finding]:
        try:
            aws = self.enter(place)
        except (ClientError, BotoCoreError) as error:
            reason = code_of(error) if isinstance(error, ClientError) else type(error).__name__
            remedy = "give member.yaml the parameter ReaderArn, so that the doctor may look (docs/deploy.md)"
            return [Finding(where, "inside", Light.YELLOW, f"could not enter the account: {reason}", remedy)]
        is_global = GLOBAL_REGIONS.get(bus.split(":")[1]) == place.region
        expected = Expected(bus, patterns(), is_global)
        found = list(judge_member(where, gather_member(aws, expected.names), expected))
        role = self.settings.account(place.account_id).read_role
        if role and alert:
            found.append(judge_callers(where, role, gather_callers(aws, role), alert))
        return found


def find_bus(aws: Aws, stage: str) -> str:
    """The ARN of the hub's bus, by the name that hub.yaml gives it."""
    try:
        return bus_arn(aws, stage)
    except ClientError as error:
        sentence = f"there is no bus gatewatch-{stage} here ({code_of(error)})"
        raise NoHubError(f"{sentence}; use credentials of the monitoring account, and the hub's Region") from error
    except BotoCoreError as error:
        raise NoHubError(f"AWS cannot be asked: {error}") from error


def alerts_topic(bus: str, stage: str) -> str:
    """Beside the bus, by the name that hub.yaml gives it."""
    return bus.replace(":events:", ":sns:").rpartition(":")[0] + f":gatewatch-{stage}-alerts"


def patterns() -> dict[str, dict[str, Any]]:
    """What each rule of a member should listen for, by the rule's name."""
    return {f"gatewatch-{path.stem}": json.loads(path.read_text("utf-8")) for path in sorted(PATTERNS.glob("*.json"))}


def identity(aws: Aws) -> str:
    """The account that one is in."""
    try:
        return aws.sts.get_caller_identity()["Account"]
    except (ClientError, BotoCoreError) as error:
        raise NoHubError(f"AWS cannot be asked: {error}") from error


def entrance(aws: Aws, own_account: str) -> Callable[[Place], Aws]:
    """Into the own account as one is, into another by the role that member.yaml makes there."""

    def enter(place: Place) -> Aws:
        if place.account_id == own_account:
            return Aws(CoreSession(place.region))
        role = f"arn:{aws.partition(place.region)}:iam::{place.account_id}:role/{READ_ROLE}"
        return aws.assumed(role, place.region, "gatewatch-doctor")

    return enter
