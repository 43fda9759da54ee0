"""Changes of network, public_access, organization and detection + policy -> severity and reasons."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gatewatch.alerts.severity.security_group import access_assessment, exposure_of, exposure_reason
from gatewatch.events.changes.policy_conditions import OWN_ACCOUNT, OWN_ORGANIZATION
from gatewatch.model.change import Change, Family
from gatewatch.model.network import exposure_of_cidr, world_cidrs
from gatewatch.model.resource import Impact, Narrowing, ResourceFacts
from gatewatch.model.security_group import AccountPeer, CidrPeer, Direction, EveryonePeer, GroupPeer
from gatewatch.model.severity import Assessment, Exposure, Reason, Severity

if TYPE_CHECKING:
    from gatewatch.alerts.severity.security_group import Pool
    from gatewatch.config.severity import SeverityRules

_DATABASE = {Exposure.WORLD: Severity.CRITICAL, Exposure.WIDE: Severity.HIGH, Exposure.NARROW: Severity.LOW}
RESOURCE_FAMILIES = frozenset({Family.NETWORK, Family.PUBLIC_ACCESS, Family.ORGANIZATION, Family.DETECTION})
_ATTACHED = {Impact.GROUP_ON_NEW: Severity.INFO, Impact.GROUP_REMOVED: Severity.INFO}


def attachment_assessment(change: Change) -> Assessment:
    """A group set on something; one that something new has from the start, or that was taken off, is info."""
    effect = change.facts.effect if isinstance(change.facts, ResourceFacts) else Impact.GROUP_SET
    code = "attachment_group_removed" if effect is Impact.GROUP_REMOVED else "attached"
    return Assessment(_ATTACHED.get(effect, Severity.LOW), (Reason(code),))


def resource_assessment(
    change: Change, facts: ResourceFacts, world: dict[Pool, frozenset[str]], policy: SeverityRules
) -> Assessment:
    """What the change would be once applied. `world` is that of all changes of the call."""
    match facts.effect:
        case Impact.REFUSED:
            severity = Severity.HIGH if change.is_severe else Severity.LOW
            return Assessment(severity, (Reason("no_parameters"),))
        case Impact.ACL_ENTRY:
            return _acl_entry(change, world, policy)
        case Impact.DATABASE_RULE:
            return _database_rule(change, policy)
        case _:
            code = _code(change, facts, policy)
            values = {"peer": change.rule.peer.text if change.rule.peer else ""}
            reason = Reason(f"{change.family}_{code}", values)
            return Assessment(_severity(change.family, code, policy), (reason,))


def _severity(family: Family, code: str, policy: SeverityRules) -> Severity:
    """By the key of the family's section in policy.yaml."""
    section = {
        Family.NETWORK: policy.network,
        Family.PUBLIC_ACCESS: policy.public_access,
        Family.ORGANIZATION: policy.organization,
        Family.DETECTION: policy.detection,
    }[family]
    severity: Severity = getattr(section, code)
    return severity


def _code(change: Change, facts: ResourceFacts, policy: SeverityRules) -> str:
    judge = _JUDGED.get(facts.effect)
    return judge(change, facts, policy) if judge else facts.effect.value


def _is_known(account: str, policy: SeverityRules) -> bool:
    known = policy.accounts.union(policy.known_accounts, policy.iam.known_accounts)
    return account == OWN_ACCOUNT or account in known


def _shared(change: Change, facts: ResourceFacts, policy: SeverityRules) -> str:
    if isinstance(change.rule.peer, AccountPeer):
        return "known_account" if _is_known(change.rule.peer.account_id, policy) else "stranger"
    if not facts.narrowing.narrows:
        return "everyone"
    return "organization" if _is_ours(facts.narrowing, policy) else "everyone_if"


