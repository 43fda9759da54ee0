"""The texts of digests, from `templates/digest/<language>.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.yaml_file import load_yaml_as

if TYPE_CHECKING:
    from pathlib import Path


class DigestLabels(Struct, frozen=True, forbid_unknown_fields=True):
    """Texts with placeholders in braces."""

    digest: dict[str, str]


def load_digest_labels(templates: Path, language: str) -> DigestLabels:
    """Load the texts of a language. Raises `ConfigurationError` for a missing, invalid or incomplete file."""
    return load_yaml_as(templates / "digest" / f"{language}.yaml", DigestLabels)
