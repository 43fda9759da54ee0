"""IAM changes and log-ins in plain words of one language: the headline, and what the call is about.

Returns plain text; the renderer makes it harmless.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.change import Outcome
from gatewatch.model.iam import Deed, Entity, IamFacts, Reach, SignInFacts, SignInKind
from gatewatch.rendering.text.rules import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change
    from gatewatch.model.iam import Trust
    from gatewatch.rendering.text.labels import Labels

_NAMED_ACCOUNTS = 2
_ROOT = Entity("user", "root")
_BY_AWS = ":iam::aws:policy/"  # AdministratorAccess needs no introduction
_INLINE = frozenset({Deed.POLICY_WRITTEN, Deed.POLICY_REMOVED})
_SOME = frozenset({"policy", "inline", "group", "user", "instance-profile"})
_SECONDS = {Deed.GROUP_JOINED: "group", Deed.GROUP_LEFT: "group"}
_SECONDS |= {Deed.PROFILE_ROLE_ADDED: "instance-profile", Deed.PROFILE_ROLE_REMOVED: "instance-profile"}
_FIRSTS = {Deed.GROUP_JOINED: "user", Deed.GROUP_LEFT: "user"}


class About(Struct, frozen=True):
    """The thing that a call is about: its name in the reader's language, and what it is called."""

    name: str
    texts: tuple[str, ...]


def sentence(call: ApiCall, change: Change, labels: Labels) -> str | None:
    """What happened, or what was tried; None for a change that has no facts or whose shape nobody knew."""
    facts = change.facts
    if not change.understood or not isinstance(facts, IamFacts | SignInFacts):
        return None
    key, values = _phrase(call, change, facts, labels)
    pattern = labels.deed[key]
    if change.outcome is not Outcome.APPLIED:
        pattern = labels.tried[change.outcome].replace("{attempt}", labels.deed_attempt[key])
    text = pattern.format_map(values)
    is_name_first = pattern.startswith(("{who}", "{name}"))  # which keeps its first letter
    return text if is_name_first else text[:1].upper() + text[1:]


def _phrase(call: ApiCall, change: Change, facts: IamFacts | SignInFacts, labels: Labels) -> tuple[str, dict[str, str]]:
    if isinstance(facts, SignInFacts):
        role = facts.role.rpartition("/")[2] if facts.role else _unknown(labels)
        return _sign_in_key(change, facts), {"who": _who(facts.who, labels), "what": short(role)}
    values = {
        "who": _who(call.actor.name, labels),
        "whom": _phrase_of(facts.entity, _FIRSTS.get(facts.deed), labels),
        "name": short(facts.entity.name) if facts.entity else labels.entity["unknown"],
        "what": _what(facts, labels),
        "event": short(call.event_name),
    }
    return _key(facts), values


def _sign_in_key(change: Change, facts: SignInFacts) -> str:
    is_bare = change.outcome is Outcome.APPLIED and facts.kind is SignInKind.CONSOLE and facts.mfa is False
    return f"sign_in_{facts.kind}" + ("_no_mfa" if is_bare else "")


def _key(facts: IamFacts) -> str:
    """The phrase of a deed, and how the worst of it is said when there is something to say."""
    if facts.deed is Deed.PASSWORD_POLICY_CHANGED and facts.weak:
        return "password_policy_weak"
    if facts.deed is Deed.OTHER:
        return "other_on" if facts.entity else "other"
    return facts.deed + _variant(facts)


def _variant(facts: IamFacts) -> str:
    if facts.reach is Reach.ADMINISTRATOR:
        return "_administrator"
    return _trust_variant(facts.trust) if facts.trust else ""


def _trust_variant(trust: Trust) -> str:
    if trust.everyone:
        return "_everyone"
    if trust.everyone_if:
        return "_everyone_if"
    return "_accounts" if trust.accounts else ""


def _what(facts: IamFacts, labels: Labels) -> str:
    if facts.trust and facts.trust.accounts:
        named, more = facts.trust.accounts[:_NAMED_ACCOUNTS], len(facts.trust.accounts) - _NAMED_ACCOUNTS
        return ", ".join(named) + (f" +{more}" if more > 0 else "")
    if facts.deed in _INLINE:
        inline = Entity("inline", facts.second.name) if facts.second else None
        return _phrase_of(inline, "inline", labels)
    if facts.second and _BY_AWS in (facts.second.arn or ""):
        return labels.entity["bare"].format(name=short(facts.second.name))
    return _phrase_of(facts.second, _SECONDS.get(facts.deed, "policy"), labels)


def _phrase_of(entity: Entity | None, expected: str | None, labels: Labels) -> str:
    """`role ci`; `a user` when the event does not say which."""
    if entity is None:
        return labels.entity[f"some_{expected}" if expected in _SOME else "unknown"]
    if entity == _ROOT:
        return labels.entity["root"]
    return labels.entity[entity.kind].format(name=short(entity.name))


def _who(name: str, labels: Labels) -> str:
    return _unknown(labels) if name == UNKNOWN else short(name)


def _unknown(labels: Labels) -> str:
    return labels.field["unknown"]


def about(change: Change, labels: Labels) -> About | None:
    """The user, the role, the policy, with what it got: the policy's ARN, the key as far as it may be shown."""
    facts = change.facts
    if isinstance(facts, SignInFacts):
        return About(labels.thing["role"], (facts.role,)) if facts.role else None
    entity = facts.entity or facts.second if isinstance(facts, IamFacts) else None
    if not isinstance(facts, IamFacts) or entity is None:
        return None
    return About(labels.thing[entity.kind], tuple(dict.fromkeys(_texts(facts, entity))))


def _texts(facts: IamFacts, entity: Entity) -> Iterator[str]:
    yield entity.name if entity.kind != "policy" else entity.arn or entity.name
    if facts.second:
        yield facts.second.arn or facts.second.name
    if facts.key:
        yield facts.key
    if facts.trust:
        yield from facts.trust.accounts[:_NAMED_ACCOUNTS]
