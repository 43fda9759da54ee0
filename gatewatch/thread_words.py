"""What stands in a message about the gates it opened or closed, and how it gets there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gatewatch.safe_text import code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.gate_story import Opening, Standing

_UNITS = (("days", 86400, 2 * 86400), ("hours", 3600, 2 * 3600), ("minutes", 60, 60), ("seconds", 1, 0))


def ended_line(standing: Standing, words: Mapping[str, str]) -> str:
    """`✅ Closed after 14 min by …` under the headline of what opened it; empty while all of it is open."""
    if standing.last is None:
        return ""
    if not standing.is_over:
        return "☑️ " + words["some"].format(closed=standing.closed, all=standing.gates)
    took = lasting(standing.last.at - standing.since, words)
    return "✅ " + words[standing.last.how].format(time=took, who=code(standing.last.who))


def began_line(openings: tuple[Opening, ...], at: float, words: Mapping[str, str]) -> str:
    """The same from the other end, for the message of who closed it: since when it was open, and by whom."""
    first = min(openings)
    return "✅ " + words["was_open"].format(time=lasting(at - first.at, words), who=code(first.who))


def lasting(seconds: float, words: Mapping[str, str]) -> str:
    """`40 s`, `14 min`, `3 h`, `12 d`: whole units, the largest of which there are two; minutes from the first."""
    seconds = max(0.0, seconds)
    unit, size, _ = next(each for each in _UNITS if seconds >= each[2])
    return words[unit].format(count=int(seconds // size))


def with_line(body: str, line: str, color: str = "", thread_ts: str = "") -> str:
    """The payload with a line under its headline; one of an unknown form stays as it is."""
    try:
        message = msgspec.json.decode(body)
        attachment = message["attachments"][0]
        headers = [number for number, block in enumerate(attachment["blocks"]) if block["type"] == "header"]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError):
        return body
    if line:
        text = {"type": "mrkdwn", "verbatim": True, "text": line}
        attachment["blocks"].insert(headers[0] + 1 if headers else 0, {"type": "section", "text": text})
    if color:
        attachment["color"] = color
    if thread_ts:
        message["thread_ts"] = thread_ts
    return msgspec.json.encode(message).decode()
