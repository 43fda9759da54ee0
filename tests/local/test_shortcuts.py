"""Shortcuts in moto change no result, and end with their block."""

import pytest
from moto import backends
from moto.cloudformation.models import Stack

from gatewatch.config.paths import EVENTBRIDGE
from gatewatch.local.aws.shortcuts import moto_shortcuts, parse_template


@pytest.mark.parametrize("name", ["revert.yaml", "member.yaml"])
def test_templates_are_parsed_as_by_moto(name):
    text = (EVENTBRIDGE / name).read_text("utf-8")
    assert parse_template(text) == Stack.parse_template(text)


def test_services_are_listed_as_by_moto_and_the_shortcuts_end():
    listed, parse = backends.list_of_moto_modules, Stack.parse_template
    with moto_shortcuts():
        assert list(backends.list_of_moto_modules()) == list(listed())
        assert Stack.parse_template is parse_template
    assert (backends.list_of_moto_modules, Stack.parse_template) == (listed, parse)
