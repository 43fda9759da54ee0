"""A digest in one language."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from gatewatch.model.digest import MAX_BARS, most_common
from gatewatch.model.severity import Severity
from gatewatch.rendering.digest.exposures import open_rules, public_resources, what_was_read
from gatewatch.rendering.digest.sections import Bar, DigestSection, DigestView, Line, actor_text, age_text
from gatewatch.rendering.digest.trend import trend_sections
from gatewatch.rendering.text.severity_marks import severity_mark
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gatewatch.model.digest import AccountChanges, Digest
    from gatewatch.rendering.digest.sections import DigestText


def digest_view(digest: Digest, text: DigestText) -> DigestView:
    labels = text.digest.digest
    missing = digest.missing_events
    warning = "⚠️ " + labels["missing_events"].format(events=_events(missing, text)) if missing else ""
    return DigestView(_title(digest, text), _sections(digest, text), _note(digest, text), warning)


def _sections(digest: Digest, text: DigestText) -> tuple[DigestSection, ...]:
    labels = text.digest.digest
    if digest.is_empty:
        nothing = labels["quiet" if digest.readings else "quiet_known"]
        quiet = DigestSection("", lines=(nothing, *what_was_read(digest, text)))
        return quiet, *trend_sections(digest, text)
    if not digest.events:
        first = open_rules(digest, text), *public_resources(digest, text), *trend_sections(digest, text)
        return (
            *first,
            DigestSection("", lines=(labels["nothing"],)),
            *_late_events(digest, text),
            *_actions_of_people(digest, text),
        )
    return (
        open_rules(digest, text),
        *public_resources(digest, text),
        *trend_sections(digest, text),
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
        *_late_events(digest, text),
        *_actions_of_people(digest, text),
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


def _short_lived_roles(digest: Digest, text: DigestText) -> Iterator[DigestSection]:
    """Yield a section with one line for each role, or nothing."""
    labels, shown = text.digest.digest, digest.short_lived_roles[:MAX_BARS]
    more = digest.omitted_roles + len(digest.short_lived_roles) - len(shown)
    lines = tuple(
        Line(
            mark=severity_mark(each.severity),
            text=labels["short_lived_role"],
            trusted={"account": each.account.display_name, "age": age_text(each.lifetime, text)},
            untrusted={"role": each.name, "actor": actor_text(each.actor, text)},
        )
        for each in shown
    )
    if lines:
        yield DigestSection(labels["short_lived_roles"], lines, (labels["more"].format(count=more),) if more else ())


def _late_events(digest: Digest, text: DigestText) -> Iterator[DigestSection]:
    """Yield a section with one line, or nothing when no event was later than its report."""
    if digest.late_events:
        line = text.digest.digest["late_events_text"].format(count=digest.late_events)
        yield DigestSection(text.digest.digest["late_events"], lines=(line,))


def _actions_of_people(digest: Digest, text: DigestText) -> Iterator[DigestSection]:
    """Yield a section with one line, or nothing while actions are off."""
    if digest.actions:
        labels, counts = text.digest.digest, msgspec.structs.asdict(digest.actions)
        yield DigestSection(labels["actions"], lines=(labels["actions_text"].format(**counts),))


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
    return (Bar(actor_text(name, text), count) for name, count in most_common(digest.actors))


def _bars(counts: Mapping[str, int]) -> Iterable[Bar]:
    return (Bar(name, count) for name, count in most_common(counts))


def _closed(digest: Digest, text: DigestText) -> str:
    labels = text.digest.digest
    if not digest.closed:
        return labels["closed_none"]
    median, slowest = (age_text(each, text) for each in (digest.median_closed, max(digest.closed)))
    return labels["closed_text"].format(count=len(digest.closed), median=median, slowest=slowest)
