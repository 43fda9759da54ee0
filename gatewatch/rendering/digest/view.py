"""A digest in one language: sections with lines and bars, as plain text that is not yet escaped for a channel."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.change import Family
from gatewatch.model.digest import MAX_BARS, MAX_EXPOSURES, most_common
from gatewatch.model.severity import Severity
from gatewatch.rendering.digest.labels import DigestLabels
from gatewatch.rendering.text.labels import Labels
from gatewatch.rendering.text.rules import target_text
from gatewatch.rendering.text.severity_marks import severity_mark
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import timedelta

    from gatewatch.model.alert import AssessedChange
    from gatewatch.model.digest import AccountChanges, Digest, ExposedRule

_MAX_URL = 250


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
    """`lines` contain no event values. A section without a title is a plain paragraph."""

    title: str
    exposures: tuple[Line, ...] = ()
    lines: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()


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


def digest_view(digest: Digest, text: DigestText) -> DigestView:
    labels = text.digest.digest
    missing = digest.missing_events
    warning = "⚠️ " + labels["missing_events"].format(events=_events(missing, text)) if missing else ""
    return DigestView(_title(digest, text), _sections(digest, text), _note(digest, text), warning)


def _sections(digest: Digest, text: DigestText) -> tuple[DigestSection, ...]:
    labels = text.digest.digest
    if digest.is_empty:
        return (DigestSection("", lines=(labels["quiet"],)),)
    if not digest.events:
        return _open(digest, text), DigestSection("", lines=(labels["nothing"],))
    return (
        _open(digest, text),
        DigestSection(labels["severities"], bars=tuple(_severities(digest, text))),
        DigestSection(labels["accounts"], bars=tuple(_accounts(digest, text))),
        DigestSection(labels["actors"], bars=tuple(_actors(digest, text))),
        *_short_lived_roles(digest, text),
        DigestSection(labels["closed"], lines=(_closed(digest, text),)),
        DigestSection(
            labels["suppressed"],
            lines=() if digest.suppressed else (labels["suppressed_none"],),
            bars=tuple(_bars(digest.suppressed)),
        ),
    )


def _title(digest: Digest, text: DigestText) -> str:
    """Return the title: dates for whole days, else times to the minute."""
    labels, period = text.digest.digest, digest.period
    first, last = (local_time(each, text.zone) for each in (period.first, period.last))
    first_day, last_day = (_day(each, text) for each in (first, last))
    if first[10:19] == " 00:00:00" and last[10:19] == " 23:59:59":
        key = "title_day" if first_day == last_day else "title_days"
        return labels[key].format(first=first_day, last=last_day)
    end = "" if first_day == last_day else f"{last_day} "
    return labels["title_days"].format(first=f"{first_day} {first[11:16]}", last=f"{end}{last[11:16]}{last[19:]}")


def _day(time: str, text: DigestText) -> str:
    """`20 November 2026` for a local time such as `2026-11-20 10:12:00 KST`."""
    labels, day = text.digest.digest, date.fromisoformat(time[:10])
    return labels["date"].format(day=day.day, month=labels["months"].split()[day.month - 1], year=day.year)


def _events(count: int, text: DigestText) -> str:
    return text.digest.digest["event" if count == 1 else "events"].format(count=count)


def _note(digest: Digest, text: DigestText) -> str:
    labels = text.digest.digest
    if digest.recording_since is None:
        return labels["source"].format(events=_events(digest.events, text))
    began = local_time(digest.recording_since, text.zone)
    start = f"{_day(began, text)} {began[11:16]}{began[19:]}"
    return labels["source_activity_log"].format(events=_events(digest.events, text), began=start)


def _open(digest: Digest, text: DigestText) -> DigestSection:
    labels, more = text.digest.digest, digest.open_count - MAX_EXPOSURES
    facts = tuple(_exposure_line(rule, digest.period.now - rule.since, text) for rule in digest.open[:MAX_EXPOSURES])
    remaining = (labels["more"].format(count=more),) if more > 0 else ()
    none = labels["open_none" if digest.recording_since is None else "open_none_now"]
    return DigestSection(labels["open"], facts, remaining if facts else (none,))


def _exposure_line(rule: ExposedRule, age: timedelta, text: DigestText) -> Line:
    labels, owner = text.digest.digest, rule.account.owner
    parts = (labels["open_line"], labels["open_by"], labels["owner" if owner else "no_owner"])
    return Line(
        mark=severity_mark(rule.severity),
        text=" · ".join(parts),
        trusted={
            "what": _what(rule.change, text),
            "account": rule.account.display_name,
            "age": _age(age, text),
            "owner": owner or "",
        },
        untrusted={"group": rule.resource, "region": rule.region, "actor": _actor(rule.actor, text)},
        links=tuple(_links(rule, text)),
    )


def _what(assessed: AssessedChange, text: DigestText) -> str:
    """Return the traffic of a rule, or the CIDR of a prefix list entry, which has no ports."""
    change = assessed.change
    if change.family is Family.PREFIX_LIST and change.rule.peer:
        return change.rule.peer.text
    return target_text(assessed, text.alert).strip()


def _links(rule: ExposedRule, text: DigestText) -> Iterator[tuple[str, str]]:
    """Yield the links to the security group and to the event that opened it, where the partition has a console."""
    urls = (("group", rule.links.group), ("event", rule.links.event))
    yield from ((text.alert.button[name], url) for name, url in urls if 0 < len(url) <= _MAX_URL)


def _actor(name: str, text: DigestText) -> str:
    return text.alert.field["unknown"] if name == UNKNOWN else name


def _short_lived_roles(digest: Digest, text: DigestText) -> Iterator[DigestSection]:
    """Yield a section with one line for each role, or nothing."""
    labels, shown = text.digest.digest, digest.short_lived_roles[:MAX_BARS]
    more = digest.omitted_roles + len(digest.short_lived_roles) - len(shown)
    lines = tuple(
        Line(
            mark=severity_mark(each.severity),
            text=labels["short_lived_role"],
            trusted={"account": each.account.display_name, "age": _age(each.lifetime, text)},
            untrusted={"role": each.name, "actor": _actor(each.actor, text)},
        )
        for each in shown
    )
    if lines:
        yield DigestSection(labels["short_lived_roles"], lines, (labels["more"].format(count=more),) if more else ())


def _accounts(digest: Digest, text: DigestText) -> Iterator[Bar]:
    """Yield a bar per account, most changes first."""
    return (_bar(each, text) for each in digest.accounts[:MAX_BARS])


def _bar(changes: AccountChanges, text: DigestText) -> Bar:
    counts = tuple(_worst_first(changes.severities))
    detail = ", ".join(f"{text.alert.severity[severity]} {count}" for severity, count in counts)
    return Bar(changes.account.display_name, changes.total, counts, detail)


def _severities(digest: Digest, text: DigestText) -> Iterator[Bar]:
    for severity, count in _worst_first(digest.severities):
        yield Bar(text.alert.severity[severity], count, ((severity, count),))


def _worst_first(counts: Mapping[Severity, int]) -> Iterator[tuple[Severity, int]]:
    return ((each, counts[each]) for each in reversed(Severity) if counts.get(each))


def _actors(digest: Digest, text: DigestText) -> Iterable[Bar]:
    return (Bar(_actor(name, text), count) for name, count in most_common(digest.actors))


def _bars(counts: Mapping[str, int]) -> Iterable[Bar]:
    return (Bar(name, count) for name, count in most_common(counts))


def _closed(digest: Digest, text: DigestText) -> str:
    labels = text.digest.digest
    if not digest.closed:
        return labels["closed_none"]
    median, slowest = (_age(each, text) for each in (digest.median_closed, max(digest.closed)))
    return labels["closed_text"].format(count=len(digest.closed), median=median, slowest=slowest)


def _age(age: timedelta, text: DigestText) -> str:
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
