"""`deploy/<stage>.yaml`: the parameters of one stage for the hub, the members and AWS Config."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from msgspec import Struct

from gatewatch.aws.sessions import CoreSession
from gatewatch.cli.deployment.stage_sections import ComplianceSection, HubSection, MembersSection, SwitchedFamily
from gatewatch.config.accounts import LOOKUP_ROLE
from gatewatch.config.destinations import EventBus
from gatewatch.config.formats import EVENT_BUS
from gatewatch.config.yaml_file import YamlFile
from gatewatch.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gatewatch.config.settings import Settings

_ACCOUNT = re.compile(r"[0-9]{12}\Z")
_REGION = re.compile(r"[a-z]+(-[a-z]+)+-[0-9]\Z")
_ORGANIZATION = re.compile(r"(o-[a-z0-9]{10,32})?\Z")
_UNIT = re.compile(r"(r-[a-z0-9]{4,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32})\Z")
# osls gets these values on a command line.
_PLAIN = re.compile(r"[A-Za-z0-9+=,.@_:/-]*\Z")
_EMAIL = re.compile(r"([A-Za-z0-9+=._-]+@[A-Za-z0-9.-]+)?\Z")
_ONE_ROLE_ARN = re.compile(r"(?:arn:aws(?:-[a-z]+)*:iam::\d{12}:role/[\w+=,.@/-]+)?\Z", re.ASCII)
_ROLE_ARN = re.compile(r"(arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/*-]+)?\Z")


_ACTIONS_CONCURRENCY = 5  # a click takes tens of milliseconds


def _switch(family: str) -> str:
    """The parameter of eventbridge/member.yaml that switches the rules of a family."""
    return "Forward" + "".join(map(str.title, family.split("_")))


class Stage(Struct, frozen=True):
    """One stage: its name, and the sections of its file."""

    name: str
    hub: HubSection
    members: MembersSection
    compliance: ComplianceSection

    @property
    def hub_stack(self) -> str:
        return f"gatewatch-{self.name}"

    @property
    def partition(self) -> str:
        return CoreSession().get_partition_for_region(self.hub.region)

    def hub_parameters(self) -> dict[str, str]:
        """Return all parameters of serverless.yml by name."""
        hub, members = self.hub, self.members
        return {
            "architecture": hub.architecture,
            "organization": hub.organization,
            "members": ",".join(hub.accounts),
            "secretsKey": hub.secrets_key,
            "lookupRole": LOOKUP_ROLE if members.lookups else "",
            "identityStoreRole": hub.identity_store_role,
            "mailTo": hub.alerts_email,
            "operatorsMailTo": hub.operators_email,
            "chatWorkspace": hub.chat_workspace,
            "chatChannel": hub.chat_channel,
            "logLevel": hub.log_level,
            "silenceMinutes": str(hub.silence_minutes),
            "remediationRole": "gatewatch/gatewatch-remediation",
            "revertRole": "gatewatch/gatewatch-revert",
            "actions": str(hub.actions).lower(),
            "actionsConcurrency": str(_ACTIONS_CONCURRENCY if hub.actions else 0),
            "digestFrom": hub.digest_from,
            "eventBuses": ",".join(hub.event_buses),
            "keyRotation": str(members.key_rotation).lower(),
        }

    def hub_stack_parameters(self) -> dict[str, str]:
        """Return the parameters of eventbridge/hub.yaml that serverless.yml passes, by name."""
        values = self.hub_parameters()
        return {"Stage": self.name} | {key: values[name] for key, name in _STACK_PARAMETERS.items()}

    def member_parameters(self) -> dict[str, str]:
        """Return all parameters of eventbridge/member.yaml by name."""
        arn = f"arn:{self.partition}:events:{self.hub.region}:{self.hub.account}:event-bus/{self.hub_stack}"
        members = self.members
        return {
            "HubBusArn": arn,
            "CanarySchedule": members.canary_schedule,
            **{
                _switch(family): str(family not in members.not_forwarded).lower() for family in get_args(SwitchedFamily)
            },
            "OrganizationId": self.hub.organization,
            "DoctorRoleArn": members.doctor_role,
            "ForwardingCheckRoleArn": self._hub_role(f"{self.hub_stack}-HeartbeatRole-*")
            if members.forwarding_check
            else "",
            "RemediationRoleArn": self._hub_role(f"gatewatch/{self.hub_stack}-config-rule-*")
            if members.remediation
            else "",
            "KeyRotationRoleArn": self._hub_role(f"{self.hub_stack}-AccessKeysRole-*") if members.key_rotation else "",
            "LookupRoleArn": self._hub_role(f"{self.hub_stack}-AlertRole-*") if members.lookups else "",
            "SweepRoleArn": self._hub_role(f"{self.hub_stack}-SweepRole-*") if members.lookups else "",
        }

    def _hub_role(self, name: str) -> str:
        """Return the ARN pattern of a role that CloudFormation named in the hub."""
        return f"arn:{self.partition}:iam::{self.hub.account}:role/{name}"


# Parameter of eventbridge/hub.yaml -> parameter of serverless.yml.
_STACK_PARAMETERS = {
    "OrganizationId": "organization",
    "MemberAccounts": "members",
    "DigestFrom": "digestFrom",
    "EventBuses": "eventBuses",
    "SecretsKeyArn": "secretsKey",
    "LookupRole": "lookupRole",
    "IdentityStoreRoleArn": "identityStoreRole",
    "MailTo": "mailTo",
    "OperatorsMailTo": "operatorsMailTo",
    "ChatWorkspaceId": "chatWorkspace",
    "ChatChannelId": "chatChannel",
}


def stage_file(folder: Path, stage: str) -> Path:
    """Return the path of a stage's file in a configuration folder."""
    return folder / "deploy" / f"{stage}.yaml"


