"""The snippets for Control Tower and Landing Zone Accelerator, compared with the parameters of a stage file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from gatewatch.cli.deployment.stage_file import load_stage
from support.markdown import PAGES, blocks
from support.stage import write_stage

if TYPE_CHECKING:
    from pathlib import Path

STAGE = """
hub: {account: "999988887777", region: ap-northeast-2, organization: o-a1b2c3d4e5}
members: {regions: [us-east-1, ap-northeast-2], lookups: true}
"""


def snippet(page: str) -> dict[str, object]:
    """Return the one YAML block of a page."""
    (text,) = blocks(PAGES[f"docs/{page}.md"], "yaml")
    loaded: dict[str, object] = yaml.safe_load(text)
    return loaded


def control_tower() -> tuple[dict[str, object], dict[str, str]]:
    manifest = snippet("control-tower")
    assert (str(manifest["version"]), manifest.keys()) == ("2021-03-15", {"region", "version", "resources"})
    (resource,) = manifest["resources"]  # type: ignore[attr-defined]
    assert resource["deploy_method"] == "stack_set"
    given = {each["parameter_key"]: each["parameter_value"] for each in resource["parameters"]}
    assert resource["deployment_targets"].keys() == {"organizational_units"}
    return resource, given


def landing_zone_accelerator() -> tuple[dict[str, object], dict[str, str]]:
    customizations = snippet("landing-zone-accelerator")["customizations"]
    (resource,) = customizations["cloudFormationStackSets"]  # type: ignore[index]
    assert resource["capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert resource["deploymentTargets"].keys() == {"organizationalUnits"}
    return resource, {each["name"]: each["value"] for each in resource["parameters"]}


@pytest.mark.parametrize("read", [control_tower, landing_zone_accelerator])
def test_a_snippet_has_every_parameter_as_gatewatch_computes_it(read, tmp_path: Path) -> None:
    stage = load_stage(write_stage(tmp_path, STAGE), "prod")
    resource, given = read()
    assert given == stage.member_parameters()
    assert (resource["name"], tuple(resource["regions"])) == ("gatewatch-member", stage.members.regions)
    template = resource.get("resource_file") or resource["template"]
    assert template.endswith("/member.yaml")
