"""Recent lookups, so that a group whose rules are changed one by one is queried once."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from gatewatch.alerts.lookup.context import NO_CONTEXT, GroupContext
from gatewatch.model.security_group import NO_GROUP, Group

if TYPE_CHECKING:
    from gatewatch.alerts.lookup.context import LookupRequest

_FRESH_SECONDS = 60.0
_MAX_CONTEXTS, _MAX_NAMES = 50, 5_000  # one context can hold a thousand rules

GroupKey = tuple[str, str, str]
Value = TypeVar("Value")


class LookupCache:
    """Names and VPCs do not change; rules and interfaces are used only when looked up after the call and recently."""

    def __init__(self) -> None:
        self._contexts: OrderedDict[GroupKey, GroupContext] = OrderedDict()
        self._names: OrderedDict[GroupKey, Group] = OrderedDict()

    def get(self, request: LookupRequest, called: float, now: float) -> GroupContext:
        """Return what is known and fresh. `called` is the time of the call, `now` the clock, in seconds since 1970."""
        key, oldest = _group_key(request), max(called, now - _FRESH_SECONDS)
        cached = self._contexts.get(key, NO_CONTEXT)
        interfaces, rules = cached.network_interfaces, cached.rules
        return GroupContext(
            group=self._names.get(key, NO_GROUP),
            network_interfaces=interfaces if interfaces and interfaces.at.timestamp() >= oldest else None,
            network=cached.network if interfaces and interfaces.at.timestamp() >= oldest else None,
            rules=rules if rules and rules.at.timestamp() >= oldest else None,
        )

    def put(self, request: LookupRequest, context: GroupContext) -> None:
        _put(self._contexts, _group_key(request), context, _MAX_CONTEXTS)
        if context.group.id:
            _put(self._names, _group_key(request), context.group, _MAX_NAMES)


def _group_key(request: LookupRequest) -> GroupKey:
    return request.account_id, request.region, request.group_id


def _put(cache: OrderedDict[GroupKey, Value], key: GroupKey, value: Value, limit: int) -> None:
    cache.pop(key, None)
    cache[key] = value
    while len(cache) > limit:
        cache.popitem(last=False)
