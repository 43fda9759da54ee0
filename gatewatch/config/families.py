"""What policy.yaml may say about the families network, public_access, organization and detection."""

from __future__ import annotations

from msgspec import Struct

from gatewatch.model.severity import Severity

_INFO, _LOW, _MEDIUM = Severity.INFO, Severity.LOW, Severity.MEDIUM
_HIGH, _CRITICAL = Severity.HIGH, Severity.CRITICAL


class NetworkSeverity(Struct, frozen=True, forbid_unknown_fields=True):
    """`severity.network`: how dangerous each change of a network path is, when it was applied.

    An entry of a network ACL is judged as a rule of a security group, one step lower. `enabled: false` leaves the
    whole family out.
    """

    enabled: bool = True
    acl_entry_removed: Severity = _LOW
    acl_denial_removed: Severity = _MEDIUM
    acl_changed: Severity = _LOW
    internet_route: Severity = _MEDIUM
    route_changed: Severity = _LOW
    route_removed: Severity = _INFO
    internet_gateway: Severity = _MEDIUM
    route_table: Severity = _LOW
    block_removed: Severity = _HIGH
    block_restored: Severity = _INFO
    public_addresses: Severity = _MEDIUM
    public_address: Severity = _LOW
    stranger_connected: Severity = _HIGH
    known_account_connected: Severity = _LOW
    vpn_opened: Severity = _HIGH
    vpn_access: Severity = _LOW
    endpoint_service_everyone: Severity = _HIGH
    endpoint_service_stranger: Severity = _MEDIUM
    endpoint_service_known: Severity = _LOW
    network_opening: Severity = _LOW
    traffic_copied: Severity = _MEDIUM
    topology: Severity = _INFO
    access_closed: Severity = _INFO


class PublicAccessSeverity(Struct, frozen=True, forbid_unknown_fields=True):
    """`severity.public_access`: to whom a resource was opened, when it was applied.

    `organization`: to the own one of accounts.yaml, or under a condition to known accounts.
    """

    enabled: bool = True
    everyone: Severity = _CRITICAL
    everyone_if: Severity = _HIGH
    organization: Severity = _LOW
    stranger: Severity = _HIGH
    known_account: Severity = _LOW
    network_path: Severity = _HIGH
    guard_removed: Severity = _HIGH
    policy_inside: Severity = _INFO
    access_closed: Severity = _INFO


class OrganizationSeverity(Struct, frozen=True, forbid_unknown_fields=True):
    """`severity.organization`: Identity Center, AWS Organizations, account settings, sessions of the root user."""

    enabled: bool = True
    administrator: Severity = _HIGH
    escalating: Severity = _MEDIUM
    permission_set: Severity = _LOW
    permission_set_reduced: Severity = _INFO
    boundary_removed: Severity = _HIGH
    assignment: Severity = _MEDIUM
    assignment_removed: Severity = _INFO
    group_member: Severity = _MEDIUM
    group_member_removed: Severity = _INFO
    identity_source: Severity = _MEDIUM
    directory: Severity = _LOW
    account_left: Severity = _HIGH
    guardrail_removed: Severity = _HIGH
    delegated: Severity = _MEDIUM
    organization_changed: Severity = _LOW
    account_changed: Severity = _LOW
    root_email: Severity = _HIGH
    root_session: Severity = _HIGH
    federation_token: Severity = _MEDIUM
    root_management_off: Severity = _HIGH


class DetectionSeverity(Struct, frozen=True, forbid_unknown_fields=True):
    """`severity.detection`: what watches, protects or keeps records was switched off or reduced."""

    enabled: bool = True
    disabled: Severity = _HIGH
    reduced: Severity = _MEDIUM
    records_deleted: Severity = _MEDIUM
    key_unusable: Severity = _HIGH
    protection_removed: Severity = _HIGH
    alarms_off: Severity = _MEDIUM
    storage_changed: Severity = _MEDIUM
    setting_changed: Severity = _INFO
    restored: Severity = _INFO
