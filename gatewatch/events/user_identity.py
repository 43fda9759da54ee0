"""Reads `userIdentity`, `userAgent` and `sourceIPAddress`: who made a call, and how.

Keys per identity type: CloudTrail userIdentity element. Any of them may lack `arn`, `type` or a name. AWS writes the
identity, `invokedBy` and the source address; the caller writes the user agent, a session name, a source identity.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import structs

from gatewatch.model.api_call import AccessMethod, Actor
from gatewatch.model.iam import masked_key

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN = "unknown"
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_SERVICE_LINKED_ROLE = re.compile(r"^arn:[\w-]+:iam::\d{12}:role/aws-service-role/([^/]+)/")
_SSO_ROLE = re.compile(r"^arn:[\w-]+:iam::\d{12}:role/aws-reserved/sso\.amazonaws\.com/")
# Services that hand out access to people: their calls are assessed as anybody's.
_FOR_PEOPLE = ("sso.", "controltower.")


def parse_actor(user: dict[str, Any]) -> Actor:
    """Return the best name that a `userIdentity` holds. Never raises, never returns an empty name."""
    kind = _text(user, "type") or UNKNOWN
    if kind == "AssumedRole":
        return _session_actor(user)
    return Actor(
        name=_name(user, kind) or UNKNOWN,
        type=kind,
        verified_names=tuple(filter(None, _VERIFIED.get(kind, _no_names)(user))),
        is_organization_root=kind == "Root" and _text(_context(user), "assumedRoot").lower() == "true",
    )


def _session_actor(user: dict[str, Any]) -> Actor:
    """The session of a role, the most frequent actor: its role and session are read once."""
    (role, session), role_arn = _role_and_session(user), session_role_arn(user)
    name = _chosen_name(user, role) or _joined(role, session) or _any_name(user)
    return Actor(
        name=name or UNKNOWN,
        type="AssumedRole",
        verified_names=tuple(filter(None, (role, role_arn))),
        session=session,
        is_session_verified=bool(_SSO_ROLE.match(role_arn)),
    )


def with_credentials(actor: Actor, user: Any) -> Actor:
    """The actor with its masked access key and whether it signed in with MFA, which only messages show."""
    if not isinstance(user, dict):
        return actor
    key = _text(user, "accessKeyId")
    return structs.replace(actor, access_key=masked_key(key) if key else "", mfa=_mfa(user, actor.type))


def _mfa(user: dict[str, Any], kind: str) -> bool | None:
    """Sessions of a role say `false` also where the identity provider asked for MFA, so only their `true` counts."""
    attributes = _context(user).get("attributes")
    value = _text(attributes, "mfaAuthenticated").lower() if isinstance(attributes, dict) else ""
    if value == "true":
        return True
    return False if value == "false" and kind in {"IAMUser", "Root"} else None


def source_identity(user: dict[str, Any]) -> str:
    """Return the source identity of a session: set once by the caller, and kept along a chain of roles."""
    return _text(_context(user), "sourceIdentity")


def delegate_account(user: dict[str, Any]) -> str:
    """Return the account of a product provider that acted with delegated access."""
    delegate = user.get("invokedByDelegate")
    return _text(delegate, "accountId") if isinstance(delegate, dict) else ""


def is_aws_work(user: dict[str, Any]) -> bool:
    """Whether an AWS service acted with an identity of its own: `AWSService`, or the session of a service-linked role.

    `invokedBy` does not count: CloudFormation and forward access sessions act for a person.
    """
    if _text(user, "type") == "AWSService":
        return not _text(user, "invokedBy").startswith(_FOR_PEOPLE)
    linked = _SERVICE_LINKED_ROLE.match(session_role_arn(user))
    return linked is not None and not linked[1].startswith(_FOR_PEOPLE)


def _name(user: dict[str, Any], kind: str) -> str:
    chosen = _chosen_name(user, _role_and_session(user)[0]) if source_identity(user) else ""
    return chosen or _NAMES.get(kind, _any_name)(user) or _any_name(user)


def _chosen_name(user: dict[str, Any], role: str) -> str:
    """The source identity, and the role that it acts as; empty without one."""
    chosen = source_identity(user)
    return f"{chosen} ({role})" if chosen and role else chosen


def _root(user: dict[str, Any]) -> str:
    return "root (AssumeRoot)" if _text(_context(user), "assumedRoot").lower() == "true" else "root"


def _user_name(user: dict[str, Any]) -> str:
    return _text(user, "userName") or _last(_text(user, "arn"))


def _session_with_role(user: dict[str, Any]) -> str:
    """`SESSION (ROLE)`, from `arn:…:assumed-role/ROLE/SESSION`, which leaves out the role's path."""
    return _joined(*_role_and_session(user))


def _joined(role: str, session: str) -> str:
    return f"{session} ({role})" if session and role else session or role


