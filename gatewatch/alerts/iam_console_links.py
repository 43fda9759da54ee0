"""Deep links into the IAM console for the entity of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from gatewatch.model.iam import IamFacts, IamOperation

if TYPE_CHECKING:
    from gatewatch.model.iam import Entity

_BY_NAME = {"user": "users", "role": "roles", "group": "groups"}
_GONE = frozenset({IamOperation.ENTITY_DELETED, IamOperation.POLICY_DELETED, IamOperation.PROVIDER_DELETED})
_PASSWORD_POLICY = frozenset({IamOperation.PASSWORD_POLICY_CHANGED, IamOperation.PASSWORD_POLICY_DELETED})


def console_page(facts: object) -> str:
    """Return the URL fragment of the page, such as `/users/details/alice`; empty where there is no page."""
    if not isinstance(facts, IamFacts) or facts.operation in _GONE:
        return ""
    if facts.operation in _PASSWORD_POLICY:
        return "/account_settings"
    return _page(facts.entity) if facts.entity else ""


def _page(entity: Entity) -> str:
    if entity.kind == "user" and entity.name == "root":
        return "/security_credentials"
    if entity.kind in _BY_NAME:
        return f"/{_BY_NAME[entity.kind]}/details/{quote(entity.name, safe='')}"
    if entity.kind == "policy" and entity.arn:
        return f"/policies/details/{quote(entity.arn, safe='')}"
    return "/identity_providers" if entity.kind.endswith("-provider") else ""
