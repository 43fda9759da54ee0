"""Facts of the families network, public_access, organization and detection: what was done to which AWS resource."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Impact(StrEnum):
    """What a call did. Each is a key of the family's section in policy.yaml, or of the policy of a peer.

    ACL_ENTRY and DATABASE_RULE are judged by their CIDR, SHARED and its like by the account or everyone.
    """

    # network
    ACL_ENTRY = "acl_entry"
    ACL_ENTRY_REMOVED = "acl_entry_removed"
    ACL_CHANGED = "acl_changed"
    INTERNET_ROUTE = "internet_route"
    ROUTE_CHANGED = "route_changed"
    ROUTE_REMOVED = "route_removed"
    INTERNET_GATEWAY = "internet_gateway"
    ROUTE_TABLE = "route_table"
    BLOCK_REMOVED = "block_removed"
    BLOCK_RESTORED = "block_restored"
    PUBLIC_ADDRESSES = "public_addresses"
    PUBLIC_ADDRESS = "public_address"
    CONNECTED = "connected"
    VPN_ACCESS = "vpn_access"
    ENDPOINT_SERVICE = "endpoint_service"
    NETWORK_OPENING = "network_opening"
    TRAFFIC_COPIED = "traffic_copied"
    TOPOLOGY = "topology"
    # public_access
    SHARED = "shared"
    POLICY_INSIDE = "policy_inside"
    NETWORK_PATH = "network_path"
    DATABASE_RULE = "database_rule"
    GUARD_REMOVED = "guard_removed"
    ACCESS_CLOSED = "access_closed"
    # organization
    PERMISSION_SET = "permission_set"
    PERMISSION_SET_REDUCED = "permission_set_reduced"
    BOUNDARY_REMOVED = "boundary_removed"
    ASSIGNMENT = "assignment"
    ASSIGNMENT_REMOVED = "assignment_removed"
    GROUP_MEMBER = "group_member"
    GROUP_MEMBER_REMOVED = "group_member_removed"
    IDENTITY_SOURCE = "identity_source"
    DIRECTORY = "directory"
    ACCOUNT_LEFT = "account_left"
    GUARDRAIL_REMOVED = "guardrail_removed"
    DELEGATED = "delegated"
    ORGANIZATION_CHANGED = "organization_changed"
    ACCOUNT_CHANGED = "account_changed"
    ROOT_EMAIL = "root_email"
    ROOT_SESSION = "root_session"
    FEDERATION_TOKEN = "federation_token"  # noqa: S105  an API call, no secret
    ROOT_MANAGEMENT_OFF = "root_management_off"
    # detection
    DISABLED = "disabled"
    REDUCED = "reduced"
    RECORDS_DELETED = "records_deleted"
    KEY_UNUSABLE = "key_unusable"
    PROTECTION_REMOVED = "protection_removed"
    ALARMS_OFF = "alarms_off"
    STORAGE_CHANGED = "storage_changed"
    SETTING_CHANGED = "setting_changed"
    RESTORED = "restored"
    # attachment
    GROUP_SET = "group_set"
    GROUP_ON_NEW = "group_on_new"
    GROUP_REMOVED = "group_removed"
    # any
    REFUSED = "refused"


class Narrowing(Struct, frozen=True):
    """What the conditions of a grant hold a caller to; `narrows` is False where everyone meets them.

    `organizations` (`o-…`) and `accounts` are all those that a condition admits, and nobody else then.
    """

    narrows: bool = False
    organizations: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


NO_NARROWING = Narrowing()


class Resource(Struct, frozen=True):
    """`kind` is a key of `resource_kind` in the labels: bucket, queue, network_acl.

    `arn`: where a call gives a name, and later calls the ARN only.
    """

    kind: str
    name: str | None = None
    arn: str | None = None


class ResourceFacts(Struct, frozen=True, kw_only=True, tag=True):
    """`detail`: what the effect names beside the resource: a route's target, a policy's ARN.

    `is_administrator` and `escalates`: of the policy of a permission set. `grant_id`: what the call that takes back
    this one grant names: the grantee, or the id of the statement; empty for a setting as a whole. `statements`: digests
    of the statements of a policy that grant it.
    """

    effect: Impact
    resource: Resource
    narrowing: Narrowing = NO_NARROWING
    detail: str | None = None
    is_administrator: bool = False
    escalates: bool = False
    grant_id: str = ""
    statements: tuple[str, ...] = ()
