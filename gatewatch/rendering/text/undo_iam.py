"""The arguments of the AWS CLI that take an IAM call back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.iam import IamOperation

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.model.iam import IamFacts

_HOLDERS = frozenset({"user", "role", "group"})


def undo_of_iam(facts: IamFacts) -> tuple[str, ...]:
    """Takes one attachment, policy, entity, password or membership back; empty for other operations."""
    build = _IAM.get(facts.operation)
    return build(facts) if build and not facts.is_service_work else ()


def _with_policy(operation: str) -> Callable[[IamFacts], tuple[str, ...]]:
    def build(facts: IamFacts) -> tuple[str, ...]:
        if facts.entity is None or facts.target is None or facts.entity.kind not in _HOLDERS:
            return ()
        name = {f"{facts.entity.kind}_name": facts.entity.name}
        return cli_arguments("iam", operation.format(facts.entity.kind), **name, policy_arn=facts.target.arn)

    return build


def _delete_inline(facts: IamFacts) -> tuple[str, ...]:
    if facts.entity is None or facts.target is None or facts.entity.kind not in _HOLDERS:
        return ()
    name = {f"{facts.entity.kind}_name": facts.entity.name}
    return cli_arguments("iam", f"delete-{facts.entity.kind}-policy", **name, policy_name=facts.target.name)


def _delete_entity(facts: IamFacts) -> tuple[str, ...]:
    entity = facts.entity
    if entity is None or entity.kind not in _HOLDERS:
        return ()
    return cli_arguments("iam", f"delete-{entity.kind}", **{f"{entity.kind}_name": entity.name})


def _delete_policy(facts: IamFacts) -> tuple[str, ...]:
    return cli_arguments("iam", "delete-policy", policy_arn=facts.entity.arn) if facts.entity else ()


def _delete_login(facts: IamFacts) -> tuple[str, ...]:
    return cli_arguments("iam", "delete-login-profile", user_name=facts.entity.name) if facts.entity else ()


def _leave_group(facts: IamFacts) -> tuple[str, ...]:
    if facts.entity is None or facts.target is None:
        return ()
    given = {"group_name": facts.target.name, "user_name": facts.entity.name}
    return cli_arguments("iam", "remove-user-from-group", **given)


def _remove_role(facts: IamFacts) -> tuple[str, ...]:
    if facts.entity is None or facts.target is None:
        return ()
    given = {"instance_profile_name": facts.target.name, "role_name": facts.entity.name}
    return cli_arguments("iam", "remove-role-from-instance-profile", **given)


def _delete_provider(facts: IamFacts) -> tuple[str, ...]:
    entity = facts.entity
    if entity and entity.kind == "saml-provider":
        return cli_arguments("iam", "delete-saml-provider", saml_provider_arn=entity.arn)
    if entity and entity.kind == "oidc-provider":
        return cli_arguments("iam", "delete-open-id-connect-provider", open_id_connect_provider_arn=entity.arn)
    return ()


_IAM: dict[IamOperation, Callable[[IamFacts], tuple[str, ...]]] = {
    IamOperation.POLICY_ATTACHED: _with_policy("detach-{}-policy"),
    IamOperation.POLICY_DETACHED: _with_policy("attach-{}-policy"),
    IamOperation.POLICY_WRITTEN: _delete_inline,
    IamOperation.POLICY_CREATED: _delete_policy,
    IamOperation.ENTITY_CREATED: _delete_entity,
    IamOperation.LOGIN_CREATED: _delete_login,
    IamOperation.GROUP_JOINED: _leave_group,
    IamOperation.PROFILE_ROLE_ADDED: _remove_role,
    IamOperation.PROVIDER_CREATED: _delete_provider,
}
