"""Security groups with a rule that opens sensitive ports to the internet: a resource that gets one is open at once."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from msgspec import structs

from gatewatch.alerts.exposures import rule_ref
from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.severity import Exposure, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gatewatch.model.alert import AssessedChange
    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.exposure import RuleRef

_MAX_GROUPS = 10_000
_OPENING_ACTIONS = frozenset({Action.AUTHORIZE, Action.MODIFY})


class OpenGroups(Protocol):
    """The open groups by account and id; an account knows only its own."""

    def open_among(self, call: ApiCall, group_ids: Iterable[str]) -> frozenset[str]:
        """Return those of the groups that are known to be open."""
        ...

    def save_after(self, call: ApiCall, changes: Sequence[AssessedChange]) -> None:
        """Note what the rules of a call opened and closed."""
        ...


class InMemoryOpenGroups:
    """The groups that this process saw most recently."""

    def __init__(self, limit: int = _MAX_GROUPS) -> None:
        self._limit = limit
        self._rules: OrderedDict[tuple[str, str], set[RuleRef]] = OrderedDict()

    def open_among(self, call: ApiCall, group_ids: Iterable[str]) -> frozenset[str]:
        return frozenset(each for each in group_ids if self._rules.get((call.account_id, each)))

    def save_after(self, call: ApiCall, changes: Sequence[AssessedChange]) -> None:
        for each in changes:
            change, group_id = each.change, each.change.group.id
            is_of_group = change.family is Family.SECURITY_GROUP and change.outcome is Outcome.APPLIED
            if is_of_group and group_id:
                self._save((call.account_id, group_id), each)
        while len(self._rules) > self._limit:
            self._rules.popitem(last=False)

    def _save(self, key: tuple[str, str], assessed: AssessedChange) -> None:
        change, ref = assessed.change, rule_ref(assessed.change.rule)
        if change.action is Action.DELETE:
            self._rules.pop(key, None)
        elif opens_sensitive_ports(assessed):
            self._rules.setdefault(key, set()).add(ref)
        elif change.action in {Action.REVOKE, Action.MODIFY} and key in self._rules:
            self._rules[key] = {each for each in self._rules[key] if not each.matches(ref)}


def opens_sensitive_ports(assessed: AssessedChange) -> bool:
    """The whole internet on a sensitive port is critical, whatever the policy calls the other combinations."""
    assessment = assessed.assessment
    is_world = assessment.exposure is Exposure.WORLD and assessment.severity is Severity.CRITICAL
    return is_world and assessed.change.action in _OPENING_ACTIONS


def with_open_groups(
    call: ApiCall, changes: Sequence[AssessedChange], open_groups: OpenGroups
) -> tuple[AssessedChange, ...]:
    """Return the changes with each applied attachment of an open group raised to high, and note what they opened."""
    open_groups.save_after(call, changes)
    group_ids = {each.change.group.id for each in changes if _is_attachment(each) and each.change.group.id}
    found = open_groups.open_among(call, group_ids) if group_ids else frozenset()
    return tuple(_raised(each) if _is_attachment(each) and each.change.group.id in found else each for each in changes)


def _is_attachment(assessed: AssessedChange) -> bool:
    change = assessed.change
    is_applied = change.family is Family.ATTACHMENT and change.outcome is Outcome.APPLIED
    return is_applied and change.action is Action.ATTACH


def _raised(assessed: AssessedChange) -> AssessedChange:
    assessment = assessed.assessment
    severity = max(assessment.severity, Severity.HIGH, key=lambda level: level.rank)
    reasons = (Reason("attached_open_group", {"group": assessed.change.group.id or ""}), *assessment.reasons)
    return structs.replace(assessed, assessment=structs.replace(assessment, severity=severity, reasons=reasons))