def load_stage(folder: Path, stage: str) -> Stage:
    """Read and check `deploy/<stage>.yaml`. Raises `ConfigurationError` with all problems at once."""
    problems: list[str] = []
    file = YamlFile(stage_file(folder, stage), problems)
    loaded = Stage(
        stage,
        file.section("hub", HubSection),
        file.section("members", MembersSection),
        file.section("compliance", ComplianceSection),
    )
    file.refuse_other_keys()
    if not problems:
        for key, sentence in _problems(loaded):
            file.problem(key, sentence)
    if problems:
        raise ConfigurationError(*problems)
    return loaded


def _problems(stage: Stage) -> Iterator[tuple[str, str]]:
    """Yield key and sentence for every problem that the types do not exclude."""
    hub, members = stage.hub, stage.members
    for key, value, pattern, example in _checked_values(hub, members):
        if not pattern.match(value):
            yield key, f'"{value}" is not valid; write {example}.'
    if not members.regions:
        yield "members.regions", "is empty; write the Regions that are monitored, the global Region first."
    if stage.compliance.ingress and not (stage.compliance.code_bucket and stage.compliance.code_key):
        yield "compliance.ingress", "needs code_bucket and code_key; write where the zip of make package is."
    if members.organizational_units and not hub.organization:
        yield "hub.organization", "is empty, but there are organizational units; write the id of the organization."


def _checked_values(hub: HubSection, members: MembersSection) -> Iterator[tuple[str, str, re.Pattern[str], str]]:
    """Yield key, value, the pattern of valid values and an example."""
    yield "hub.account", hub.account, _ACCOUNT, "12 digits in quotes"
    yield "hub.region", hub.region, _REGION, "a Region such as ap-northeast-2"
    yield "hub.organization", hub.organization, _ORGANIZATION, "the id of an organization, such as o-a1b2c3d4e5"
    role = hub.identity_store_role
    yield "hub.identity_store_role", role, _ONE_ROLE_ARN, "an ARN such as that of eventbridge/identity_store.yaml"
    yield "members.doctor_role", members.doctor_role, _ROLE_ARN, "an ARN such as arn:aws:iam::999988887777:role/ops-*"
    for name in ("alerts_email", "operators_email", "digest_from"):
        yield f"hub.{name}", getattr(hub, name), _EMAIL, "an e-mail address such as security@example.com"
    for name in ("secrets_key", "chat_workspace", "chat_channel"):
        yield f"hub.{name}", getattr(hub, name), _PLAIN, "A-Z, a-z, 0-9 and + = , . @ _ : / - only"
    for index, each in enumerate(hub.event_buses):
        yield f"hub.event_buses[{index}]", each, EVENT_BUS, "the ARN of an event bus, as policy.yaml has it"
    for index, each in enumerate(hub.accounts):
        yield f"hub.accounts[{index}]", each, _ACCOUNT, "12 digits in quotes"
    for index, each in enumerate(members.regions):
        yield f"members.regions[{index}]", each, _REGION, "a Region such as us-east-1"
    for index, each in enumerate(members.organizational_units):
        yield f"members.organizational_units[{index}]", each, _UNIT, "the id of a root or unit, r-… or ou-…"


def require_identity_store(stage: Stage, settings: Settings) -> None:
    """Raise `ConfigurationError` unless the hub may assume the role of `identity_store` of accounts.yaml."""
    role = settings.identity_store.role
    if role and role != stage.hub.identity_store_role:
        raise ConfigurationError(
            f"accounts.yaml: identity_store.role: is not hub.identity_store_role of deploy/{stage.name}.yaml; "
            "write its ARN there."
        )


def require_event_buses(stage: Stage, settings: Settings) -> None:
    """Raise `ConfigurationError` unless the hub may put events on every bus of policy.yaml, in its own Region."""
    problems = []
    for name, destination in settings.destinations.items():
        if isinstance(destination, EventBus):
            key = f"policy.yaml: destinations.{name}.bus"
            if destination.bus.split(":")[3] != stage.hub.region:
                problems.append(f"{key}: is in another Region than the hub; write a bus in {stage.hub.region}.")
            elif destination.bus not in stage.hub.event_buses:
                problems.append(f"{key}: is not in hub.event_buses of deploy/{stage.name}.yaml; write its ARN there.")
    if problems:
        raise ConfigurationError(*problems)
