"""Sign-in events: the console, the access portal, passwords of Identity Center, role switches, password recovery.

A success has no `errorCode`; a failure has an `errorMessage` only, and `Failure` in the response. The steps of one
sign-in (CheckMfa, GetSigninToken) are covered by the ConsoleLogin that ends it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_text, lower_keys
from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.iam import SignInFacts, SignInKind
from gatewatch.model.security_group import NO_RULE, AccountPeer, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gatewatch.model.api_call import ApiCall

# Identities whose MFA is AWS's own; federated identities use MFA elsewhere, which the event does not show.
_WITH_AWS_MFA = frozenset({"Root", "IAMUser"})
_INSTANCE = re.compile(r"^i-[0-9a-f]{8,17}$")
_ACCOUNT_OF_ARN = re.compile(r"^arn:[^:]*:(?:iam|sts)::(\d{12}):")


def _reader(kind: SignInKind) -> Callable[[ParsedCall], Iterable[Change]]:
    def read(call: ParsedCall) -> Iterable[Change]:
        return [_change(call, kind)]

    return read


def _read_credential(call: ParsedCall) -> Iterable[Change]:
    """A password or code that Identity Center or WorkSpaces checked. A success is reported by the sign-in itself."""
    result = as_text(_fields(call.call, "serviceEventDetails").get("credentialverification")) or ""
    if result.lower() == "success":
        return []
    change = _change(call, SignInKind.CREDENTIAL)
    return [change] if change.outcome is not Outcome.APPLIED else [call.not_understood()]


def _change(call: ParsedCall, kind: SignInKind) -> Change:
    extra, actor = _fields(call.call, "additionalEventData"), call.call.actor
    source = _ACCOUNT_OF_ARN.match(as_text(extra.get("switchfrom")) or "") if kind is SignInKind.SWITCH_ROLE else None
    facts = SignInFacts(
        kind=kind,
        user_name=_user_name(call.call, extra),
        is_root=actor.type == "Root",
        mfa=_mfa(call.call, extra) if kind is SignInKind.CONSOLE else None,
        role=_role(call.call, extra) if kind is SignInKind.SWITCH_ROLE else None,
        is_instance_role=kind is SignInKind.CONSOLE and bool(_INSTANCE.match(actor.session)),
    )
    return Change(
        family=Family.SIGN_IN,
        action=Action.OTHER,
        outcome=_outcome(call),
        rule=SecurityGroupRule(peer=AccountPeer(source[1])) if source else NO_RULE,
        facts=facts,
    )


def _outcome(call: ParsedCall) -> Outcome:
    """A sign-in that answers `Failure` failed, also without an error code."""
    results = {
        str(each).lower() for each in (*_response_values(call), *_fields(call.call, "serviceEventDetails").values())
    }
    return Outcome.FAILED if call.is_applied and "failure" in results else call.outcome


def _response_values(call: ParsedCall) -> Iterable[Any]:
    return (call.response or {}).values()


def _fields(call: ApiCall, name: str) -> Fields:
    value = lower_keys(call.record.get(name))
    return value if isinstance(value, dict) else {}


def _role(call: ApiCall, extra: Fields) -> str | None:
    """The role that was switched to: named in the account of the user, the caller's own in that of the role."""
    is_session = call.actor.type == "AssumedRole" and call.actor.verified_names
    return as_text(extra.get("switchto")) or (call.actor.verified_names[0] if is_session else None)


def _user_name(call: ApiCall, extra: Fields) -> str:
    """The name of the person where the event has one; CloudTrail hides the name of a user that does not exist."""
    name = as_text(extra.get("username"))
    return name if name and call.actor.type in {"IdentityCenterUser", UNKNOWN} else call.actor.name


def _mfa(call: ApiCall, extra: Fields) -> bool | None:
    used = (as_text(extra.get("mfaused")) or "").lower()
    if used == "yes":
        return True
    return False if used == "no" and call.actor.type in _WITH_AWS_MFA else None


_KINDS = {
    "ConsoleLogin": SignInKind.CONSOLE,
    "UserAuthentication": SignInKind.PORTAL,
    "SwitchRole": SignInKind.SWITCH_ROLE,
    "PasswordRecoveryRequested": SignInKind.PASSWORD_RECOVERY,
    "PasswordRecoveryCompleted": SignInKind.PASSWORD_RECOVERY,
    "PasswordUpdated": SignInKind.PASSWORD_CHANGED,
}
CALL_SPECS = {
    **{("signin", name): CallSpec(Family.SIGN_IN, Action.OTHER, _reader(kind)) for name, kind in _KINDS.items()},
    ("signin", "CredentialVerification"): CallSpec(Family.SIGN_IN, Action.OTHER, _read_credential),
}
