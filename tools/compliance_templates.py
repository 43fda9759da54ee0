"""Builds CloudFormation from the catalogue of controls and the automation documents: Config rules and remediations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from gatewatch.config.controls import ControlCatalogue
from gatewatch.config.paths import CONTROLS
from tools.automation_role import automation_role, sub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gatewatch.config.controls import Control

COMPLIANCE = CONTROLS.parent
_PLACEHOLDER = re.compile(r"^<(\w+)>$")
_GATEWATCH_IMPORT = re.compile(r"^from (gatewatch\.[\w.]+) import .*\n\n?", re.MULTILINE)

_PARAMETERS: dict[str, dict[str, Any]] = {
    "Remediation": {
        "Type": "String",
        "Default": "manual",
        "AllowedValues": ["manual", "automatic"],
        "Description": "Whether a violation is remediated on request or automatically",
    },
    "HomeRegion": {
        "Type": "String",
        "Default": "us-east-1",
        "Description": "Rules about the account rather than a Region are created in this Region only",
    },
    "AccessKeyAge": {
        "Type": "Number", "Default": 90, "MinValue": 1, "MaxValue": 3650,
        "Description": "Maximum age of an access key in days",
    },
    **{
        f"BlockedPort{number}": {
            "Type": "Number", "Default": port, "MinValue": 0, "MaxValue": 65535,
            "Description": f"{name}: closed to the internet",
        }
        for number, (port, name) in enumerate(((22, "SSH"), (3389, "RDP"), (3306, "MySQL and Aurora")), start=1)
    },
    "AuthorizedTcpPorts": {
        "Type": "String", "Default": "80,443", "AllowedPattern": "^[0-9,-]+$",
        "Description": "TCP ports that may be open to the internet, such as 443,1020-1025",
    },
    "BucketControlPolicy": {
        "Type": "String", "Default": "",
        "Description": "Control policy that no bucket policy may exceed, at most 1,024 characters. Empty: no rule",
    },
}  # fmt: skip
_CONDITIONS: dict[str, Any] = {
    "IsAutomatic": {"Fn::Equals": [{"Ref": "Remediation"}, "automatic"]},
    "IsHome": {"Fn::Equals": [{"Ref": "AWS::Region"}, {"Ref": "HomeRegion"}]},
    "IsHomeOfRootMfa": {"Fn::And": [{"Condition": "IsHome"}, {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws"]}]},
    "HasBucketControlPolicy": {"Fn::Not": [{"Fn::Equals": [{"Ref": "BucketControlPolicy"}, ""]}]},
}


def logical_id(name: str) -> str:
    """Return the CloudFormation logical id of a kebab-case name."""
    return "".join(part.capitalize() for part in name.split("-"))


def document(name: str) -> dict[str, Any]:
    """Return an automation document with its scripts inlined."""
    folder = COMPLIANCE / "documents"
    content: dict[str, Any] = yaml.safe_load((folder / f"{name}.yaml").read_text("utf-8"))
    for step in content["mainSteps"]:
        if "Script" in step["inputs"]:
            step["inputs"]["Script"] = _standalone(folder / step["inputs"]["Script"])
    return content


def _standalone(script: Path) -> str:
    """Return a script with the modules of gatewatch that it imports in front: Systems Manager has none of them."""
    text = script.read_text("utf-8")
    modules = [COMPLIANCE.parent / f"{name.replace('.', '/')}.py" for name in _GATEWATCH_IMPORT.findall(text)]
    return "\n\n".join([*(each.read_text("utf-8") for each in modules), _GATEWATCH_IMPORT.sub("", text)])


def documents() -> list[str]:
    """Return the names of gatewatch's automation documents."""
    return sorted(path.stem for path in (COMPLIANCE / "documents").glob("*.yaml"))


