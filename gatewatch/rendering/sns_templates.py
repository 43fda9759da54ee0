"""Jinja2 templates of texts for SNS subscribers: chat notifications and emails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, ModuleLoader, StrictUndefined, Template
from msgspec import Struct

from gatewatch.rendering import escaping, sns_escaping

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


def load_sns_templates(folder: Path) -> SnsTemplates:
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
