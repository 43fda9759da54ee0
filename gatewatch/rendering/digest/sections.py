"""What a digest consists of: sections with lines and bars, as plain text that is not yet escaped for a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.severity import Severity
from gatewatch.rendering.digest.labels import DigestLabels
from gatewatch.rendering.text.labels import Labels

if TYPE_CHECKING:
    from datetime import timedelta


class Bar(Struct, frozen=True):
    """`counts` by severity, worst first; empty for bars that are not counted by severity."""

    name: str
    value: int
    counts: tuple[tuple[Severity, int], ...] = ()
    detail: str = ""


class Line(Struct, frozen=True):
    """A text with placeholders: `trusted` values, and `untrusted` ones that come from events.

    `links` are pairs of a name and a console URL.
    """

    mark: str
    text: str
    trusted: dict[str, str]
    untrusted: dict[str, str]
    links: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.mark} {self.text.format(**self.trusted, **self.untrusted)}"


class DigestSection(Struct, frozen=True):
    """`lines` contain no event values. A section without a title is a plain paragraph.

    `chart`: a number for each day.
    """

    title: str
    exposures: tuple[Line, ...] = ()
    lines: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    chart: tuple[int, ...] = ()


class DigestView(Struct, frozen=True):
    title: str
    sections: tuple[DigestSection, ...]
    note: str
    warning: str = ""


class DigestText(Struct, frozen=True):
    """The labels of one language and the time zone."""

    digest: DigestLabels
    alert: Labels
    zone: str


def actor_text(name: str, text: DigestText) -> str:
    return text.alert.field["unknown"] if name == UNKNOWN else name


def age_text(age: timedelta, text: DigestText) -> str:
    """Return a duration in its two largest units."""
    labels, minutes = text.digest.digest, int(age.total_seconds()) // 60
    hours, days = minutes // 60, age.days
    if days:
        return labels["days"].format(days=days, hours=hours - 24 * days)
    return (
        labels["hours"].format(hours=hours, minutes=minutes % 60)
        if hours
        else labels["minutes"].format(minutes=minutes)
    )
