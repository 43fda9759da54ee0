"""The texts of one language, from `templates/labels/<language>.yaml`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.yaml_file import load_yaml_as

if TYPE_CHECKING:
    from pathlib import Path

    from gatewatch.model.severity import Reason


class Labels(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All text of messages that does not come from the event. Values stand in braces."""

    severity: dict[str, str]
    outcome: dict[str, str]
    direction: dict[str, str]
    via: dict[str, str]
    field: dict[str, str]
    button: dict[str, str]
    headline: dict[str, str]
    attempt: dict[str, str]
    attempt_outcome: dict[str, str]
    target: dict[str, str]
    peer: dict[str, str]
    line: dict[str, str]
    reason: dict[str, str]
    operation: dict[str, str]
    operation_attempt: dict[str, str]
    entity: dict[str, str]
    entity_type: dict[str, str]
    rule_diff: dict[str, str]
    network_interfaces: dict[str, str]
    reachability: dict[str, str]
    thread: dict[str, str]
    advice: dict[str, str]
    no_undo: dict[str, str]
    notice: dict[str, str]
    resource_kind: dict[str, str]
    resource_change: dict[str, str]
    action: dict[str, str]
    source_network: dict[str, str]

    def reason_text(self, reason: Reason) -> str:
        return self.reason[reason.code].format_map(reason.values)


@cache
def load_labels(templates: Path, language: str) -> Labels:
    """The file is read once. Raises `ConfigurationError` when a label file is missing, broken or incomplete."""
    return load_yaml_as(templates / "labels" / f"{language}.yaml", Labels)
