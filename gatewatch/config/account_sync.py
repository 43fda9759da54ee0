"""`sync:` of accounts.yaml: what `gatewatch accounts sync` writes about an account, from its tags and its unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.destinations import undefined_destinations
from gatewatch.config.patterns import Patterns, matches_patterns
from gatewatch.config.unit_paths import is_in_unit, unit_path_problems

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


class UnitFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """What the accounts of a unit, and of the units below it, have if their tags do not say otherwise."""

    environment: str | None = None
    owner: str | None = None
    destinations: tuple[str, ...] = ()


class SyncSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`tags` are patterns of the tag keys that are kept. `units` are by path, such as /Workloads/Prod.

    The next three are keys of tags; the value of `destinations_tag` has names separated by blanks.
    """

    tags: Patterns = ()
    environment_tag: str | None = None
    owner_tag: str | None = None
    destinations_tag: str | None = None
    units: dict[str, UnitFacts] = {}

    def kept_tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return the tags that accounts.yaml keeps, by key."""
        return {key: tags[key] for key in sorted(tags) if self.tags and matches_patterns(self.tags, key)}

    def facts(self, unit: str, tags: Mapping[str, str]) -> UnitFacts:
        """Return what the tags of an account say, and else its unit; of several units the one nearest to it."""
        units = [self.units[each] for each in sorted(self.units, key=len, reverse=True) if is_in_unit(unit, each)]
        keys = (self.environment_tag, self.owner_tag, self.destinations_tag)
        environment, owner, names = (tags.get(key, "").strip() if key else "" for key in keys)
        return UnitFacts(
            environment or next((each.environment for each in units if each.environment), None),
            owner or next((each.owner for each in units if each.owner), None),
            tuple(names.split()) or next((each.destinations for each in units if each.destinations), ()),
        )

    def problems(self, known: Collection[str]) -> Iterator[str]:
        """Yield `key: sentence` for every problem; `known` are the names of destinations."""
        for path, facts in self.units.items():
            key = f"sync.units.{path}"
            yield from (f"{key}: {each}" for each in unit_path_problems(path))
            yield from (f"{key}.destinations: {each}" for each in undefined_destinations(facts.destinations, known))
