"""Shortcuts in moto: its services are listed once instead of for each request, and templates are parsed by libyaml."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml
from moto import backends
from moto.cloudformation.models import Stack
from moto.cloudformation.utils import yaml_tag_constructor

if TYPE_CHECKING:
    from collections.abc import Iterator


class _TemplateLoader(yaml.CSafeLoader):
    """With the short forms of CloudFormation's functions, such as `!Ref`."""


_TemplateLoader.add_multi_constructor("", yaml_tag_constructor)


def parse_template(text: str) -> dict[str, Any]:
    """Return the same as moto does."""
    template: dict[str, Any] = yaml.load(text, _TemplateLoader)  # noqa: S506  a safe loader
    return template


@contextmanager
def moto_shortcuts() -> Iterator[None]:
    """Both hold in the block."""
    listed, parse = backends.list_of_moto_modules, vars(Stack)["parse_template"]
    names = tuple(listed())
    backends.list_of_moto_modules = lambda: names
    Stack.parse_template = staticmethod(parse_template)  # type: ignore[assignment]
    try:
        yield
    finally:
        backends.list_of_moto_modules = listed
        Stack.parse_template = parse  # type: ignore[method-assign]
