"""Compare the rules, targets and forwarding role of each member with what this version deploys.

A canary proves that bus, role and queue work, not that the other rules still forward anything. The doctor role reads
them; an account where it cannot be assumed is itself a difference.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.aws.error_codes import error_code
from gatewatch.config.forwarding_rules import rule_patterns
from gatewatch.monitoring.doctor.member_access import DOCTOR_ROLE, GLOBAL_REGIONS
from gatewatch.monitoring.doctor.member_checks import Expected, judge_forwarding
from gatewatch.monitoring.doctor.member_queries import gather_forwarding
from gatewatch.monitoring.doctor.model import CheckStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gatewatch.aws.clients import Aws
    from gatewatch.events.canary import AccountRegion

_MAX_THREADS = 16


class Difference(Struct, frozen=True, order=True):
    """One thing that is not as deployed. `region` is empty for what belongs to the whole account."""

    account_id: str
    region: str
    detail: str


@dataclass(frozen=True)
class ForwardingCheck:
    """`bus` is the ARN of the hub's bus; `session_for` assumes the doctor role in a member."""

    bus: str
    session_for: Callable[[AccountRegion], Aws]

    def differences(self, members: Iterable[AccountRegion]) -> tuple[Difference, ...]:
        """Return the differences of all members, sorted. Never raises for a member that cannot be read."""
        with ThreadPoolExecutor(_MAX_THREADS, "forwarding") as pool:
            found = {each for differences in pool.map(self._check, members) for each in differences}
        return tuple(sorted(found))

    def _check(self, member: AccountRegion) -> list[Difference]:
        try:
            aws = self.session_for(member)
        except (ClientError, BotoCoreError) as error:
            return [Difference(member.account_id, "", f"{DOCTOR_ROLE} cannot be assumed: {error_code(error)}")]
        is_global = GLOBAL_REGIONS.get(self.bus.split(":")[1]) == member.region
        expected = Expected(self.bus, rule_patterns(), is_global)
        results = judge_forwarding(str(member), gather_forwarding(aws, expected.names), expected)
        return [
            Difference(member.account_id, member.region, each.detail)
            for each in results
            if each.status is not CheckStatus.OK
        ]
