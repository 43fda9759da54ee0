"""Pages and e-mails, judged by a validator, an accessibility checker and a mail parser of other authors."""

from __future__ import annotations

import email
import email.policy
import json
import re
import subprocess
from types import SimpleNamespace

import pytest

from support import judges
from support.browser import MISSING, chromium, new_page
from support.command import gatewatch
from support.paths import ROOT

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make test installs it")
MODULES = ROOT / "node_modules"
AXE = MODULES / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AXE.exists(), reason="the judges are not installed; run `npm ci`"),
]
# What the pages leave out on purpose: HTML 5 spells its doctype in lower case, mail programs read inline styles
# only and need no tbody, and the filter of the inbox works while one types.
RULES = ("doctype-style", "no-inline-style", "prefer-tbody", "wcag/h32")
PAGE = '<!doctype html><html lang="en"><head><title>page</title></head><body><main>{}</main></body></html>'
COMMANDS = {
    "inbox": ["replay", "docs/examples", "tests/golden", "--format", "html"],
    "digest": ["digest", "docs/examples", "tests/golden", "--days", "7", "--format", "html"],
}


@pytest.fixture(scope="module", params=[(name, language) for name in COMMANDS for language in ("en", "ko", "ja")])
def page(request, tmp_path_factory):
    name, language = request.param
    result = gatewatch(*COMMANDS[name], "--language", language)
    path = tmp_path_factory.mktemp("pages") / f"{name}.{language}.html"
    path.write_text(result.out, "utf-8")
    return path


def validate(path):
    """The lines of html-validate about a page."""
    off = [option for rule in RULES for option in ("--rule", f"{rule}:off")]
    command = ["node", MODULES / ".bin" / "html-validate", "--preset", "standard", "--formatter", "text", *off, path]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert answer.stderr == ""
    judges.count("html-validate")
    return answer.stdout.splitlines()


def test_a_page_is_valid_html(page):
    assert validate(page) == []


def test_the_validator_finds_a_broken_page(tmp_path):
    broken = tmp_path / "broken.html"
    broken.write_text(PAGE.format("<p><div>text</p>"), "utf-8")
    assert validate(broken)


@pytest.fixture(scope="module")
def browser():
    if MISSING:
        pytest.skip(MISSING)
    with chromium() as browser:
        yield browser


def violations(browser, path, scheme):
    """What axe-core finds, by the id of its rule. The page's own policy allows no script; the test goes past it."""
    options = {"bypass_csp": True, "color_scheme": scheme, "viewport": {"width": 390, "height": 844}}
    with new_page(browser, **options) as tab:
        tab.goto(path.as_uri())
        tab.add_script_tag(path=AXE)
        found = tab.evaluate("axe.run().then(result => result.violations.map(one => [one.id, one.nodes[0].html]))")
    judges.count("axe-core")
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_accessible(browser, page, scheme):
    assert violations(browser, page, scheme) == []


def test_the_checker_finds_text_that_nobody_can_read(browser, tmp_path):
    pale = tmp_path / "pale.html"
    pale.write_text(PAGE.format('<p style="color:#eee;background:#fff">text</p>'), "utf-8")
    assert "color-contrast" in {rule for rule, _ in violations(browser, pale, "light")}


@pytest.fixture(scope="module", params=["en", "ko", "ja"])
def digest(request):
    """The digest as a mail and as a page, which is the same HTML."""
    command = ["digest", "docs/examples", "--days", "7", "--language", request.param, "--format"]
    return SimpleNamespace(mail=gatewatch(*command, "email").out, page=gatewatch(*command, "html").out)


def parsed_by_others(raw):
    answer = subprocess.run(
        ["node", "tests/local/parse_mail.mjs"], input=raw, capture_output=True, text=True, check=True, cwd=ROOT
    )
    judges.count("mailparser")
    return json.loads(answer.stdout)


def test_a_second_parser_reads_the_same_from_the_mail_of_a_digest(digest):
    theirs = parsed_by_others(digest.mail)
    ours = email.message_from_string(digest.mail, policy=email.policy.default)
    assert theirs["subject"] == ours["subject"].strip()  # the line is folded before its first word
    assert theirs["text"].split() == ours.get_body(("plain",)).get_content().split()
    assert theirs["html"].split() == ours.get_body(("html",)).get_content().split()
    assert theirs["attachments"] == 0


def test_a_second_parser_reads_the_page_from_the_mail(digest):
    assert parsed_by_others(digest.mail)["html"].split() == digest.page.split()


@pytest.mark.parametrize(
    "break_it",
    [
        lambda raw: re.sub('boundary="[^"]+"', 'boundary="another"', raw),
        lambda raw: raw.replace("text/html", "application/octet-stream"),
        lambda raw: raw.replace("utf-8", "utf-16"),
        lambda raw: re.sub("Content-Transfer-Encoding: .*", "Content-Transfer-Encoding: x-unknown", raw),
        lambda raw: raw.replace("Subject:", "X-Subject:"),
    ],
    ids=["boundary", "type", "charset", "encoding", "no subject"],
)
def test_the_second_parser_finds_a_broken_mail(digest, break_it):
    whole, broken = parsed_by_others(digest.mail), parsed_by_others(break_it(digest.mail))
    assert {key: broken.get(key) for key in whole} != whole
