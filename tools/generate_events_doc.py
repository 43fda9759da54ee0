"""docs/events.md, made of what the members forward and what the hub understands. `make docs` writes it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.config.paths import PATTERNS, ROOT
from gatewatch.events.changes.registry import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCUMENT = ROOT / "docs" / "events.md"
_HEAD = """# What gatewatch understands

Made by `make docs` from `eventbridge/patterns/*.json`, which the rules of every member follow, and from the dispatch
table in `gatewatch/events/changes`. A test compares this page, the rules and the table. Do not edit it here.

An event of a name below and of a shape that nobody knows becomes an alert that says so. Every other call stays in the
member account.
"""


class Page(Struct, frozen=True):
    """What a person wants to know of a pattern beside what is in it; in this order on the page."""

    pattern: str
    title: str
    about: str


_PAGES = (
    Page(
        "security-group", "Security groups", "In every Region. Each rule × each peer of a call is a change of its own."
    ),
    Page("prefix-list", "Managed prefix lists", "In every Region. An entry opens every rule that names the list."),
    Page("attachment", "Attachments", "In every Region, when the call sets groups."),
    Page("iam", "IAM", "In the partition's global Region, where IAM is recorded."),
    Page("sign-in", "Sign-ins", "In every Region: a sign-in is recorded where its endpoint is."),
    Page("compliance", "AWS Config", "In every Region where AWS Config judges resources by rules."),
    Page(
        "hub",
        "The road itself",
        "In every Region, for what is named gatewatch, and for every trail. What stacks do to the members' rules "
        "when they are deployed is not told, unless it cuts the road.",
    ),
)


def document() -> str:
    return "\n".join([_HEAD, *(text for page in _PAGES for text in _section(page)), _canary()])


def _section(page: Page) -> Iterator[str]:
    pattern = json.loads((PATTERNS / f"{page.pattern}.json").read_text("utf-8"))
    yield f"## {page.title}\n"
    yield f"{page.about}\n"
    yield f"Rule `gatewatch-{page.pattern}`, detail-type {_coded(pattern['detail-type'])}.\n"
    rows = list(_rows(pattern["detail"]))
    if rows:
        yield from ("| Service | Call | Family | Action |", "| --- | --- | --- | --- |", *rows, "")
    elif "readOnly" in pattern["detail"]:
        yield f"Every call of `{pattern['detail']['eventSource'][0]}` that writes, by whatever name.\n"
    else:
        yield "Every change of a resource from one state to another.\n"


def _rows(detail: Mapping[str, Any]) -> Iterator[str]:
    for each in detail.get("$or", [detail]):
        for name in each.get("eventName", []):
            service = each["eventSource"][0].removesuffix(".amazonaws.com")
            kind = KINDS[service, name]
            yield f"| {service} | `{name}` | {kind.family} | {kind.action} |"


def _coded(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _canary() -> str:
    return (
        "## The canary\n\nRule `gatewatch-canary`, on a schedule, in every Region: source `aws.events`, detail-type "
        "`Scheduled Event`, nothing in it. It takes the\nroad that an alert takes, and becomes a time in the hub's "
        "table and nothing else. `functions/heartbeat` tells when it does not come.\n"
    )


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT.relative_to(ROOT)}\n")
