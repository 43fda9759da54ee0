"""Headlines of IAM changes and sign-ins, and what such a call is about. Plain text, escaped by the renderer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.change import Outcome
from gatewatch.model.iam import Entity, IamFacts, IamOperation, PrivilegeLevel, SignInFacts, SignInKind
from gatewatch.rendering.text.phrases import Phrase, outcome_sentence
from gatewatch.rendering.text.rules import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change
    from gatewatch.model.iam import Trust
    from gatewatch.rendering.text.labels import Labels

_MAX_ACCOUNTS = 2
_ROOT = Entity("user", "root")
_INLINE = frozenset({IamOperation.POLICY_WRITTEN, IamOperation.POLICY_REMOVED})
_UNNAMED = frozenset({"policy", "inline", "group", "user", "instance-profile"})
# The kinds of entity and target that an operation has when the event does not name them.
_ENTITY_KINDS = {IamOperation.GROUP_JOINED: "user", IamOperation.GROUP_LEFT: "user"}
_TARGET_KINDS = {
    IamOperation.GROUP_JOINED: "group",
    IamOperation.GROUP_LEFT: "group",
    IamOperation.PROFILE_ROLE_ADDED: "instance-profile",
    IamOperation.PROFILE_ROLE_REMOVED: "instance-profile",
}


class IamSubject(Struct, frozen=True):
    """The entity that a call is about: its type in the reader's language, and its names."""

    name: str
    texts: tuple[str, ...]


def iam_headline(call: ApiCall, change: Change, labels: Labels) -> str | None:
    """None for a change of another family, or one that was not understood."""
    facts = change.facts
    if not change.understood or not isinstance(facts, IamFacts | SignInFacts):
        return None
    phrase = (
        _sign_in_phrase(change, facts, labels)
        if isinstance(facts, SignInFacts)
        else Phrase(_operation_key(facts), _operation_values(call, facts, labels))
    )
    return outcome_sentence(phrase, change.outcome, labels.operation, labels.operation_attempt, labels)


def _sign_in_phrase(change: Change, facts: SignInFacts, labels: Labels) -> Phrase:
    is_console = change.outcome is Outcome.APPLIED and facts.kind is SignInKind.CONSOLE
    key = f"sign_in_{facts.kind}" + ("_no_mfa" if is_console and facts.mfa is False else "")
    role = shorten(facts.role.rpartition("/")[2]) if facts.role else labels.field["unknown"]
    return Phrase(key, {"actor": _actor(facts.user_name, labels), "target": role})


def _operation_values(call: ApiCall, facts: IamFacts, labels: Labels) -> dict[str, str]:
    return {
        "actor": _actor(call.actor.name, labels),
        "entity": _entity(facts.entity, _ENTITY_KINDS.get(facts.operation), labels),
        "name": shorten(facts.entity.name) if facts.entity else labels.entity["unknown"],
        "target": _target(facts, labels),
        "event": shorten(call.event_name),
    }


def _operation_key(facts: IamFacts) -> str:
    """The operation's key in `labels.operation`, with the variant that names what makes it severe."""
    if facts.operation is IamOperation.PASSWORD_POLICY_CHANGED and facts.weak_settings:
        return "password_policy_weak"
    if facts.operation in {IamOperation.OTHER, IamOperation.ACCESS_FEATURE}:
        return "other_on" if facts.entity else "other"
    return facts.operation + _variant(facts)


def _variant(facts: IamFacts) -> str:
    if facts.privilege_level is PrivilegeLevel.ADMINISTRATOR:
        return "_administrator"
    return _trust_variant(facts.trust) if facts.trust else ""


def _trust_variant(trust: Trust) -> str:
    if trust.everyone:
        return "_everyone"
    if trust.everyone_if:
        return "_everyone_if"
    return "_accounts" if trust.accounts else ""


def _target(facts: IamFacts, labels: Labels) -> str:
    """The policy, group, instance profile or trusted accounts of an operation."""
    if facts.trust and facts.trust.accounts:
        named, others = facts.trust.accounts[:_MAX_ACCOUNTS], len(facts.trust.accounts) - _MAX_ACCOUNTS
        return ", ".join(named) + (f" +{others}" if others > 0 else "")
    if facts.operation in _INLINE:
        inline = Entity("inline", facts.target.name) if facts.target else None
        return _entity(inline, "inline", labels)
    return _entity(facts.target, _TARGET_KINDS.get(facts.operation, "policy"), labels)


def _entity(entity: Entity | None, kind: str | None, labels: Labels) -> str:
    """`role ci`; `a user` when the event names none and only its kind is known."""
    if entity is None:
        return labels.entity[f"unnamed_{kind}" if kind in _UNNAMED else "unknown"]
    if entity == _ROOT:
        return labels.entity["root"]
    return labels.entity[entity.kind].format(name=shorten(entity.name))


def _actor(name: str, labels: Labels) -> str:
    """`alice` of `alice (Admin)`, so that the change fits a phone's preview; the field shows the whole name."""
    return labels.field["unknown"] if name == UNKNOWN else shorten(name.partition(" (")[0])


def iam_subject(change: Change, labels: Labels) -> IamSubject | None:
    """The user, role or policy of a call, with the ARN of its policy, the masked key and the trusted accounts."""
    facts = change.facts
    if isinstance(facts, SignInFacts):
        return IamSubject(labels.entity_type["role"], (facts.role,)) if facts.role else None
    entity = facts.entity or facts.target if isinstance(facts, IamFacts) else None
    if not isinstance(facts, IamFacts) or entity is None:
        return None
    return IamSubject(labels.entity_type[entity.kind], tuple(dict.fromkeys(_names(facts, entity))))


def _names(facts: IamFacts, entity: Entity) -> Iterator[str]:
    yield entity.name if entity.kind != "policy" else entity.arn or entity.name
    if facts.target:
        yield facts.target.arn or facts.target.name
    if facts.key:
        yield facts.key
    if facts.trust:
        yield from facts.trust.accounts[:_MAX_ACCOUNTS]
