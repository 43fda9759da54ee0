"""One name has one meaning: no two public classes or functions of gatewatch share a name."""

import ast
from collections import defaultdict

import pytest

from support.paths import ROOT

# A function of gatewatch/cli/ has the name of its command, which is often that of what it runs and of its module.
COMMANDS = "gatewatch/cli/"
MODULES = sorted(path for path in (ROOT / "gatewatch").rglob("*.py") if COMMANDS not in path.as_posix())


def public(path, kind):
    return [
        node.name
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, kind) and not node.name.startswith("_")
    ]


@pytest.mark.parametrize("kind", [ast.ClassDef, ast.FunctionDef])
def test_no_two_modules_define_the_same_public_name(kind):
    modules = defaultdict(list)
    for path in MODULES:
        for name in public(path, kind):
            modules[name].append(path.relative_to(ROOT).as_posix())
    assert len(modules) > 100
    assert {name: found for name, found in modules.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_is_named_like_its_function(path):
    assert path.stem not in public(path, ast.FunctionDef)
