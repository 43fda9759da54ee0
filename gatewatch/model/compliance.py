"""Values of the family `compliance`: AWS Config's new and old evaluation of a resource."""

from __future__ import annotations

from msgspec import Struct

COMPLIANT, NON_COMPLIANT, NOT_APPLICABLE = "COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE"


class ComplianceFacts(Struct, frozen=True, kw_only=True, tag=True):
    """Compliance types as Config writes them; `old` is None at the first evaluation. `rule` is the rule's name."""

    rule: str
    new: str
    old: str | None = None
    resource_type: str = ""
    annotation: str = ""

    @property
    def is_noncompliant(self) -> bool:
        return self.new == NON_COMPLIANT

    @property
    def is_compliant(self) -> bool:
        return self.new == COMPLIANT

    @property
    def returned_to_compliance(self) -> bool:
        return self.is_compliant and self.old == NON_COMPLIANT
