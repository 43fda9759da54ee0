"""What the tables of network, public_access, organization and detection are made of.

A row names the call, the resource that it is about and its effect, or a function that finds the effect in the
request. A call that also does other things gives no row when it does only those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_list, as_text, is_true
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.resource import NO_NARROWING, Impact, Narrowing, Resource, ResourceFacts
from gatewatch.model.security_group import NO_RULE, SecurityGroupRule

if TYPE_CHECKING:
    from gatewatch.model.change import Action, Change, Family
    from gatewatch.model.security_group import Group, Peer

EffectOf = Callable[[Fields], Impact | None]
GrantIdOf = Callable[[Fields], str]
Undo = Callable[[ParsedCall, str], tuple[str, ...]]
# What is, or may be, high or critical when it is applied.
SEVERE = frozenset(
    {
        Impact.ACL_ENTRY,
        Impact.BLOCK_REMOVED,
        Impact.CONNECTED,
        Impact.VPN_ACCESS,
        Impact.ENDPOINT_SERVICE,
        Impact.SHARED,
        Impact.NETWORK_PATH,
        Impact.DATABASE_RULE,
        Impact.GUARD_REMOVED,
        Impact.BOUNDARY_REMOVED,
        Impact.ACCOUNT_LEFT,
        Impact.GUARDRAIL_REMOVED,
        Impact.ROOT_EMAIL,
        Impact.ROOT_SESSION,
        Impact.ROOT_MANAGEMENT_OFF,
        Impact.DISABLED,
        Impact.KEY_UNUSABLE,
        Impact.PROTECTION_REMOVED,
    }
)
_DENIED_ON = re.compile(r"on resource: (arn:\S+)")


class UnknownShapeError(ValueError):
    """A parameter is not there, or not of the type, that the API reference says."""


class Named(Struct, frozen=True):
    """A kind of resource and the parameters, in lower case and the order of preference, that may name it.

    A dot leads into an object. `is_optional`: the call is understood without a name.
    """

    kind: str
    keys: tuple[str, ...] = ()
    is_optional: bool = False

    @property
    def may_be_unnamed(self) -> bool:
        return self.is_optional or not self.keys


def row(
    family: Family,
    action: Action,
    effect: Impact | EffectOf,
    named: Named,
    *,
    worst: Impact | None = None,
    undo: Undo | None = None,
    grant_id: GrantIdOf | None = None,
) -> CallSpec:
    """A row of a table. `worst` is the worst effect that a function of `effect` can find."""

    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None and not (call.is_applied and named.may_be_unnamed):
            return [without_parameters(call, named)]
        found = effect(call.request_parameters) if callable(effect) else effect
        if found is None:
            return []
        grant = grant_id(call.request_parameters) if grant_id else ""
        return [
            resource_change(
                call, found, named.kind, each, undo=undo if each or not named.keys else None, grant_id=grant
            )
            for each in names_of(call, named)
        ]

    known_worst = worst or (effect if isinstance(effect, Impact) else None)
    return CallSpec(family, action, read, is_severe=known_worst in SEVERE)


def undo_by(service: str, operation: str, *flags: str, **paths: str) -> Undo:
    """The command that undoes a call; `paths` lead to the values of its options, in the request or in the answer."""

    def undo(call: ParsedCall, _name: str) -> tuple[str, ...]:
        sources = (call.request_parameters, call.response_elements)
        given = {
            option: next((found for each in sources if (found := as_text(value_at(each, path)))), None)
            for option, path in paths.items()
        }
        return cli_arguments(service, operation, **given, **dict.fromkeys(flags, True))

    return undo


def without_parameters(call: ParsedCall, named: Named) -> Change:
    """A refused call that has lost its parameters is understood; an applied one is not."""
    facts = ResourceFacts(effect=Impact.REFUSED, resource=Resource(named.kind, denied_on(call)))
    change = call.change(resource_id=facts.resource.name, understood=not call.is_applied)
    return structs.replace(change, facts=facts)


def denied_on(call: ParsedCall) -> str | None:
    """`… is not authorized to perform: s3:PutBucketPolicy on resource: "arn:aws:s3:::bucket" because …`."""
    message = call.call.record.get("errorMessage")
    match = _DENIED_ON.search(message.replace('"', "")) if isinstance(message, str) else None
    return match[1] if match else None


def resource_change(
    call: ParsedCall,
    effect: Impact,
    kind: str,
    name: str | None,
    *,
    rule: SecurityGroupRule = NO_RULE,
    peer: Peer | None = None,
    narrowing: Narrowing = NO_NARROWING,
    detail: str | None = None,
    undo: Undo | None = None,
    action: Action | None = None,
    group: Group | None = None,
    grant_id: str = "",
    statements: tuple[str, ...] = (),
) -> Change:
    facts = ResourceFacts(
        effect=effect,
        resource=Resource(kind, name),
        narrowing=narrowing,
        detail=detail,
        grant_id=grant_id,
        statements=statements,
    )
    take_back = undo(call, name or "") if undo and call.is_applied else ()
    rule = structs.replace(rule, peer=peer) if peer else rule
    change = call.change(rule, resource_id=name, action=action, group=group or call.group())
    return structs.replace(change, facts=facts, undo=take_back)


def names_of(call: ParsedCall, named: Named) -> tuple[str | None, ...]:
    """The resources that a call names; raises `UnknownShapeError` when it must name one and does not.

    A create may name what it made in its answer only, one object down.
    """
    if not named.keys:
        return (None,)
    inner = (each for each in call.response_elements.values() if isinstance(each, dict))
    for fields in (call.request_parameters, call.response_elements, *inner):
        for key in named.keys:
            if found := tuple(filter(None, map(as_text, values_at(fields, key)))):
                return tuple(dict.fromkeys(found))
    if named.is_optional or not call.is_applied:
        return (denied_on(call),)
    raise UnknownShapeError(named.kind)


def values_at(fields: Any, path: str) -> list[Any]:
    """Every value at a dotted path, through the objects and lists in between."""
    found: list[Any] = [fields]
    for key in path.split("."):
        found = list(_members(found, key))
    return [each for value in found for each in as_list(value)]


def _members(values: Iterable[Any], key: str) -> Iterator[Any]:
    for value in values:
        is_here = isinstance(value, dict) and value.get(key) is not None
        for each in [value] if is_here else as_list(value):
            if isinstance(each, dict) and each.get(key) is not None:
                yield each[key]


def value_at(fields: Any, path: str) -> Any:
    """The first value at a path, or None."""
    return next(iter(values_at(fields, path)), None)


def is_emptied_at(fields: Fields, path: str) -> bool:
    """Whether a text parameter is there and empty."""
    parent, _, key = path.rpartition(".")
    inner = value_at(fields, parent) if parent else fields
    return isinstance(inner, dict) and inner.get(key) == ""


def flag(fields: Fields, path: str) -> bool | None:
    """A boolean parameter, also in EC2's `{"value": true}`; None when absent. Raises `UnknownShapeError`."""
    value = value_at(fields, path)
    if isinstance(value, dict) and ("value" in value or not value):
        value = value.get("value")
    if value is None:
        return None
    if isinstance(value, bool) or (isinstance(value, str) and value.lower() in {"true", "false"}):
        return is_true(value)
    raise UnknownShapeError(path)


def word(fields: Fields, path: str) -> str:
    """A text parameter in lower case; empty when absent."""
    return (as_text(value_at(fields, path)) or "").lower()
