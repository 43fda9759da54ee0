"""Sign-in events: the console, the access portal, role switches, password recovery.

A success has no `errorCode`; a failure has an `errorMessage` only, and `Failure` in the response. The steps of one
sign-in (CheckMfa, GetSigninToken) are covered by the ConsoleLogin that ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_text, lower_keys
from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.iam import SignInFacts, SignInKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gatewatch.model.api_call import ApiCall

# Identities whose MFA is AWS's own; federated identities use MFA elsewhere, which the event does not show.
_WITH_AWS_MFA = frozenset({"Root", "IAMUser"})


def _reader(kind: SignInKind) -> Callable[[ParsedCall], Iterable[Change]]:
    def read(call: ParsedCall) -> Iterable[Change]:
        return [_change(call, kind)]

    return read


def _change(call: ParsedCall, kind: SignInKind) -> Change:
    extra = _fields(call.call, "additionalEventData")
    facts = SignInFacts(
        kind=kind,
        user_name=_user_name(call.call, extra),
        is_root=call.call.actor.type == "Root",
        mfa=_mfa(call.call, extra) if kind is SignInKind.CONSOLE else None,
        role=as_text(extra.get("switchto")) if kind is SignInKind.SWITCH_ROLE else None,
    )
    return Change(family=Family.SIGN_IN, action=Action.OTHER, outcome=_outcome(call), facts=facts)


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
CALL_SPECS = {("signin", name): CallSpec(Family.SIGN_IN, Action.OTHER, _reader(kind)) for name, kind in _KINDS.items()}
