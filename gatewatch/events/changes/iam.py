"""IAM: every call that writes. `iam_operations` has the meaning of each name; unlisted writes are reported too.

IAM's rendering: camelCase, plain arrays, policy documents as JSON text (URL-encoded in responses). A write that
returns nothing has a null response, and a call that IAM refused has null parameters.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import structs

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.iam_entities import (
    DENIED_RESOURCE,
    TARGET_KINDS,
    entity_of,
    is_caller,
    is_service_work,
    target_of,
)
from gatewatch.events.changes.iam_operations import CIS_PASSWORD_POLICY, OPERATIONS, action_of, is_read, operation_of
from gatewatch.events.changes.iam_policy import PolicyDocument, privilege_level_of, read_document
from gatewatch.events.changes.iam_trust_policy import trust_of
from gatewatch.events.changes.monitoring import is_own_role, role_change
from gatewatch.events.changes.normalization import Fields, as_text, first_present, is_true
from gatewatch.model.change import Change, Family
from gatewatch.model.iam import Entity, IamFacts, IamOperation, masked_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.model.api_call import ApiCall

# Calls that need no parameters (a login profile is the caller's then), and those whose CloudTrail does not record.
_WITHOUT_PARAMETERS = frozenset(
    {
        IamOperation.KEY_CREATED,
        IamOperation.LOGIN_CREATED,
        IamOperation.LOGIN_CHANGED,
        IamOperation.LOGIN_DELETED,
        IamOperation.PASSWORD_CHANGED,
        IamOperation.PASSWORD_POLICY_DELETED,
        IamOperation.ACCESS_FEATURE,
        IamOperation.OTHER,
    }
)
_TRUST_FROM_TEMPLATE = frozenset({"AcquireRole"})
_WITH_TRUST = _TRUST_FROM_TEMPLATE | {"CreateRole"}
_WITH_DOCUMENT = frozenset(
    {
        IamOperation.POLICY_WRITTEN,
        IamOperation.POLICY_CREATED,
        IamOperation.VERSION_CREATED,
        IamOperation.TRUST_CHANGED,
    }
)
_DOCUMENTS = ("policydocument", "assumerolepolicydocument", "trustpolicy", "trustpolicydocument")
_TRUST_OPERATIONS = frozenset({IamOperation.TRUST_CHANGED, IamOperation.ENTITY_CREATED})


def spec_of(call: ApiCall) -> CallSpec | None:
    """Return the spec of a write; None for a read. An unlisted name is a read by its prefix or by `readOnly`."""
    name = call.event_name
    is_unlisted_read = name not in OPERATIONS and is_true(call.record.get("readOnly"))
    return None if is_read(name) or is_unlisted_read else _spec_of_write(name)


@lru_cache(maxsize=512)
def _spec_of_write(event_name: str) -> CallSpec:
    return CallSpec(Family.IAM, action_of(event_name), _read)


def _read(call: ParsedCall) -> Iterable[Change]:
    """One change: of family `hub` when the call is about a role of gatewatch, else of `iam`."""
    change = _iam_change(call)
    role = _own_role(call)
    return [role_change(call, change.facts, role) if role and isinstance(change.facts, IamFacts) else change]


def _own_role(call: ParsedCall) -> str:
    """A role of gatewatch that the call names, by name and path; empty for others."""
    name = as_text(call.request_parameters.get("rolename")) or ""
    named = (f"{as_text(call.request_parameters.get('path')) or ''}{name}", name, _denied_role(call))
    return next((each for each in named if each and is_own_role(each)), "")


def _denied_role(call: ParsedCall) -> str:
    message = call.call.record.get("errorMessage")
    match = DENIED_RESOURCE.search(message) if isinstance(message, str) and not call.is_applied else None
    if match is None or match[1] != "role":
        return ""
    return f"/{match[2]}" if "/" in match[2] else match[2]


def _iam_change(call: ParsedCall) -> Change:
    operation = operation_of(call.call.event_name, call.request_parameters)
    if call.request is None:
        return _without_parameters(call, operation)
    document = _document(call)
    read = read_document(document) if document is not None else None
    facts = _facts(call, operation, read)
    if document is not None and read is None:
        facts = structs.replace(facts, has_deny=True)  # nobody knows that it denies nothing
    return _change(call, facts, understood=_is_complete(call, facts, has_document=read is not None, given=document))


def _is_complete(call: ParsedCall, facts: IamFacts, *, has_document: bool, given: Any) -> bool:
    """Whether a call names all that it must: its policy, and both ends of what it connects."""
    is_needed = given is not None or facts.operation in _WITH_DOCUMENT or call.call.event_name in _WITH_TRUST
    connects = facts.operation in TARGET_KINDS
    has_both_ends = facts.target is not None and facts.entity is not None and facts.entity.kind != facts.target.kind
    return (has_document or not is_needed) and (has_both_ends or not connects)


def _document(call: ParsedCall) -> Any:
    """The policy of the request; of a role made from a template only the response may have it."""
    requested = first_present(call.request_parameters, *_DOCUMENTS)
    if requested is not None or call.call.event_name not in _TRUST_FROM_TEMPLATE:
        return requested
    role = call.response_elements.get("role")
    return first_present(role if isinstance(role, dict) else call.response_elements, *_DOCUMENTS)


def _change(call: ParsedCall, facts: IamFacts, *, understood: bool = True) -> Change:
    return Change(
        family=Family.IAM,
        action=call.spec.action,
        outcome=call.outcome,
        resource_id=facts.entity.text if facts.entity else None,
        facts=facts,
        understood=understood,
    )


def _without_parameters(call: ParsedCall, operation: IamOperation) -> Change:
    """A refused call: its error message still names the resource. An applied call should have parameters."""
    has_parameters = call.is_applied and operation in _WITHOUT_PARAMETERS
    entity = entity_of(call, operation) if call.is_applied else _denied_on(call.call)
    is_target = entity is not None and entity.kind == TARGET_KINDS.get(operation)
    facts = IamFacts(
        operation=operation,
        entity=None if is_target else entity,
        target=entity if is_target else None,
        is_caller=is_caller(entity, call.call),
        is_service_work=is_service_work(call, operation),
        has_parameters=has_parameters,
    )
    return _change(call, facts, understood=has_parameters or not call.is_applied)


def _denied_on(call: ApiCall) -> Entity | None:
    """`… is not authorized to perform: iam:AddUserToGroup on resource: group data-team because …`."""
    message = call.record.get("errorMessage")
    match = DENIED_RESOURCE.search(message) if isinstance(message, str) else None
    return Entity(match[1], match[2].rpartition("/")[2]) if match else None


def _facts(call: ParsedCall, operation: IamOperation, document: PolicyDocument | None) -> IamFacts:
    entity = entity_of(call, operation)
    is_trust = operation in _TRUST_OPERATIONS
    return IamFacts(
        operation=operation,
        entity=entity,
        target=target_of(call, operation),
        key=_key(call),
        privilege_level=privilege_level_of(document) if document and not is_trust else None,
        trust=trust_of(document, call.call.account_id) if document and is_trust else None,
        has_deny=bool(document and document.has_deny),
        is_deny_only=bool(document and document.is_deny_only),
        is_caller=is_caller(entity, call.call),
        is_service_work=is_service_work(call, operation),
        weak_settings=_weak_settings(call.request_parameters)
        if operation is IamOperation.PASSWORD_POLICY_CHANGED
        else (),
    )


def _key(call: ParsedCall) -> str | None:
    created = call.response_elements.get("accesskey")
    created_id = as_text(created.get("accesskeyid")) if isinstance(created, dict) else None
    key_id = as_text(call.request_parameters.get("accesskeyid")) or created_id
    return masked_key(key_id) if key_id else None


def _weak_settings(request: Fields) -> tuple[str, ...]:
    """The settings weaker than CIS AWS Foundations asks; an absent one gets IAM's default, which is weaker too."""
    return tuple(name for name, is_met in CIS_PASSWORD_POLICY if not is_met(request.get(name)))
