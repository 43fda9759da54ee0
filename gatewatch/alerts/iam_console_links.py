"""Where in the IAM console the thing stands that a change is about."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from gatewatch.model.iam import Deed, IamFacts

if TYPE_CHECKING:
    from gatewatch.model.iam import Entity

_BY_NAME = {"user": "users", "role": "roles", "group": "groups"}
_GONE = frozenset({Deed.ENTITY_DELETED, Deed.POLICY_DELETED, Deed.PROVIDER_DELETED})
_PASSWORD_POLICY = frozenset({Deed.PASSWORD_POLICY_CHANGED, Deed.PASSWORD_POLICY_DELETED})


def console_page(facts: object) -> str:
    """The part after `#` of the page: `/users/details/alice`; empty where the console has none."""
    if not isinstance(facts, IamFacts) or facts.deed in _GONE:
        return ""
    if facts.deed in _PASSWORD_POLICY:
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
