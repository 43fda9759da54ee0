"""`userIdentity`, `userAgent` and `sourceIPAddress` -> who did it, and how.

Key sets per identity type: CloudTrail userIdentity element. Any of them may lack `arn`, `type` or a name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewatch.model.api_call import Actor, Via

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN = "unknown"
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


def actor(user: dict[str, Any]) -> Actor:
    """The best name that a `userIdentity` holds. Never raises, never returns an empty name."""
    kind = _text(user, "type") or UNKNOWN
    name = _NAMES.get(kind, _any_name)(user) or _any_name(user)
    return Actor(name=name or UNKNOWN, type=kind)


def _root(_user: dict[str, Any]) -> str:
    return "root"


def _user_name(user: dict[str, Any]) -> str:
    return _text(user, "userName") or _last(_text(user, "arn"))


def _session_with_role(user: dict[str, Any]) -> str:
    """`arn:…:assumed-role/ROLE/SESSION`; the role's path is missing there, its name is not."""
    resource = _after_first(_text(user, "arn"), ":assumed-role/")
    role, _, session = resource.partition("/")
    issuer = _issuer(user)
    role = role or _text(issuer, "userName") or _last(_text(issuer, "arn"))
    session = session or _session(user)
    return f"{session} ({role})" if session and role else session or role


def _session(user: dict[str, Any]) -> str:
    """`principalId` is `AROA…:session` for a role."""
    return _text(user, "principalId").partition(":")[2]


def _account(user: dict[str, Any]) -> str:
    account_id = _text(user, "accountId")
    return _session(user) or (f"account {account_id}" if account_id else "")


def _federated(user: dict[str, Any]) -> str:
    return _text(user, "userName") or _after_first(_text(user, "arn"), ":federated-user/") or _session(user)


def _identity_center(user: dict[str, Any]) -> str:
    behalf = user.get("onBehalfOf")
    return _text(behalf, "userId") if isinstance(behalf, dict) else _any_name(user)


def _directory(user: dict[str, Any]) -> str:
    return _text(user, "directoryId") or _any_name(user)


def _service(user: dict[str, Any]) -> str:
    return _text(user, "invokedBy")


def _any_name(user: dict[str, Any]) -> str:
    """For a type nobody described, or none at all: the most personal name there is."""
    arn = _text(user, "arn")
    if ":assumed-role/" in arn:
        return _session_with_role(user)
    if arn.endswith(":root"):
        return "root"
    named = _text(user, "userName") or _last(arn) or _session(user)
    return named or _text(user, "invokedBy") or _text(user, "principalId")


_NAMES: dict[str, Callable[[dict[str, Any]], str]] = {
    "Root": _root,
    "IAMUser": _user_name,
    "AssumedRole": _session_with_role,
    "FederatedUser": _federated,
    "AWSAccount": _account,
    "AWSService": _service,
    "IdentityCenterUser": _identity_center,
    "Directory": _directory,
}

_CONSOLE_HOSTS = ("console.", "signin.", "AWS Internal")
_BROWSERS = ("Mozilla/", "Opera/")
_SDK = re.compile(r"boto3|botocore|aws-sdk|aws-internal|aws-chalice", re.IGNORECASE)
_SERVICE_HOST = re.compile(r"^[a-z0-9.-]+\.amazonaws\.(?:com(?:\.cn)?|eu)$")
_CLOUDFORMATION = "cloudformation.amazonaws."


def via(user: dict[str, Any], record: dict[str, Any]) -> Via:
    """How a call was made, from its agent, its caller's address and who invoked it for whom."""
    agent = _text(record, "userAgent")
    hosts = (_text(user, "invokedBy"), _text(record, "sourceIPAddress"), agent)
    if "Terraform" in _after_first(agent, "HashiCorp/"):
        return Via.TERRAFORM
    if _begins(hosts, _CLOUDFORMATION):
        return Via.CLOUDFORMATION
    if "CloudShell" in agent:
        return Via.CLI
    if _is_console(agent, hosts, record):
        return Via.CONSOLE
    if any(_SERVICE_HOST.match(host) for host in hosts) or _text(user, "type") == "AWSService":
        return Via.SERVICE
    if agent.startswith("aws-cli/"):
        return Via.CLI
    return Via.SDK if _SDK.search(agent) else Via.UNKNOWN


def _is_console(agent: str, hosts: tuple[str, ...], record: dict[str, Any]) -> bool:
    if _text(record, "sessionCredentialFromConsole").lower() == "true" or agent.startswith(_BROWSERS):
        return True
    return _begins(hosts, _CONSOLE_HOSTS)


def _begins(hosts: tuple[str, ...], prefixes: str | tuple[str, ...]) -> bool:
    for host in hosts:  # noqa: SIM110  a generator costs more than what it looks at here
        if host.startswith(prefixes):
            return True
    return False


def role_arn(user: Any) -> str:
    """The ARN, with its path, of the role that a session was given; empty for whoever is no session of a role."""
    is_session = isinstance(user, dict) and user.get("type") == "AssumedRole"
    return _text(_issuer(user), "arn") if is_session else ""


def _issuer(user: dict[str, Any]) -> dict[str, Any]:
    context = user.get("sessionContext")
    issuer = context.get("sessionIssuer") if isinstance(context, dict) else None
    return issuer if isinstance(issuer, dict) else {}


def _text(owner: dict[str, Any], key: str) -> str:
    value = owner.get(key)
    if isinstance(value, str):
        return value.strip() if value != _HIDDEN else ""
    if isinstance(value, bool):
        return "true" if value else ""
    return str(value) if isinstance(value, int) else ""


def _after_first(text: str, mark: str) -> str:
    return text.partition(mark)[2]


def _last(text: str) -> str:
    return text.rpartition("/")[2] if "/" in text else ""
