"""docs/actions.md: every line of the table of threats names a test that exists."""

import ast
import re

from support.markdown import PAGES
from support.paths import ROOT

THREATS = re.findall(
    r"^\| ([^|]+) \| ([^|]+) \| (tests/\S+\.py) `(test_\w+)` \|$", PAGES["docs/actions.md"], re.MULTILINE
)


def names(path):
    return {
        node.name for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))) if isinstance(node, ast.FunctionDef)
    }


def test_every_threat_has_a_test_that_exists():
    assert len(THREATS) > 30
    assert [name for _, _, path, name in THREATS if name not in names(path)] == []


def test_no_line_of_the_table_is_left_out():
    (table,) = re.findall(r"^\| Threat \| .*?\n\n", PAGES["docs/actions.md"], re.MULTILINE | re.DOTALL)
    assert len(table.strip().splitlines()) == len(THREATS) + 2