def rules_template() -> dict[str, Any]:
    """Return the template for one account and Region: rules, documents, their role and the remediations."""
    resources: dict[str, Any] = {"AutomationRole": automation_role()}
    for name in documents():
        resources[f"{logical_id(name)}Document"] = {
            "Type": "AWS::SSM::Document",
            "Properties": {
                "Name": sub(f"gatewatch-{name}-${{AWS::Region}}"),
                "DocumentType": "Automation",
                "DocumentFormat": "YAML",
                "TargetType": "/AWS::EC2::SecurityGroup",
                "UpdateMethod": "NewVersion",
                "Content": document(name),
            },
        }
    role = {"Fn::GetAtt": ["AutomationRole", "Arn"]}
    resources |= dict(_rules(role, lambda name: {"Ref": f"{logical_id(name.removeprefix('gatewatch-'))}Document"}))
    return _template(
        "gatewatch, AWS Config rules of one account and Region with their remediations. Needs a recorder.",
        _PARAMETERS,
        resources,
    )


def pack_template() -> dict[str, Any]:
    """Return the same as a conformance pack; its documents and role come from compliance/rules.yaml of each account."""
    role = sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/gatewatch/gatewatch-automation-${AWS::Region}")
    resources = dict(_rules(role, lambda name: sub(f"{name}-${{AWS::Region}}")))
    return _template("gatewatch, AWS Config rules as a conformance pack.", _PARAMETERS, resources)


def _template(description: str, parameters: dict[str, Any], resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description,
        "Parameters": parameters,
        "Conditions": _CONDITIONS,
        "Resources": resources,
    }


def _rules(role: Any, target: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, control in ControlCatalogue().controls.items():
        condition = _condition(control)
        yield logical_id(name), {**condition, **_rule(name, control)}
        if control.remediation:
            yield f"{logical_id(name)}Remediation", {**condition, **_remediation(name, control, role, target)}


def _condition(control: Control) -> dict[str, str]:
    if "<BucketControlPolicy>" in control.parameters.values():
        return {"Condition": "HasBucketControlPolicy"}
    if control.not_in:
        return {"Condition": "IsHomeOfRootMfa"}
    return {"Condition": "IsHome"} if control.once else {}


def _rule(name: str, control: Control) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "ConfigRuleName": f"gatewatch-{name}",
        "Description": f"{control.title} ({control.control or control.severity.value})",
        "Source": {"Owner": "AWS", "SourceIdentifier": control.identifier},
    }
    if control.parameters:
        properties["InputParameters"] = {key: _value(value) for key, value in control.parameters.items()}
    if control.trigger == "periodic":
        properties["MaximumExecutionFrequency"] = "TwentyFour_Hours"
    return {"Type": "AWS::Config::ConfigRule", "Properties": properties}


def _value(text: str) -> Any:
    """Config accepts strings only; `<Name>` is a parameter of the template."""
    match = _PLACEHOLDER.match(text)
    return sub(f"${{{match[1]}}}") if match else text


def _remediation(name: str, control: Control, role: Any, target: Any) -> dict[str, Any]:
    remediation = control.remediation
    if remediation is None:
        raise ValueError(f"{name} has no remediation")
    parameters: dict[str, Any] = {
        "AutomationAssumeRole": {"StaticValue": {"Values": [role]}},
        remediation.parameter: {"ResourceValue": {"Value": "RESOURCE_ID"}},
    }
    if remediation.is_ours:
        parameters["DryRun"] = {"StaticValue": {"Values": ["false"]}}
    if name == "restricted-ssh":
        parameters["TcpPorts"] = {"StaticValue": {"Values": ["22"]}}
    if name == "restricted-common-ports":
        ports = [sub(f"${{BlockedPort{number}}}") for number in (1, 2, 3)]
        parameters["TcpPorts"] = {"StaticValue": {"Values": ports}}
    return {
        "Type": "AWS::Config::RemediationConfiguration",
        "DependsOn": logical_id(name),
        "Properties": {
            "ConfigRuleName": f"gatewatch-{name}",
            "TargetType": "SSM_DOCUMENT",
            "TargetId": target(remediation.document) if remediation.is_ours else remediation.document,
            "Automatic": {"Fn::If": ["IsAutomatic", True, False]},
            "MaximumAutomaticAttempts": 3,
            "RetryAttemptSeconds": 300,
            "Parameters": parameters,
        },
    }
