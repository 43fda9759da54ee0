"""tools/check_words.py: which words are reported, and where."""

import re

import pytest

from support.paths import ROOT
from tools.check_words import SLOGAN, findings


@pytest.mark.parametrize(
    "line",
    [
        "nobody was told",
        "the gates are open",
        "day book",
        "what becomes of the key",
        "OwnDeed",
        "DeedBook",
        "own_deed",
        "a dead message",
        "old letters",
        "RulesTold",
        "anew",
    ],
)
def test_a_banned_word_is_reported_with_file_and_line(line):
    assert [finding.rpartition(":")[0] for finding in findings("docs/page.md", f"first\n{line}\n")] == [
        "docs/page.md:2"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "gatewatch",
        "GATEWATCH_TABLE",
        "GatewatchError",
        "the dead-letter queue",
        "dead_letter",
        "DeadLetterQueue",
        "a deadline",
        "a broadcast on the roadmap",
        "navigate, delegate, aggregated",
        "the rest of the rules",
        SLOGAN,
    ],
)
def test_other_words_are_not_reported(line):
    assert list(findings("docs/page.md", line)) == []


@pytest.mark.parametrize("code", ["rest = 1", "class OldTrial: pass", "def is_standing(): ...", "head, *rest = items"])
def test_a_banned_name_is_reported_in_python_code_only(code):
    assert len(list(findings("gatewatch/module.py", code))) == 1
    assert list(findings("docs/page.md", code)) == []


def test_a_word_beside_the_slogan_is_reported():
    assert len(list(findings("README.md", f"{SLOGAN} The gate."))) == 2


def test_the_slogan_is_in_the_readme():
    assert SLOGAN in (ROOT / "README.md").read_text("utf-8").splitlines()


def test_make_lint_checks_the_words():
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe is not None
    assert "tools.check_words" in recipe[1]
