"""The page of golden messages before and after: both sides of each folder, marked when they differ."""

import json
import re
import subprocess

import pytest

from support.html import nesting_problems
from tools.compare_messages import GOLDEN, main


def messages(*texts):
    return [{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]} for text in texts]


def write(root, name, *texts, language="en"):
    folder = root / GOLDEN / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"slack.{language}.json").write_text(json.dumps(messages(*texts)), "utf-8")


@pytest.fixture
def repository(tmp_path):
    """Golden messages in a commit, and others in the working tree."""
    root = tmp_path / "repository"
    for name in ("same", "reworded", "removed"):
        write(root, name, f"before {name}", "<script>&amp;")
    write(root, "reworded", "전", language="ko")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "messages of before"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *command], cwd=root, check=True)
    write(root, "reworded", "after reworded", "<script>&amp;")
    (root / GOLDEN / "removed" / "slack.en.json").unlink()
    write(root, "added", "after added")
    return root


def compare(root, *options):
    page = root / "page.html"
    assert main(["HEAD", "--to", str(page), *options], root) == 0
    return page.read_text("utf-8")


def test_folders_that_differ_come_first_and_say_how(repository, capsys):
    states = re.findall(r'<h2 data-state="(\w+)">([\w-]+): ', compare(repository))
    assert states == [("new", "added"), ("removed", "removed"), ("changed", "reworded"), ("unchanged", "same")]
    assert capsys.readouterr().out.splitlines()[:3] == ["new: added", "removed: removed", "changed: reworded"]


def test_both_sides_are_messages_of_the_inbox_next_to_each_other(repository):
    page = compare(repository)
    sides = re.split(r'<div class="side">', page)[1:]
    assert [side.count("<article") for side in sides] == [0, 1, 2, 0, 2, 2, 2, 2]
    assert "before reworded" in sides[4]
    assert "after reworded" in sides[5]
    ids = re.findall(r' id="(message-\d+)"', page)
    assert len(ids) == len({*ids}) == 11


def test_the_page_loads_nothing_and_escapes_what_messages_say(repository):
    page = compare(repository)
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert nesting_problems(page.partition("<body>")[2].partition("</body>")[0]) == []


def test_another_language_is_compared(repository):
    page = compare(repository, "--language", "ko")
    assert re.findall(r'<h2 data-state="(\w+)">([\w-]+)', page) == [("unchanged", "reworded")]


def test_a_revision_that_does_not_exist_is_a_sentence(repository, capsys):
    with pytest.raises(SystemExit):
        main(["nonesuch", "--to", str(repository / "page.html")], repository)
    assert "nonesuch" in capsys.readouterr().err
