"""The wording of digests and reminders, from `templates/digest/<language>.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import yaml
from msgspec import Struct

from gatewatch.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class DigestLabels(Struct, frozen=True, forbid_unknown_fields=True):
    """Sentences have their values in braces."""

    digest: dict[str, str]
    reminder: dict[str, str]


def load_digest_labels(templates: Path, languages: Iterable[str]) -> dict[str, DigestLabels]:
    """Raises `ConfigurationError` when a file is missing, broken or incomplete."""
    return {language: _load(templates / "digest" / f"{language}.yaml") for language in languages}


def _load(path: Path) -> DigestLabels:
    try:
        return msgspec.convert(yaml.safe_load(path.read_bytes()), DigestLabels)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
