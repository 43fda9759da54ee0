"""Generates compliance/rules.yaml, compliance/pack.yaml and the table of docs/compliance.md.

Run `python -m tools.generate_compliance`; a test compares the files with what this module generates.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from gatewatch.config.controls import ControlCatalogue
from tools.compliance_templates import COMPLIANCE, pack_template, rules_template

if TYPE_CHECKING:
    from pathlib import Path

DOCS = COMPLIANCE.parent / "docs" / "compliance.md"
_TABLE = re.compile(r"(?<=<!-- controls -->\n).*?(?=<!-- /controls -->)", re.DOTALL)
_HEAD = "# Generated from controls.yaml and documents/ by python -m tools.generate_compliance; edit those.\n"


def table() -> str:
    """Return the Markdown table of docs/compliance.md."""
    lines = ["| Config rule | Security Hub | Severity | Trigger | Remediation |", "|---|---|---|---|---|"]
    for name, each in ControlCatalogue().controls.items():
        remediation = f"`{each.remediation.document}`" if each.remediation else "manual"
        lines.append(f"| `{name}` | {each.control or 'none'} | {each.severity} | {each.trigger} | {remediation} |")
    return "\n".join(lines) + "\n"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  PyYAML's own signature
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def to_yaml(template: dict[str, Any]) -> str:
    """Return a template as YAML with the header of generated files."""
    return _HEAD + yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True)


def files() -> dict[Path, str]:
    """Return every generated file with its text."""
    return {
        COMPLIANCE / "rules.yaml": to_yaml(rules_template()),
        COMPLIANCE / "pack.yaml": to_yaml(pack_template()),
        DOCS: _TABLE.sub(lambda _: table(), DOCS.read_text("utf-8")),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")