def _role_and_session(user: dict[str, Any]) -> tuple[str, str]:
    resource = _after_first(_text(user, "arn"), ":assumed-role/")
    role, _, session = resource.partition("/")
    return role or _issuer_name(user), session or _session(user)


def _issuer_name(user: dict[str, Any]) -> str:
    issuer = _issuer(user)
    return _text(issuer, "userName") or _last(_text(issuer, "arn"))


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
    """For an unknown or missing type: the most specific name there is."""
    arn = _text(user, "arn")
    if ":assumed-role/" in arn:
        return _session_with_role(user)
    if arn.endswith(":root"):
        return "root"
    name = _text(user, "userName") or _last(arn) or _session(user)
    return name or _text(user, "invokedBy") or _text(user, "principalId")


_NAMES: dict[str, Callable[[dict[str, Any]], str]] = {
    "Root": _root,
    "IAMUser": _user_name,
    "FederatedUser": _federated,
    "AWSAccount": _account,
    "AWSService": _service,
    "IdentityCenterUser": _identity_center,
    "Directory": _directory,
}


def _no_names(_user: dict[str, Any]) -> tuple[str, ...]:
    return ()


def _verified_user(user: dict[str, Any]) -> tuple[str, ...]:
    return _user_name(user), _text(user, "arn")


def _verified_issuer(user: dict[str, Any]) -> tuple[str, ...]:
    """The IAM user that called GetFederationToken: the name of the federated user is the caller's choice."""
    return _text(_issuer(user), "userName"), _text(_issuer(user), "arn")


_VERIFIED: dict[str, Callable[[dict[str, Any]], tuple[str, ...]]] = {
    "Root": lambda user: ("root", _text(user, "arn")),
    "IAMUser": _verified_user,
    "FederatedUser": _verified_issuer,
    "AWSService": lambda user: (_service(user),),
    "IdentityCenterUser": lambda user: (_identity_center(user),),
    "Directory": lambda user: (_text(user, "directoryId"),),
}

_CONSOLE_HOSTS = ("console.", "signin.", "AWS Internal")
_BROWSERS = ("Mozilla/", "Opera/")
_COMMAND_LINES = ("aws-cli/", "AWSPowerShell")
_SDK = re.compile(r"boto3|botocore|aws-sdk|aws-internal|aws-chalice|^Boto/2", re.IGNORECASE)
_SERVICE_HOST = re.compile(r"^[a-z0-9.-]+\.amazonaws\.(?:com(?:\.cn)?|eu)$")
_CLOUDFORMATION = "cloudformation.amazonaws."


def access_method_of(user: dict[str, Any], record: dict[str, Any]) -> AccessMethod:
    """Return how a call was made. A service is proven by `invokedBy`, the source address or the identity's type only.

    The other methods are the user agent's own word.
    """
    agent, service, address = _text(record, "userAgent"), _text(user, "invokedBy"), _text(record, "sourceIPAddress")
    if service.startswith(_CLOUDFORMATION) or address.startswith(_CLOUDFORMATION):
        return AccessMethod.CLOUDFORMATION
    if "Terraform" in agent.partition("HashiCorp/")[2]:
        return AccessMethod.TERRAFORM
    if "CloudShell" in agent:
        return AccessMethod.CLI
    if agent.startswith(_BROWSERS) or _is_console_session(record):
        return AccessMethod.CONSOLE
    if service.startswith(_CONSOLE_HOSTS) or address.startswith(_CONSOLE_HOSTS) or agent.startswith(_CONSOLE_HOSTS):
        return AccessMethod.CONSOLE
    if _SERVICE_HOST.match(service) or _SERVICE_HOST.match(address) or _text(user, "type") == "AWSService":
        return AccessMethod.SERVICE
    if agent.startswith(_COMMAND_LINES):
        return AccessMethod.CLI
    return AccessMethod.SDK if _SDK.search(agent) else AccessMethod.UNKNOWN


def _is_console_session(record: dict[str, Any]) -> bool:
    return _text(record, "sessionCredentialFromConsole").lower() == "true"


def session_role_arn(user: Any) -> str:
    """Return the ARN, with its path, of the role of a session; empty when the caller is not a role session."""
    is_session = isinstance(user, dict) and user.get("type") == "AssumedRole"
    return _text(_issuer(user), "arn") if is_session else ""


def _issuer(user: dict[str, Any]) -> dict[str, Any]:
    issuer = _context(user).get("sessionIssuer")
    return issuer if isinstance(issuer, dict) else {}


def _context(user: dict[str, Any]) -> dict[str, Any]:
    context = user.get("sessionContext")
    return context if isinstance(context, dict) else {}


def _text(owner: dict[str, Any], key: str) -> str:
    value = owner.get(key)
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip() if value != _HIDDEN else ""
    if isinstance(value, bool):
        return "true" if value else ""
    return str(value) if isinstance(value, int) else ""


def _after_first(text: str, mark: str) -> str:
    return text.partition(mark)[2]


def _last(text: str) -> str:
    return text.rpartition("/")[2] if "/" in text else ""
