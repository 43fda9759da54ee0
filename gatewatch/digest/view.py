"""A digest in words of one language: parts with lines and bars, plain text that no channel has seen yet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from gatewatch.digest.labels import DigestLabels
from gatewatch.digest.summary import severest
from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.severity import Severity
from gatewatch.rendering.text.labels import Labels
from gatewatch.rendering.text.rules import target
from gatewatch.rendering.text.severity_marks import mark
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import timedelta

    from gatewatch.digest.summary import Digest, Exposed
    from gatewatch.model.account import Account

_GATES, _BARS = 15, 10
_T = TypeVar("_T")


class Bar(Struct, frozen=True):
    """`counts` by severity where there are any, worst first. `plain` is another name, in plain letters."""

    name: str
    value: int
    counts: tuple[tuple[Severity, int], ...] = ()
    detail: str = ""
    plain: str = ""


class Fact(Struct, frozen=True):
    """A sentence with its values in braces: `ours`, and `theirs`, which an event said."""

    mark: str
    words: str
    ours: dict[str, str]
    theirs: dict[str, str]

    def __str__(self) -> str:
        return f"{self.mark} {self.words.format(**self.ours, **self.theirs)}"


class Part(Struct, frozen=True):
    """`lines` are wholly ours. Without a title it is a sentence of its own."""

    title: str
    facts: tuple[Fact, ...] = ()
    lines: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()


class DigestView(Struct, frozen=True):
    """`charted` is the part that a chart shows, if anything changed."""

    title: str
    parts: tuple[Part, ...]
    note: str
    charted: Part | None = None
    warning: str = ""


class Wording(Struct, frozen=True):
    """The labels of one language, and whose clock it is."""

    digest: DigestLabels
    alert: Labels
    zone: str


def digest_view(digest: Digest, wording: Wording) -> DigestView:
    said = wording.digest.digest
    charted = Part(said["accounts"], bars=tuple(_accounts(digest, wording))) if digest.events else None
    warning = "⚠️ " + said["missed"].format(count=digest.missed) if digest.missed else ""
    return DigestView(
        _title(digest, wording), _parts(digest, charted, wording), _note(digest, wording), charted, warning
    )


def _parts(digest: Digest, charted: Part | None, wording: Wording) -> tuple[Part, ...]:
    said = wording.digest.digest
    if digest.is_empty:
        return (Part("", lines=(said["quiet"],)),)
    if charted is None:
        return _open(digest, wording), Part("", lines=(said["nothing"],))
    return (
        _open(digest, wording),
        Part(said["severities"], bars=tuple(_severities(digest, wording))),
        charted,
        Part(said["actors"], bars=tuple(_actors(digest, wording))),
        Part(said["closed"], lines=(_closed(digest, wording),)),
        Part(said["muted"], lines=() if digest.muted else (said["muted_none"],), bars=tuple(_bars(digest.muted))),
    )


def _title(digest: Digest, wording: Wording) -> str:
    """Of whole days their dates, else to the minute."""
    said, period = wording.digest.digest, digest.period
    first, last = (local_time(each, wording.zone) for each in (period.first, period.last))
    if not (first[10:19] == " 00:00:00" and last[10:19] == " 23:59:59"):
        return said["title"].format(first=first[:16], last=last[:16] + last[19:])
    if first[:10] == last[:10]:
        return said["title_day"].format(day=first[:10])
    return said["title_days"].format(first=first[:10], last=last[:10])


def _note(digest: Digest, wording: Wording) -> str:
    said = wording.digest.digest
    if digest.began is None:
        return said["source"].format(count=digest.events)
    began = local_time(digest.began, wording.zone)
    return said["source_book"].format(count=digest.events, began=began[:16] + began[19:])


def _open(digest: Digest, wording: Wording) -> Part:
    said, more = wording.digest.digest, len(digest.open) - _GATES
    facts = tuple(_gate(gate, digest.period.now - gate.since, wording) for gate in digest.open[:_GATES])
    rest = (said["more"].format(count=more),) if more > 0 else ()
    none = said["open_none" if digest.began is None else "open_none_now"]
    return Part(said["open"], facts, rest if facts else (none,))


def _gate(gate: Exposed, age: timedelta, wording: Wording) -> Fact:
    said, owner = wording.digest.digest, gate.account.owner
    words = (said["open_line"], said["open_by"], said["owner" if owner else "no_owner"])
    return Fact(
        mark=mark(gate.rule.assessment.severity),
        words=" · ".join(words),
        ours={
            "what": target(gate.rule, wording.alert),
            "account": _name(gate.account),
            "age": _age(age, wording),
            "owner": owner or "",
        },
        theirs={"group": gate.place, "region": gate.region, "actor": _actor(gate.actor, wording)},
    )


def _actor(name: str, wording: Wording) -> str:
    return wording.alert.field["unknown"] if name == UNKNOWN else name


def _name(account: Account) -> str:
    return account.alias if account.known else account.id


def _accounts(digest: Digest, wording: Wording) -> Iterator[Bar]:
    """The one with the most changes first."""
    totals = Counter({account: counts.total() for account, counts in digest.accounts.items()})
    for account, _ in _most(totals, _name):
        yield _bar(account, tuple(severest(digest.accounts[account])), wording)


def _bar(account: Account, counts: tuple[tuple[Severity, int], ...], wording: Wording) -> Bar:
    detail = ", ".join(f"{wording.alert.severity[severity]} {count}" for severity, count in counts)
    return Bar(_name(account), sum(count for _, count in counts), counts, detail, account.id)


def _severities(digest: Digest, wording: Wording) -> Iterator[Bar]:
    for severity, count in severest(digest.severities):
        yield Bar(wording.alert.severity[severity], count, ((severity, count),))


def _actors(digest: Digest, wording: Wording) -> Iterable[Bar]:
    return (Bar(_actor(name, wording), count) for name, count in _most(digest.actors, str))


def _bars(counts: Counter[str]) -> Iterable[Bar]:
    return (Bar(name, count) for name, count in _most(counts, str))


def _most(counts: Counter[_T], name: Callable[[_T], str]) -> list[tuple[_T, int]]:
    """Equal counts stand by their names, so that the same facts are always the same text."""
    return sorted(counts.items(), key=lambda entry: (-entry[1], name(entry[0])))[:_BARS]


def _closed(digest: Digest, wording: Wording) -> str:
    said = wording.digest.digest
    if not digest.closed:
        return said["closed_none"]
    median, slowest = (_age(each, wording) for each in (digest.median_closed, max(digest.closed)))
    return said["closed_text"].format(count=len(digest.closed), median=median, slowest=slowest)


def _age(age: timedelta, wording: Wording) -> str:
    """In its two largest units."""
    said, minutes = wording.digest.digest, int(age.total_seconds()) // 60
    hours, days = minutes // 60, age.days
    if days:
        return said["days"].format(days=days, hours=hours - 24 * days)
    return said["hours"].format(hours=hours, minutes=minutes % 60) if hours else said["minutes"].format(minutes=minutes)
