"""Writes the golden Slack messages of a Git revision and of now side by side into a page (`make compare-messages`)."""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from gatewatch.config.paths import ROOT
from gatewatch.local.slack.page import render_message, render_page
from gatewatch.local.slack.store import ReceivedMessage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

GOLDEN = "tests/golden"
_AT = datetime(2026, 1, 24, tzinfo=UTC)
# Each column is as wide as a phone, and has what page.css says for a narrow window.
_STYLE = """
body { display: block; padding: 12px; }
.pair { display: flex; flex-wrap: wrap; gap: 12px; align-items: flex-start; margin-bottom: 24px; }
.side { width: 390px; max-width: 100%; border: 1px solid var(--line); }
.side .message { padding: 9px 12px; }
.side .fields { grid-template-columns: minmax(0, 1fr); }
"""

Messages = list[dict[str, Any]]


class Pair(NamedTuple):
    """The messages of one golden folder; empty on the side on which there is no such folder."""

    name: str
    before: Messages
    after: Messages

    @property
    def state(self) -> str:
        if self.before == self.after:
            return "unchanged"
        return "changed" if self.before and self.after else "removed" if self.before else "new"


def pairs(before: Mapping[str, Messages], after: Mapping[str, Messages]) -> list[Pair]:
    """Pair messages by folder, those that differ first."""
    found = [Pair(name, before.get(name, []), after.get(name, [])) for name in sorted({*before, *after})]
    return sorted(found, key=lambda pair: pair.state == "unchanged")


def messages_at(revision: str, language: str, repository: Path) -> dict[str, Messages]:
    """Read the golden messages of a revision by folder. Raises `CalledProcessError` for one that is unknown."""
    command = ["git", "-C", str(repository), "archive", "--format=tar", "--end-of-options", revision, GOLDEN]
    packed = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603  own arguments
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = [each for each in archive if Path(each.name).name == f"slack.{language}.json"]
        return {Path(each.name).parent.name: json.load(archive.extractfile(each) or io.BytesIO()) for each in files}


def messages_now(language: str, folder: Path) -> dict[str, Messages]:
    """Read the golden messages of the working tree by folder."""
    return {each.parent.name: json.loads(each.read_text("utf-8")) for each in folder.glob(f"*/slack.{language}.json")}


def page(compared: Sequence[Pair], revision: str) -> str:
    """Return the page: the head and the style of the inbox, and its messages in two columns."""
    head, _, _ = render_page([], live=False, title=f"Golden messages: {revision} and now").partition("<body")
    head = head.replace("</style>", f"{_STYLE}</style>", 1)
    numbers = count(1)
    return f"{_without_policy(head)}<body>\n{''.join(_section(each, numbers) for each in compared)}</body>\n</html>\n"


def _without_policy(head: str) -> str:
    """The policy of the inbox allows its own style only; this page has no script and loads nothing."""
    return "\n".join(line for line in head.split("\n") if "Content-Security-Policy" not in line)


def _section(pair: Pair, numbers: Iterator[int]) -> Markup:
    sides = [_side(messages, pair.name, numbers) for messages in (pair.before, pair.after)]
    heading = Markup('<h2 data-state="{}">{}: {}</h2>\n').format(pair.state, pair.name, pair.state)
    return heading + Markup('<div class="pair">\n{}</div>\n').format(Markup("").join(sides))


def _side(messages: Messages, name: str, numbers: Iterator[int]) -> Markup:
    shown = "".join(render_message(ReceivedMessage(next(numbers), name, each, _AT)) for each in messages)
    return Markup('<div class="side">{}</div>\n').format(Markup(shown) or "none")  # noqa: S704 - rendered with autoescape


def main(arguments: Sequence[str] | None = None, repository: Path = ROOT) -> int:
    """Write the page and print its path and the folders whose messages differ."""
    parser = argparse.ArgumentParser(prog="python -m tools.compare_messages", description=__doc__)
    parser.add_argument("revision", help="a Git revision, such as main or HEAD~3")
    parser.add_argument("--language", default="en", choices=("en", "ko", "ja"))
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "messages.html")
    options = parser.parse_args(arguments)
    try:
        before = messages_at(options.revision, options.language, repository)
    except subprocess.CalledProcessError as error:
        parser.error(error.stderr.decode(errors="replace").strip())
    compared = pairs(before, messages_now(options.language, repository / GOLDEN))
    options.to.parent.mkdir(parents=True, exist_ok=True)
    options.to.write_text(page(compared, options.revision), "utf-8")
    sys.stdout.writelines(f"{each.state}: {each.name}\n" for each in compared if each.state != "unchanged")
    sys.stdout.write(f"{options.to}: {len(compared)} folders\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
