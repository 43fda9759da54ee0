"""What a group is attached to, in the lines of a field. Names are somebody's text and stand in code spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.rendering.escaping import code, mrkdwn
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.model.network_interfaces import Attached, Thing
    from gatewatch.rendering.text.labels import Labels

_TOLD = 3
_LONGEST_NAME = 60


def lines(attached: Attached, zone: str, labels: Labels) -> Iterator[str]:
    """How many interfaces and how open they are, what they belong to, and when that was so."""
    yield _count(attached, labels)
    for key, is_public in (("public_things", True), ("private_things", False)):
        if things := [each for each in attached.things if each.is_public is is_public]:
            yield mrkdwn(labels.attached[key]).format(things=_told(things, labels))
    yield labels.attached["as_of"].format(time=local_time(attached.at, zone))


def _count(attached: Attached, labels: Labels) -> str:
    words, count = labels.attached, f"{attached.interfaces:,}"
    if not attached.interfaces:
        return words["nothing"]
    many = "one" if attached.interfaces == 1 and not attached.is_part else "part" if attached.is_part else "many"
    how = f"{'part_' if attached.is_part else ''}{'public' if attached.public else 'private'}"
    shown = f"{attached.public:,}" if attached.public else count
    return words[how].format(what=words[many].format(count=count), count=shown)


def _told(things: Sequence[Thing], labels: Labels) -> Markup:
    """The first few by their names, and how many there are besides."""
    told, more = things[:_TOLD], sum(each.count for each in things[_TOLD:])
    text = Markup(", ").join(_thing(each, labels) for each in told)
    return text + (f" +{more:,}" if more else "")


def _thing(thing: Thing, labels: Labels) -> Markup:
    name = code(thing.name, _LONGEST_NAME)
    text = mrkdwn(labels.attached[thing.kind if name else f"some_{thing.kind}"]).format(name=name)
    return text + (f" ×{thing.count:,}" if thing.count > 1 else "")
