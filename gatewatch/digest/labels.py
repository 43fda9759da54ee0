"""The texts of digests and reminders, from `templates/digest/<language>.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.yaml_file import load_yaml_as

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class DigestLabels(Struct, frozen=True, forbid_unknown_fields=True):
    """Texts with placeholders in braces."""

    digest: dict[str, str]
    reminder: dict[str, str]


def load_digest_labels(templates: Path, languages: Iterable[str]) -> dict[str, DigestLabels]:
    """Load the texts by language. Raises `ConfigurationError` for a missing, invalid or incomplete file."""
    return {each: load_yaml_as(templates / "digest" / f"{each}.yaml", DigestLabels) for each in languages}
