"""The health check: the hub, its destinations, and every account and Region concurrently."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.clients import Aws
from gatewatch.aws.error_codes import error_code
from gatewatch.aws.sessions import CoreSession
from gatewatch.config.forwarding_rules import rule_patterns
from gatewatch.errors import GatewatchError
from gatewatch.events.canary import AccountRegion
from gatewatch.monitoring.doctor.actions import check_actions
from gatewatch.monitoring.doctor.context import check_context
from gatewatch.monitoring.doctor.destinations import AUTH_TEST, DestinationChecks
from gatewatch.monitoring.doctor.hub_checks import judge_admission, judge_canary, judge_hub
from gatewatch.monitoring.doctor.hub_queries import bus_arn, gather_hub
from gatewatch.monitoring.doctor.lookup_role import (
    AlertRole,
    gather_alert_role,
    gather_trusted_callers,
    judge_alert_role,
    judge_trusted_callers,
)
from gatewatch.monitoring.doctor.member_access import GLOBAL_REGIONS, doctor_session
from gatewatch.monitoring.doctor.member_checks import DOCTOR_ROLE_REMEDY, Expected, judge_member
from gatewatch.monitoring.doctor.member_queries import gather_member
from gatewatch.monitoring.doctor.model import CheckResult, CheckStatus, HubState, QueryFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gatewatch.config.settings import Settings

_MAX_THREADS = 16


class NoHubError(GatewatchError):
    """There is no hub in this account and Region."""


@dataclass(frozen=True)
class HealthCheck:
    """`accounts` and `regions` empty: those of accounts.yaml, `member_regions`, and those that ever sent a canary.

    `session_for` returns the AWS clients for an account and Region; `now` is in seconds since 1970.
    """

    aws: Aws
    settings: Settings
    stage: str
    session_for: Callable[[AccountRegion], Aws]
    now: float
    accounts: Sequence[str] = ()
    regions: Sequence[str] = ()
    send: bool = False
    member_regions: Sequence[str] = ()
    auth_test: str = AUTH_TEST

    def results(self) -> Iterator[CheckResult]:
        bus = find_bus(self.aws, self.stage)
        hub = gather_hub(self.aws, self.stage, self.settings, self.now)
        yield from judge_hub(hub)
        alert = gather_alert_role(self.aws, self.stage) if self.settings.read_roles else QueryFailed("not queried")
        yield from judge_alert_role(alert, self.settings.read_roles)
        destinations = DestinationChecks(self.aws, alerts_topic(bus, self.stage), self.auth_test)
        yield from destinations.check_all(self.settings.destinations, send=self.send)
        yield from check_actions(self.aws, self.settings.actions, self.stage, destinations.auth_test)
        yield from check_context(self.aws, self.settings, self.stage, self.now)
        account_regions = self._account_regions(bus, hub)
        roles_at = {
            each.account_id: each for each in reversed(account_regions)
        }  # roles belong to the account, not to a Region
        with ThreadPoolExecutor(_MAX_THREADS, "doctor") as pool:
            checked = pool.map(
                lambda each: self._check_account_region(
                    each, bus, hub, alert if roles_at[each.account_id] == each else None
                ),
                account_regions,
            )
            for results in checked:
                yield from results

    def _account_regions(self, bus: str, hub: HubState) -> list[AccountRegion]:
        reported = (
            []
            if isinstance(hub.last_canaries, QueryFailed)
            else [AccountRegion.parse(text) for text in hub.last_canaries]
        )
        reporting = {origin.region for origin in reported}
        regions = self.regions or sorted({bus.split(":")[3], *self.member_regions, *reporting})
        accounts = self.accounts or sorted({*self.settings.accounts, *(origin.account_id for origin in reported)})
        return [AccountRegion(account, region) for account in accounts for region in regions]

    def _check_account_region(
        self, origin: AccountRegion, bus: str, hub: HubState, alert: AlertRole | QueryFailed | None
    ) -> list[CheckResult]:
        where = f"{self.settings.account(origin.account_id).alias} {origin}"
        return [
            judge_canary(where, str(origin), hub.last_canaries, self.now),
            judge_admission(where, origin.account_id, bus.split(":")[4], hub.bus_policy),
            *self._check_member(where, origin, bus, alert),
        ]

    def _check_member(
        self, where: str, origin: AccountRegion, bus: str, alert: AlertRole | QueryFailed | None
    ) -> list[CheckResult]:
        try:
            aws = self.session_for(origin)
        except (ClientError, BotoCoreError) as error:
            detail = f"the doctor role cannot be assumed: {error_code(error)}"
            return [CheckResult(where, "doctor role", CheckStatus.WARNING, detail, DOCTOR_ROLE_REMEDY)]
        is_global = GLOBAL_REGIONS.get(bus.split(":")[1]) == origin.region
        expected = Expected(bus, rule_patterns(), is_global)
        results = list(judge_member(where, gather_member(aws, expected.names), expected))
        role = self.settings.account(origin.account_id).read_role
        if role and alert:
            results.append(judge_trusted_callers(where, role, gather_trusted_callers(aws, role), alert))
        return results


def find_bus(aws: Aws, stage: str) -> str:
    """Return the ARN of the hub's bus. Raises `NoHubError`."""
    try:
        return bus_arn(aws, stage)
    except ClientError as error:
        reason = f"there is no bus gatewatch-{stage} here ({error_code(error)})"
        raise NoHubError(f"{reason}; use credentials of the hub account, and the hub's Region") from error
    except BotoCoreError as error:
        raise NoHubError(f"AWS cannot be reached: {error}") from error


def alerts_topic(bus: str, stage: str) -> str:
    """Return the ARN of the hub's alerts topic, which is in the account and Region of the bus."""
    return bus.replace(":events:", ":sns:").rpartition(":")[0] + f":gatewatch-{stage}-alerts"


def own_account_id(aws: Aws) -> str:
    """Return the id of the account of these credentials. Raises `NoHubError`."""
    try:
        return aws.sts.get_caller_identity()["Account"]
    except (ClientError, BotoCoreError) as error:
        raise NoHubError(f"AWS cannot be reached: {error}") from error


def member_session(aws: Aws, own_account: str) -> Callable[[AccountRegion], Aws]:
    """Return a function from account and Region to AWS clients: by the doctor role in all other accounts."""
    by_role = doctor_session(aws)
    return lambda origin: Aws(CoreSession(origin.region)) if origin.account_id == own_account else by_role(origin)
