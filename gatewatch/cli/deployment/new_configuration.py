"""The files of a new configuration folder."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.aws.clients import Aws
from gatewatch.aws.organizations import list_accounts_or_raise
from gatewatch.cli.deployment.stage_file import load_stage, stage_file
from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.config.paths import ROOT
from gatewatch.config.settings import load_deployable_settings
from gatewatch.errors import ConfigurationError
from gatewatch.monitoring.doctor.member_access import GLOBAL_REGIONS

if TYPE_CHECKING:
    from pathlib import Path

    from gatewatch.cli.deployment.stage_file import Stage

_MANIFEST = ROOT / "docs" / "slack-app-manifest.yaml"
_POLICY = """# docs/configuration.md has every key.
destinations:
  sec-all: {kind: slack_webhook, url: {ssm: /gatewatch/slack/sec-all}}
routes:
  - {match: {min_severity: low}, to: [sec-all]}
  - {match: {family: [security_group, prefix_list], action: revoke}, to: [sec-all]}
"""


class Organization(Struct, frozen=True):
    """An organization: its id, its root, and the names of its active accounts by id."""

    id: str
    root: str
    accounts: dict[str, str]


class NewConfiguration(Struct, frozen=True, kw_only=True):
    """The answers from which the files are written. `accounts` has names by id; a name may be empty."""

    stage: str
    hub_account: str
    region: str
    member_regions: tuple[str, ...]
    accounts: dict[str, str]
    organization: str
    root: str
    operators_email: str = ""


def organization_of() -> Organization:
    """Read the organization of the credentials. Raises `AwsCallError` or `OrganizationError`."""
    client: Any = Aws().organizations
    accounts = list_accounts_or_raise(client)
    with aws_errors_as_messages():
        found, roots = client.describe_organization()["Organization"], client.list_roots()["Roots"]
    active = {each.id: each.name for each in accounts if each.is_active}
    return Organization(found["Id"], roots[0]["Id"], active)


def write_configuration(folder: Path, new: NewConfiguration) -> list[Path]:
    """Write the files and check them; return their paths. Raises `ConfigurationError` if one exists or is invalid.

    Invalid files are removed again, so that the command can be repeated.
    """
    files = {
        folder / "accounts.yaml": _accounts(new),
        folder / "policy.yaml": _POLICY,
        stage_file(folder, new.stage): _stage(new),
    }
    existing = [path for path in files if path.exists()]
    if existing:
        raise ConfigurationError(f"{existing[0]} exists; name another folder.")
    stage_file(folder, new.stage).parent.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    try:
        load_deployable_settings(folder / "accounts.yaml", folder / "policy.yaml")
        _require_global_region(load_stage(folder, new.stage))
    except Exception:
        for path in files:
            path.unlink()
        raise
    manifest = folder / _MANIFEST.name
    shutil.copyfile(_MANIFEST, manifest)
    return [*files, manifest]


def _require_global_region(stage: Stage) -> None:
    """In China every Region has a hub of its own, so the global Region may belong to another hub."""
    needed = GLOBAL_REGIONS[stage.partition]
    if stage.partition != "aws-cn" and needed not in stage.members.regions:
        raise ConfigurationError(f"the Regions to monitor lack {needed}, where CloudTrail records IAM; name it too.")


def _accounts(new: NewConfiguration) -> str:
    lines = [f"  {json.dumps(each)}: {{alias: {json.dumps(name or each)}}}" for each, name in new.accounts.items()]
    return "\n".join(["defaults: {timezone: UTC, language: en}", "accounts:", *lines]) + "\n"


def _stage(new: NewConfiguration) -> str:
    """Return the stage file. JSON is valid YAML, so values are written as JSON."""
    outside = [] if new.organization else [each for each in new.accounts if each != new.hub_account]
    units = [new.root] if new.root else []
    return f"""# docs/deploy.md describes every key.
hub:
  account: {json.dumps(new.hub_account)}
  region: {json.dumps(new.region)}
  organization: {json.dumps(new.organization)}
  accounts: {json.dumps(outside)}
  operators_email: {json.dumps(new.operators_email)}
members:
  regions: {json.dumps(new.member_regions)}
  organizational_units: {json.dumps(units)}
"""