def _is_ours(narrowing: Narrowing, policy: SeverityRules) -> bool:
    """Held to the own organization, or to accounts that are all known."""
    ours = {OWN_ORGANIZATION, policy.own_organization or OWN_ORGANIZATION}
    is_of_organization = bool(narrowing.organizations) and ours.issuperset(narrowing.organizations)
    is_of_accounts = bool(narrowing.accounts) and all(_is_known(each, policy) for each in narrowing.accounts)
    return is_of_organization or is_of_accounts


def _connected(change: Change, _facts: ResourceFacts, policy: SeverityRules) -> str:
    """A path to an account that the event does not name may lead anywhere."""
    peer = change.rule.peer
    is_known = isinstance(peer, AccountPeer) and _is_known(peer.account_id, policy)
    return "known_account_connected" if is_known else "stranger_connected"


def _endpoint_service(change: Change, _facts: ResourceFacts, policy: SeverityRules) -> str:
    peer = change.rule.peer
    if isinstance(peer, EveryonePeer):
        return "endpoint_service_everyone"
    is_known = isinstance(peer, AccountPeer) and _is_known(peer.account_id, policy)
    return "endpoint_service_known" if is_known else "endpoint_service_stranger"


def _vpn(change: Change, facts: ResourceFacts, _judgement: SeverityRules) -> str:
    peer = change.rule.peer
    is_world = isinstance(peer, CidrPeer) and exposure_of_cidr(peer.cidr).is_world
    return "vpn_opened" if is_world or facts.detail == "all" else "vpn_access"


def _acl_removed(change: Change, _facts: ResourceFacts, _judgement: SeverityRules) -> str:
    is_denial = change.rule_before is not None and change.rule_before.denies
    return "acl_denial_removed" if is_denial else "acl_entry_removed"


def _permission_set(_change: Change, facts: ResourceFacts, policy: SeverityRules) -> str:
    """As a policy of IAM: by what it allows, or by the name of a managed one."""
    name = (facts.detail or "").rpartition("/")[2].lower()
    patterns = policy.iam.administrator_policies
    if facts.is_administrator or any(fnmatchcase(name, each.lower()) for each in patterns):
        return "administrator"
    return "escalating" if facts.escalates else "permission_set"


_JUDGED = {
    Impact.SHARED: _shared,
    Impact.CONNECTED: _connected,
    Impact.ENDPOINT_SERVICE: _endpoint_service,
    Impact.VPN_ACCESS: _vpn,
    Impact.ACL_ENTRY_REMOVED: _acl_removed,
    Impact.PERMISSION_SET: _permission_set,
}


def _acl_entry(change: Change, world: dict[Pool, frozenset[str]], policy: SeverityRules) -> Assessment:
    """As a rule of a security group, one step lower: a group stands behind every ACL."""
    if change.rule.denies:
        return Assessment(Severity.INFO, (Reason("network_acl_denial"),))
    if change.rule.direction is Direction.EGRESS:
        return Assessment(Severity.INFO, (Reason("egress"),))
    as_rule = access_assessment(change, world, policy)
    severity = max(as_rule.severity.one_step_down(), Severity.LOW, key=lambda level: level.rank)
    return Assessment(severity, (*as_rule.reasons, Reason("network_acl_entry")), as_rule.exposure, as_rule.services)


def _database_rule(change: Change, policy: SeverityRules) -> Assessment:
    """As a rule of a security group on the port of a database."""
    peer, applies = change.rule.peer, Reason("public_access_database_rule")
    if isinstance(peer, CidrPeer):
        exposure = exposure_of(peer, world_cidrs([peer.cidr]), policy)
        return Assessment(_DATABASE[exposure], (exposure_reason(peer, exposure), applies), exposure)
    is_foreign = isinstance(peer, GroupPeer) and peer.foreign
    severity = Severity.MEDIUM if is_foreign and change.is_severe else Severity.LOW
    reason = Reason("foreign_group" if is_foreign else "own_group", {"peer": peer.text if peer else ""})
    return Assessment(severity, (reason, applies))
