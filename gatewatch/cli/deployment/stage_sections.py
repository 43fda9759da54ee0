"""The sections of a stage file, with their defaults."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class HubSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The hub. `accounts` are members outside the organization; on `event_buses` it may put events."""

    account: str = ""
    region: str = ""
    organization: str = ""
    accounts: tuple[str, ...] = ()
    architecture: Literal["arm64", "x86_64"] = "arm64"
    secrets_key: str = ""
    alerts_email: str = ""
    operators_email: str = ""
    chat_workspace: str = ""
    chat_channel: str = ""
    digest_from: str = ""
    event_buses: tuple[str, ...] = ()
    actions: bool = False
    identity_store_role: str = ""
    silence_minutes: int = 60
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


SwitchedFamily = Literal["attachment", "network", "public_access", "organization", "detection"]


class MembersSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The members. Each of the last four admits a function of the hub to a role in the members.

    `not_forwarded` are the families whose rules are left out.
    """

    regions: tuple[str, ...] = ()
    organizational_units: tuple[str, ...] = ()
    canary_schedule: str = "rate(15 minutes)"
    not_forwarded: tuple[SwitchedFamily, ...] = ()
    doctor_role: str = ""
    forwarding_check: bool = True
    lookups: bool = False
    remediation: bool = False
    key_rotation: bool = False


class ComplianceSection(Struct, frozen=True, forbid_unknown_fields=True):
    """AWS Config: which stacks of compliance/ are deployed, and their parameters.

    `code_bucket` may contain {region}, because a function is created from a bucket in its own Region.
    """

    recorder: bool = False
    recorder_bucket: str = ""
    rules: bool = False
    remediation: Literal["manual", "automatic"] = "manual"
    access_key_age: int = 90
    blocked_ports: tuple[int, int, int] = (22, 3389, 3306)
    authorized_tcp_ports: str = "80,443"
    bucket_control_policy: str = ""
    ingress: bool = False
    code_bucket: str = ""
    code_key: str = ""
    accepted_authorities: str = "rds-ca-rsa2048-g1,rds-ca-rsa4096-g1,rds-ca-ecc384-g1"
    excluded_accounts: tuple[str, ...] = ()
    pack: str = ""
    aggregator: bool = False
