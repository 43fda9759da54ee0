"""docs/architecture.md and docs/glossary.md, and the paths and links of every page."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import gatewatch
from gatewatch.aws.hub_rows import RowKind
from gatewatch.model.change import Family
from support.markdown import PAGES, inline_code
from support.paths import ROOT

ARCHITECTURE = PAGES["docs/architecture.md"]
FOLDERS = (
    "gatewatch",
    "functions",
    "eventbridge",
    "compliance",
    "templates",
    "tests",
    "tools",
    "bench",
    "docs",
    "terraform",
)
NO_PATHS = re.compile(r"gatewatch/(gatewatch-.*|slack-token)?$")  # roles and secrets


def is_path(code: str) -> bool:
    known = code.startswith(tuple(f"{folder}/" for folder in FOLDERS))
    return known and " " not in code and "*" not in code and not NO_PATHS.match(code)


def exists(path: str) -> bool:
    """Accept `functions/alert` for functions/alert.py, as the pages write it."""
    return (ROOT / path).exists() or (ROOT / f"{path}.py").exists()


@pytest.mark.parametrize("package", sorted(path.parent.name for path in (ROOT / "gatewatch").glob("*/__init__.py")))
def test_every_package_is_described(package):
    assert re.search(rf"^\| `gatewatch/{package}/` \| \w", ARCHITECTURE, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page):
    missing = [code for code in inline_code(PAGES[page]) if is_path(code) and not exists(code)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_leads_to_one(page):
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", PAGES[page]) if "://" not in target]
    assert [target for target in targets if not ((ROOT / page).parent / target).is_file()] == []


def test_every_page_is_linked_from_the_readme():
    pages = {page for page in PAGES if page.startswith("docs/")}
    assert {page for page in pages if f"]({page})" not in PAGES["README.md"]} == set()


def test_the_glossary_is_sorted_and_has_every_family():
    terms = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", PAGES["docs/glossary.md"], re.MULTILINE)[2:]
    assert terms == sorted(terms, key=str.lower)
    (families,) = re.findall(r"^\| family \| the kind of a change: (.+) \|$", PAGES["docs/glossary.md"], re.MULTILINE)
    assert set(families.split(", ")) == set(Family)


def row_kinds():
    """Return every declared kind of row by its prefix."""
    names = [each.name for each in pkgutil.walk_packages(gatewatch.__path__, "gatewatch.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    return {each.prefix: each for module in modules for each in vars(module).values() if isinstance(each, RowKind)}


def test_every_kind_of_row_is_described_with_its_lifetime():
    kinds = row_kinds()
    assert {"rule", "snapshot", "deferred"} <= kinds.keys()
    for prefix, kind in kinds.items():
        (line,) = re.findall(rf"^\| [^|]*`{prefix}`[^|]* \|.*$", ARCHITECTURE, re.MULTILINE)
        if kind.lifetime:
            assert re.search(rf"\b{kind.lifetime // 86400} days? \|$", line), line
        else:
            assert line.endswith(("| none |", "| until sent |"))


def test_every_kind_of_row_is_in_an_iam_policy():
    policies = "".join(
        (ROOT / path).read_text("utf-8") for path in ("eventbridge/hub.yaml", "compliance/function.yaml")
    )
    allowed = set(re.findall(r"([a-z-]+)#\*", " ".join(re.findall(r"LeadingKeys: (.+)", policies))))
    assert row_kinds().keys() - allowed == set()
    assert allowed - row_kinds().keys() == {"day"}
