"""Sections of a message beside its rules: a title with a list or a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.rendering.escaping import code, code_block
from gatewatch.rendering.sns_escaping import MailText, plain_text

if TYPE_CHECKING:
    from gatewatch.model.notification import Section
    from gatewatch.rendering.text.labels import Labels


def section_mrkdwn(section: Section, labels: Labels) -> Markup:
    between = "\n" if section.max_length else " "
    return Markup("*{}*").format(labels.line[section.title]) + between + _code(section)


def section_mail(section: Section, labels: Labels) -> MailText:
    return MailText(f"{labels.line[section.title]}:\n{plain_text(_code(section))}")


def _code(section: Section) -> Markup:
    return code_block(section.text, section.max_length) if section.max_length else code(section.text)
