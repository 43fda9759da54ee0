"""IAM: every call that writes. `iam_operations` has the meaning of each name; unlisted writes are reported too.

IAM's rendering: camelCase, plain arrays, policy documents as JSON text (URL-encoded in responses). A write that
returns nothing has a null response, and a call that IAM refused has null parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.iam_entities import (
    DENIED_RESOURCE,
    TARGET_KINDS,
    called_by_root,
    entity_of,
    is_caller,
    is_service_work,
    target_of,
)
from gatewatch.events.changes.iam_operations import CIS_PASSWORD_POLICY, OPERATIONS, action_of, is_read, operation_of
from gatewatch.events.changes.iam_policy import PolicyDocument, privilege_level_of, read_document
from gatewatch.events.changes.iam_trust_policy import trust_of
from gatewatch.events.changes.normalization import Fields, as_text, first_present, is_true
from gatewatch.model.change import Change, Family
from gatewatch.model.iam import Entity, IamFacts, IamOperation, masked_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.model.api_call import ApiCall

# Calls that need no parameters, and those whose parameters CloudTrail does not record.
_WITHOUT_PARAMETERS = frozenset(
    {IamOperation.KEY_CREATED, IamOperation.PASSWORD_CHANGED, IamOperation.PASSWORD_POLICY_DELETED, IamOperation.OTHER}
)
_TRUST_OPERATIONS = frozenset({IamOperation.TRUST_CHANGED, IamOperation.ENTITY_CREATED})


def spec_of(call: ApiCall) -> CallSpec | None:
    """Return the spec of a write; None for a read. An unlisted name is a read by its prefix or by `readOnly`."""
    name = call.event_name
    is_unlisted_read = name not in OPERATIONS and is_true(call.record.get("readOnly"))
    return None if is_read(name) or is_unlisted_read else CallSpec(Family.IAM, action_of(name), _read)


def _read(call: ParsedCall) -> Iterable[Change]:
    operation = operation_of(call.call.event_name, call.request_parameters)
    if call.request is None:
        return [_without_parameters(call, operation)]
    document = _document(call)
    facts = _facts(call, operation, read_document(document) if document is not None else None)
    is_readable = document is None or read_document(document) is not None
    return [_change(call, facts, understood=is_readable)]


def _document(call: ParsedCall) -> Any:
    return first_present(call.request_parameters, "policydocument", "assumerolepolicydocument")


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
        by_root=called_by_root(call.call),
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
        denies=bool(document and document.has_deny),
        is_caller=is_caller(entity, call.call),
        by_root=called_by_root(call.call),
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
