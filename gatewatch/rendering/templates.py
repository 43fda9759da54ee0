"""Jinja2 templates of every channel, compiled once per process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, ModuleLoader, StrictUndefined, Template
from msgspec import Struct

from gatewatch.config.languages import LANGUAGES
from gatewatch.rendering import escaping, sns_escaping
from gatewatch.rendering.digest.labels import DigestLabels, load_digest_labels
from gatewatch.rendering.text.labels import Labels, load_labels

if TYPE_CHECKING:
    from pathlib import Path

_COMPILED = "compiled"  # folder beside the templates; only in the deployment package


class SnsTemplates(Struct, frozen=True):
    """Templates of a chat notification and of an email. The subject of an email is always in English."""

    notification: Template
    description: Template
    chat_rule: Template
    subject: Template
    mail: Template
    mail_rule: Template


class Templates(Struct, frozen=True):
    """Slack's templates as functions that return text. Labels and the templates of `sns` are loaded when needed."""

    message: Callable[..., str]
    rollup: Callable[..., str]
    rule: Callable[..., str]
    labels: Callable[[str], Labels]
    digest_labels: Callable[[str], DigestLabels]
    sns: Callable[[], SnsTemplates]


def load_templates(folder: Path) -> Templates:
    """`labels` raises `ConfigurationError` for a broken label file; an unknown language gets the English labels."""
    json_environment = _environment(folder, escaping.json_value)
    text_environment = _environment(folder, escaping.text_value)
    return Templates(
        message=_macro(json_environment.get_template("slack/message.json.j2"), "message"),
        rollup=_macro(json_environment.get_template("slack/rollup.json.j2"), "rollup"),
        rule=_macro(text_environment.get_template("slack/rule.j2"), "rule"),
        labels=cache(lambda language: load_labels(folder, _known(language))),
        digest_labels=cache(lambda language: load_digest_labels(folder, _known(language))),
        sns=cache(lambda: _sns_templates(folder)),
    )


def _known(language: str) -> str:
    """English for a language that another release of gatewatch wrote."""
    return language if language in LANGUAGES else "en"


def _sns_templates(folder: Path) -> SnsTemplates:
    json_environment = _environment(folder, sns_escaping.chat_json_value)
    chat_environment = _environment(folder, sns_escaping.chat_value)
    mail_environment = _environment(folder, sns_escaping.mail_value)
    return SnsTemplates(
        notification=json_environment.get_template("chatbot/notification.json.j2"),
        description=chat_environment.get_template("chatbot/description.j2"),
        chat_rule=chat_environment.get_template("chatbot/rule.j2"),
        subject=_environment(folder, sns_escaping.ascii_value).get_template("email/subject.j2"),
        mail=mail_environment.get_template("email/message.j2"),
        mail_rule=mail_environment.get_template("email/rule.j2"),
    )


def _macro(template: Template, name: str) -> Callable[..., str]:
    macro: Callable[..., str] = getattr(template.module, name)
    return macro


def compile_templates(folder: Path) -> None:
    """Compile every template to a Python module beside the templates, which loads without Jinja2's compiler.

    A module reads `finalize` from its environment when it runs, so that one compilation serves every environment.
    """
    _environment(folder, str).compile_templates(folder / _COMPILED, extensions=["j2"], zip=None, ignore_errors=False)


def _environment(folder: Path, finalize: Any) -> Environment:
    """An environment in which every `{{ value }}` passes through `finalize`, so that templates need not escape.

    Jinja2's own escaping is for HTML; it would escape again what `finalize` returns.
    """
    compiled = folder / _COMPILED
    environment = Environment(
        loader=ModuleLoader(compiled) if compiled.is_dir() else FileSystemLoader(folder),
        autoescape=False,  # noqa: S701  see above
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["code"] = escaping.code
    return environment
