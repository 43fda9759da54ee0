"""What messages are made of: labels of every language, and templates of texts. Each is loaded when it is needed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from gatewatch.config.languages import LANGUAGES
from gatewatch.rendering.digest.labels import load_digest_labels
from gatewatch.rendering.text.labels import load_labels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gatewatch.rendering.digest.labels import DigestLabels
    from gatewatch.rendering.sns_templates import SnsTemplates
    from gatewatch.rendering.text.labels import Labels


class Templates(NamedTuple):
    labels: Callable[[str], Labels]
    digest_labels: Callable[[str], DigestLabels]
    sns: Callable[[], SnsTemplates]


def load_templates(folder: Path) -> Templates:
    """`labels` raises `ConfigurationError` for a broken label file; an unknown language gets the English labels."""
    return Templates(
        labels=cache(lambda language: load_labels(folder, _known(language))),
        digest_labels=cache(lambda language: load_digest_labels(folder, _known(language))),
        sns=cache(lambda: _sns_templates(folder)),
    )


def _known(language: str) -> str:
    """English for a language that another release of gatewatch wrote."""
    return language if language in LANGUAGES else "en"


def _sns_templates(folder: Path) -> SnsTemplates:
    from gatewatch.rendering.sns_templates import load_sns_templates  # noqa: PLC0415  Slack messages need no Jinja2

    return load_sns_templates(folder)
