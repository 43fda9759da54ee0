"""The words of the family `compliance`: what AWS Config found about a resource, and what it had found before."""

from __future__ import annotations

from msgspec import Struct

COMPLIANT, NON_COMPLIANT, NOT_APPLICABLE = "COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE"


class ComplianceFacts(Struct, frozen=True, kw_only=True, tag=True):
    """States as Config writes them; `old` None at the first evaluation. `rule` as it is named in the account."""

    rule: str
    new: str
    old: str | None = None
    resource_type: str = ""
    annotation: str = ""

    @property
    def is_broken(self) -> bool:
        return self.new == NON_COMPLIANT

    @property
    def is_met(self) -> bool:
        return self.new == COMPLIANT

    @property
    def is_return(self) -> bool:
        return self.is_met and self.old == NON_COMPLIANT
