"""The sections of what is open at the end of a period: rules open to the internet, and resources open to outsiders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.change import Family
from gatewatch.model.digest import MAX_EXPOSURES
from gatewatch.model.resource import Impact, ResourceFacts
from gatewatch.model.security_group import AccountPeer
from gatewatch.rendering.digest.sections import DigestSection, Line, actor_text, age_text
from gatewatch.rendering.text.resources import last_part
from gatewatch.rendering.text.rules import shorten, target_text
from gatewatch.rendering.text.severity_marks import severity_mark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from gatewatch.model.alert import AssessedChange
    from gatewatch.model.digest import Digest, ExposedRule
    from gatewatch.model.security_group import Peer
    from gatewatch.rendering.digest.sections import DigestText

_MAX_URL = 250


def open_rules(digest: Digest, text: DigestText) -> DigestSection:
    labels, more = text.digest.digest, digest.open_count - MAX_EXPOSURES
    facts = tuple(_exposure_line(rule, digest.period.now - rule.since, text) for rule in digest.open[:MAX_EXPOSURES])
    remaining = (labels["more"].format(count=more),) if more > 0 else ()
    none = labels["open_none" if digest.recording_since is None else "open_none_now"]
    return DigestSection(labels["open"], facts, remaining if facts else (none,))


def public_resources(digest: Digest, text: DigestText) -> Iterator[DigestSection]:
    """Yield a section with one line for each resource, or nothing."""
    labels, more = text.digest.digest, digest.public_count - MAX_EXPOSURES
    shown = digest.public[:MAX_EXPOSURES]
    lines = tuple(_resource_line(each, digest.period.now - each.since, text) for each in shown)
    if lines:
        yield DigestSection(labels["public"], lines, (labels["more"].format(count=more),) if more > 0 else ())


def _exposure_line(rule: ExposedRule, age: timedelta, text: DigestText) -> Line:
    values = {"what": _what(rule.change, text)}
    return _line(text.digest.digest["open_line"], rule, age, text, values, {"group": rule.resource})


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
    return Line(
        mark=severity_mark(rule.severity),
        text=" · ".join((start, labels["open_by"], labels["owner" if owner else "no_owner"])),
        trusted={
            "account": rule.account.display_name,
            "age": age_text(age, text),
            "owner": owner or "",
            **trusted,
        },
        untrusted={"region": rule.region, "actor": actor_text(rule.actor, text), **untrusted},
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
