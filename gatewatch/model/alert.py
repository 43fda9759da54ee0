"""One call, assessed and enriched: `Alert`."""

from __future__ import annotations

from msgspec import Struct

from gatewatch.model.account import Account
from gatewatch.model.api_call import ApiCall
from gatewatch.model.change import Change, Outcome
from gatewatch.model.network_interfaces import NetworkInterfaceSummary
from gatewatch.model.reachability import Reachability
from gatewatch.model.severity import Assessment, Severity
from gatewatch.model.source_network import SourceNetwork


class AssessedChange(Struct, frozen=True):
    change: Change
    assessment: Assessment

    @property
    def is_applied(self) -> bool:
        return self.change.outcome is Outcome.APPLIED


class Links(Struct, frozen=True):
    """Console URLs; empty where the partition has no public console."""

    event: str = ""
    group: str = ""
    iam: str = ""


class Alert(Struct, frozen=True, kw_only=True):
    """One call, assessed and enriched. `changes` are in the order of the call.

    `network_interfaces` are those of its security group, `reachability` is that of the most open of its rules; None
    when they were not looked up. `source_network` is what is known of the source address. `omitted` counts changes
    by severity that were left out to limit the size of a notification.
    """

    call: ApiCall
    account: Account
    changes: tuple[AssessedChange, ...]
    links: Links
    network_interfaces: NetworkInterfaceSummary | None = None
    reachability: Reachability | None = None
    source_network: SourceNetwork | None = None
    omitted: dict[Severity, int] = {}

    @property
    def worst(self) -> AssessedChange:
        """Return the change that the headline is about: the first of the highest severity."""
        if len(self.changes) == 1:
            return self.changes[0]
        return max(self.changes, key=lambda each: each.assessment.severity.rank)

    @property
    def worst_first(self) -> list[AssessedChange]:
        """Return every change, by severity, applied ones first."""
        if len(self.changes) == 1:
            return list(self.changes)
        return sorted(self.changes, key=lambda each: (-each.assessment.severity.rank, not each.is_applied))

    @property
    def change_count(self) -> int:
        """Return the number of changes, including omitted ones."""
        return len(self.changes) + sum(self.omitted.values())

    @property
    def severity(self) -> Severity:
        return self.worst.assessment.severity
