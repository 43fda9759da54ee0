"""The sections of what is open at the end of a period: rules open to the internet, and resources open to outsiders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.change import Family
from gatewatch.model.digest import MAX_EXPOSURES
from gatewatch.model.exposure import Origin
from gatewatch.model.reachability import Verdict
from gatewatch.model.resource import Impact, ResourceFacts
from gatewatch.model.security_group import AccountPeer
from gatewatch.rendering.digest.sections import DigestSection, Line, actor_text, age_text
from gatewatch.rendering.text.resources import last_part
from gatewatch.rendering.text.rules import shorten, target_text
from gatewatch.rendering.text.severity_marks import severity_mark
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from gatewatch.model.alert import AssessedChange
    from gatewatch.model.digest import Digest, ExposedRule
    from gatewatch.model.security_group import Peer
    from gatewatch.rendering.digest.sections import DigestText

_MAX_URL = 250
_MAX_UNREAD = 5


def open_rules(digest: Digest, text: DigestText) -> DigestSection:
    labels, more = text.digest.digest, digest.open_count - MAX_EXPOSURES
    facts = tuple(_exposure_line(rule, digest.period.now - rule.since, text) for rule in digest.open[:MAX_EXPOSURES])
    remaining = (labels["more"].format(count=more),) if more > 0 else ()
    lines = remaining if facts else (_nothing_open(digest, text),)
    return DigestSection(labels["open"], facts, (*lines, *what_was_read(digest, text)))


def _nothing_open(digest: Digest, text: DigestText) -> str:
    known = "open_none_now" if digest.readings else "open_none_known"
    return text.digest.digest["open_none" if digest.recording_since is None else known]


def what_was_read(digest: Digest, text: DigestText) -> Iterator[str]:
    """Yield what the list of open exposures is based on: readings, or events alone, which the note of files says."""
    labels, readings = text.digest.digest, digest.readings
    if readings is None:
        yield from () if digest.recording_since is None else (labels["open_events_only"],)
        return
    time = local_time(readings.since, text.zone)
    yield labels["open_read"].format(accounts=readings.accounts, regions=readings.regions, time=time)
    if readings.unread:
        more = len(readings.unread) - _MAX_UNREAD + readings.omitted_unread
        shown = "; ".join(readings.unread[:_MAX_UNREAD])
        what = f"{shown}; {labels['more'].format(count=more)}" if more > 0 else shown
        yield labels["open_unread"].format(what=what)


def public_resources(digest: Digest, text: DigestText) -> Iterator[DigestSection]:
    """Yield a section with one line for each resource, or nothing."""
    labels, more = text.digest.digest, digest.public_count - MAX_EXPOSURES
    shown = digest.public[:MAX_EXPOSURES]
    lines = tuple(_resource_line(each, digest.period.now - each.since, text) for each in shown)
    if lines:
        yield DigestSection(labels["public"], lines, (labels["more"].format(count=more),) if more > 0 else ())


def _exposure_line(rule: ExposedRule, age: timedelta, text: DigestText) -> Line:
    values = {"what": _what(rule.change, text)}
    return _line(text.digest.digest["open_line"], rule, age, text, values, {"group": _named(rule)})


def _named(rule: ExposedRule) -> str:
    """Return the id of a group, after its name where a reading found one."""
    name = rule.change.change.group.name
    return f"{shorten(name)} {rule.resource}" if name and name != rule.resource else rule.resource


def _resource_line(rule: ExposedRule, age: timedelta, text: DigestText) -> Line:
    """`S3 bucket b, payments-prod eu-west-1: open to anyone for 3 h`; settings of an account have its id for a name."""
    peer, facts = rule.change.change.rule.peer, rule.change.change.facts
    if not isinstance(facts, ResourceFacts):
        raise TypeError(facts)
    line = text.digest.digest["public_line"].replace("{access}", text.digest.digest[_access(facts, peer)])
    name = shorten(last_part(facts.resource.name or rule.account.id))
    untrusted = {"name": name, "peer": shorten(peer.text) if peer else ""}
    return _line(line, rule, age, text, {"kind": text.alert.resource_kind[facts.resource.kind]}, untrusted)


def _access(facts: ResourceFacts, peer: Peer | None) -> str:
    """The label of who has access."""
    if facts.effect is Impact.DATABASE_RULE or isinstance(peer, AccountPeer):
        return "public_peer"
    if facts.effect is Impact.NETWORK_PATH:
        return "public_network"
    return "public_everyone_if" if facts.narrowing.narrows else "public_everyone"


def _line(
    start: str, rule: ExposedRule, age: timedelta, text: DigestText, trusted: dict[str, str], untrusted: dict[str, str]
) -> Line:
    labels, owner = text.digest.digest, rule.account.owner
    parts = (start, labels[_OPENERS[rule.origin]], labels["owner" if owner else "no_owner"], *_reachable(rule, labels))
    return Line(
        mark=severity_mark(rule.severity),
        text=" · ".join(parts),
        trusted={
            "account": rule.account.display_name,
            "age": age_text(age, text),
            "owner": owner or "",
            **trusted,
        },
        untrusted={"region": rule.region, "actor": actor_text(rule.actor, text), **untrusted},
        links=tuple(_links(rule, text)),
    )


_OPENERS = {Origin.EVENT: "open_by", Origin.OLDER: "older", Origin.NO_EVENT: "no_event"}


def _reachable(rule: ExposedRule, labels: Mapping[str, str]) -> Iterator[str]:
    """Yield the answer of the path check; nothing where it is unknown."""
    verdict = rule.reachability.verdict if rule.reachability else Verdict.UNKNOWN
    if verdict is not Verdict.UNKNOWN:
        yield labels[verdict]


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
