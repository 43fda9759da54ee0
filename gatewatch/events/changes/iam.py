"""IAM: every call that writes. What a name means stands in `iam_deeds`; what nobody listed is still told.

IAM's rendering: camelCase, plain arrays, policy documents as JSON text (URL-encoded in answers). A write that
returns nothing has a null answer, and a call that IAM refused has lost its parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import Kind, ReadCall
from gatewatch.events.changes.iam_entities import (
    DENIED_ON,
    SECONDS,
    called_by_root,
    entity_of,
    is_caller,
    is_service_work,
    second_of,
)
from gatewatch.events.changes.iam_operations import CIS_PASSWORD_POLICY, DEEDS, action_of, deed_of, is_read
from gatewatch.events.changes.iam_policy import PolicyDocument, reach_of, read_document
from gatewatch.events.changes.iam_trust_policy import trust_of
from gatewatch.events.changes.normalization import Fields, first, is_true, text
from gatewatch.model.change import Change, Family
from gatewatch.model.iam import Deed, Entity, IamFacts, masked_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.model.api_call import ApiCall

# Who may call these without a word, and those whose parameters CloudTrail keeps to itself.
_WITHOUT_PARAMETERS = frozenset({Deed.KEY_CREATED, Deed.PASSWORD_CHANGED, Deed.PASSWORD_POLICY_DELETED, Deed.OTHER})
_TRUST_DEEDS = frozenset({Deed.TRUST_CHANGED, Deed.ENTITY_CREATED})


def kind_of(call: ApiCall) -> Kind | None:
    """Every write of the service; a name that nobody listed is a read when it begins like one, or says so."""
    name = call.event_name
    is_unlisted_read = name not in DEEDS and is_true(call.record.get("readOnly"))
    return None if is_read(name) or is_unlisted_read else Kind(Family.IAM, action_of(name), _read)


def _read(call: ReadCall) -> Iterable[Change]:
    deed = deed_of(call.call.event_name, call.asked)
    if call.request is None:
        return [_without_parameters(call, deed)]
    document = _document(call)
    facts = _facts(call, deed, read_document(document) if document is not None else None)
    is_readable = document is None or read_document(document) is not None
    return [_change(call, facts, understood=is_readable)]


def _document(call: ReadCall) -> Any:
    return first(call.asked, "policydocument", "assumerolepolicydocument")


def _change(call: ReadCall, facts: IamFacts, *, understood: bool = True) -> Change:
    return Change(
        family=Family.IAM,
        action=call.kind.action,
        outcome=call.outcome,
        resource_id=facts.entity.text if facts.entity else None,
        facts=facts,
        understood=understood,
    )


def _without_parameters(call: ReadCall, deed: Deed) -> Change:
    """A refused call: its message still names the thing. An applied one that needs parameters is odd."""
    is_told = call.is_applied and deed in _WITHOUT_PARAMETERS
    entity = entity_of(call, deed) if call.is_applied else _denied_on(call.call)
    is_second = entity is not None and entity.kind == SECONDS.get(deed)
    facts = IamFacts(
        deed=deed,
        entity=None if is_second else entity,
        second=entity if is_second else None,
        is_own=is_caller(entity, call.call),
        by_root=called_by_root(call.call),
        is_service_work=is_service_work(call, deed),
        is_told=is_told,
    )
    return _change(call, facts, understood=is_told or not call.is_applied)


def _denied_on(call: ApiCall) -> Entity | None:
    """`… is not authorized to perform: iam:AddUserToGroup on resource: group data-team because …`."""
    message = call.record.get("errorMessage")
    match = DENIED_ON.search(message) if isinstance(message, str) else None
    return Entity(match[1], match[2].rpartition("/")[2]) if match else None


def _facts(call: ReadCall, deed: Deed, document: PolicyDocument | None) -> IamFacts:
    entity = entity_of(call, deed)
    is_trust = deed in _TRUST_DEEDS
    return IamFacts(
        deed=deed,
        entity=entity,
        second=second_of(call, deed),
        key=_key(call),
        reach=reach_of(document) if document and not is_trust else None,
        trust=trust_of(document, call.call.account_id) if document and is_trust else None,
        denies=bool(document and document.denies),
        is_own=is_caller(entity, call.call),
        by_root=called_by_root(call.call),
        is_service_work=is_service_work(call, deed),
        weak=_weak(call.asked) if deed is Deed.PASSWORD_POLICY_CHANGED else (),
    )


def _key(call: ReadCall) -> str | None:
    answered = call.answered.get("accesskey")
    answered_id = text(answered.get("accesskeyid")) if isinstance(answered, dict) else None
    key_id = text(call.asked.get("accesskeyid")) or answered_id
    return masked_key(key_id) if key_id else None


def _weak(asked: Fields) -> tuple[str, ...]:
    """What of a password policy is weaker than CIS AWS Foundations asks; absent means IAM's own default, which is."""
    return tuple(name for name, is_good in CIS_PASSWORD_POLICY if not is_good(asked.get(name)))
