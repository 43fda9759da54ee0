"""What stands in a message about the gates it opened or closed, and how it gets there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.rendering.escaping import code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.delivery.exposure_history import ExposureOpened, ExposureStatus

_UNITS = (("days", 86400, 2 * 86400), ("hours", 3600, 2 * 3600), ("minutes", 60, 60), ("seconds", 1, 0))


def ended_line(standing: ExposureStatus, words: Mapping[str, str]) -> str:
    """`✅ Closed after 14 min by …` under the headline of what opened it; empty while all of it is open."""
    if standing.last is None:
        return ""
    if not standing.is_over:
        return some_line(standing.closed, standing.gates, words)
    took = lasting(standing.last.at - standing.since, words)
    return "✅ " + words[standing.last.how].format(time=took, actor=code(standing.last.who))


def some_line(closed: int, gates: int, words: Mapping[str, str]) -> str:
    """`☑️ 3 of 7 opened rules closed`; empty while none is."""
    mark = "✅" if closed == gates else "☑️"
    return f"{mark} {words['partly_closed'].format(closed=closed, all=gates)}" if closed else ""


def began_line(openings: tuple[ExposureOpened, ...], at: float, words: Mapping[str, str]) -> str:
    """The same from the other end, for the message of who closed it: since when it was open, and by whom."""
    first = min(openings)
    return "✅ " + words["was_open"].format(time=lasting(at - first.at, words), actor=code(first.who))


def lasting(seconds: float, words: Mapping[str, str]) -> str:
    """`40 s`, `14 min`, `3 h`, `12 d`: whole units, the largest of which there are two; minutes from the first."""
    seconds = max(0.0, seconds)
    unit, size, _ = next(each for each in _UNITS if seconds >= each[2])
    return words[unit].format(count=int(seconds // size))
