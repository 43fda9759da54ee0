"""Sign-in: who came through the console's door, with or without a second factor, and who did not.

A success has no `errorCode`; a failure has an `errorMessage` only, and says `Failure` in the answer. Steps of one
log-in (CheckMfa, GetSigninToken) are told by the ConsoleLogin that ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.base import Kind, ReadCall
from gatewatch.events.changes.normalization import Fields, lowered, text
from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.iam import SignInFacts, SignInKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gatewatch.model.api_call import ApiCall

# Only these know whether a second factor was asked for by AWS itself; others bring theirs from elsewhere.
_OWN_FACTOR = frozenset({"Root", "IAMUser"})


def _reader(kind: SignInKind) -> Callable[[ReadCall], Iterable[Change]]:
    def read(call: ReadCall) -> Iterable[Change]:
        return [_change(call, kind)]

    return read


def _change(call: ReadCall, kind: SignInKind) -> Change:
    extra = _fields(call.call, "additionalEventData")
    facts = SignInFacts(
        kind=kind,
        who=_who(call.call, extra),
        is_root=call.call.actor.type == "Root",
        mfa=_mfa(call.call, extra) if kind is SignInKind.CONSOLE else None,
        role=text(extra.get("switchto")) if kind is SignInKind.SWITCH_ROLE else None,
    )
    return Change(family=Family.SIGN_IN, action=Action.OTHER, outcome=_outcome(call), facts=facts)


def _outcome(call: ReadCall) -> Outcome:
    """An attempt that the door itself turned away failed, whatever else the record leaves out."""
    said = {str(each).lower() for each in (*_answer(call), *_fields(call.call, "serviceEventDetails").values())}
    return Outcome.FAILED if call.is_applied and "failure" in said else call.outcome


def _answer(call: ReadCall) -> Iterable[Any]:
    return (call.response or {}).values()


def _fields(call: ApiCall, name: str) -> Fields:
    value = lowered(call.record.get(name))
    return value if isinstance(value, dict) else {}


def _who(call: ApiCall, extra: Fields) -> str:
    """The human's own name where the event has one; IAM hides the name of a user that does not exist."""
    said = text(extra.get("username"))
    return said if said and call.actor.type in {"IdentityCenterUser", UNKNOWN} else call.actor.name


def _mfa(call: ApiCall, extra: Fields) -> bool | None:
    used = (text(extra.get("mfaused")) or "").lower()
    if used == "yes":
        return True
    return False if used == "no" and call.actor.type in _OWN_FACTOR else None


_KINDS = {
    "ConsoleLogin": SignInKind.CONSOLE,
    "UserAuthentication": SignInKind.PORTAL,
    "SwitchRole": SignInKind.SWITCH_ROLE,
    "PasswordRecoveryRequested": SignInKind.PASSWORD_RECOVERY,
    "PasswordRecoveryCompleted": SignInKind.PASSWORD_RECOVERY,
    "PasswordUpdated": SignInKind.PASSWORD_CHANGED,
}
KINDS = {("signin", name): Kind(Family.SIGN_IN, Action.OTHER, _reader(kind)) for name, kind in _KINDS.items()}
