"""One call, assessed and enriched: `Alert`."""

from __future__ import annotations

from msgspec import Struct

from gatewatch.model.account import Account
from gatewatch.model.api_call import ApiCall
from gatewatch.model.change import Change
from gatewatch.model.network_interfaces import NetworkInterfaceSummary
from gatewatch.model.severity import Assessment, Severity


class AssessedChange(Struct, frozen=True):
    change: Change
    assessment: Assessment


class Links(Struct, frozen=True):
    """Console URLs; empty where the partition has no public console."""

    event: str = ""
    group: str = ""
    iam: str = ""


class Alert(Struct, frozen=True, kw_only=True):
    """One call, assessed and enriched. `changes` are in the order of the call.

    `network_interfaces` are those of its security group; None when they were not looked up.
    """

    call: ApiCall
    account: Account
    changes: tuple[AssessedChange, ...]
    links: Links
    network_interfaces: NetworkInterfaceSummary | None = None

    @property
    def worst(self) -> AssessedChange:
        """Return the change that the headline is about: the first of the highest severity."""
        if len(self.changes) == 1:
            return self.changes[0]
        return max(self.changes, key=lambda each: each.assessment.severity.rank)

    @property
    def severity(self) -> Severity:
        return self.worst.assessment.severity
