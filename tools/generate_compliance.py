"""The generated part of compliance/: from the catalogue and the documents to CloudFormation and the table of the docs.

`python -m tools.generate_compliance` writes them anew; a test holds them equal to what is written here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from gatewatch.config.controls import Catalogue
from tools.compliance_templates import COMPLIANCE, pack_template, rules_template

if TYPE_CHECKING:
    from pathlib import Path

DOCS = COMPLIANCE.parent / "docs" / "compliance.md"
_TABLE = re.compile(r"(?<=<!-- controls -->\n).*?(?=<!-- /controls -->)", re.DOTALL)
_HEAD = "# Generated from controls.yaml and documents/ by python -m tools.generate_compliance; edit those.\n"


def table() -> str:
    """The Markdown table of docs/compliance.md."""
    lines = ["| Config rule | Security Hub | Severity | Trigger | Put right by |", "|---|---|---|---|---|"]
    for name, each in Catalogue().controls.items():
        by = f"`{each.remediation.document}`" if each.remediation else "a person"
        lines.append(f"| `{name}` | {each.control or 'none'} | {each.severity} | {each.trigger} | {by} |")
    return "\n".join(lines) + "\n"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  PyYAML's own signature
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def dumped(template: dict[str, Any]) -> str:
    return _HEAD + yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True)


def files() -> dict[Path, str]:
    """Every generated file with its text."""
    return {
        COMPLIANCE / "rules.yaml": dumped(rules_template()),
        COMPLIANCE / "pack.yaml": dumped(pack_template()),
        DOCS: _TABLE.sub(lambda _: table(), DOCS.read_text("utf-8")),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")
