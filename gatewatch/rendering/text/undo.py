"""The AWS CLI command that takes an applied change back, or the reason why no single command does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.aws_cli import cli_arguments, cli_command
from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.iam import IamFacts, IamOperation
from gatewatch.model.monitoring import MonitoringFacts
from gatewatch.model.resource import Impact, ResourceFacts
from gatewatch.model.severity import Severity
from gatewatch.rendering.text.headline import headline_change
from gatewatch.rendering.text.undo_iam import undo_of_iam
from gatewatch.rendering.text.undo_rules import MAX_RULES, undo_of_rules

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert
    from gatewatch.model.change import Change


class Undo(Struct, frozen=True):
    """`command` is empty where no single command takes the change back; `reason` is then a key of `no_undo`."""

    command: str = ""
    reason: str = ""


_NOTHING = Undo()


def undo_of(alert: Alert) -> Undo:
    """What takes the change of the headline back, and for rules all that the call opened in that group.

    Nothing for a change that was not applied or understood, or below medium, unless a command is at hand.
    """
    assessed = headline_change(alert)
    change = assessed.change
    codes = (reason.code for reason in assessed.assessment.reasons)
    if change.outcome is not Outcome.APPLIED or not change.understood or any(map(_is_deliberate, codes)):
        return _NOTHING
    if command := cli_command(_arguments(alert, change), alert.call.region):
        return Undo(command=command)
    is_worth_it = assessed.assessment.severity.rank >= Severity.MEDIUM.rank
    return Undo(reason=_reason(alert, change)) if is_worth_it else _NOTHING


def _is_deliberate(code: str) -> bool:
    """Whether AWS or gatewatch made the change to protect the account; gatewatch has a command of its own."""
    return code in {"key_exposed", "own_enforcement", "own_undo"} or code.startswith("ingress_")


def _arguments(alert: Alert, change: Change) -> tuple[str, ...]:
    if change.undo:
        return change.undo
    if change.family is Family.SECURITY_GROUP:
        return undo_of_rules(alert, change)
    if isinstance(change.facts, IamFacts):
        return undo_of_iam(change.facts)
    if isinstance(change.facts, MonitoringFacts):
        return _of_pipeline(alert.call.event_name, change.facts)
    return ()


def _reason(alert: Alert, change: Change) -> str:
    """Why there is no command; empty where there is nothing to undo, such as a sign-in."""
    facts = change.facts
    if isinstance(facts, IamFacts):
        return _NO_COMMAND_IAM.get(facts.operation, "earlier")
    if isinstance(facts, ResourceFacts):
        return _NO_COMMAND.get(facts.effect, "earlier")
    if change.family is Family.SECURITY_GROUP and change.action is Action.AUTHORIZE and alert.change_count > MAX_RULES:
        return "many"
    return _NO_COMMAND_BY_FAMILY.get(change.family, "earlier")


_PIPELINE = {
    "DisableRule": ("events", "enable-rule", "name"),
    "StopLogging": ("cloudtrail", "start-logging", "name"),
    "DisableAlarmActions": ("cloudwatch", "enable-alarm-actions", "alarm_names"),
}


def _of_pipeline(event_name: str, facts: MonitoringFacts) -> tuple[str, ...]:
    if event_name not in _PIPELINE:
        return ()
    service, operation, parameter = _PIPELINE[event_name]
    return cli_arguments(service, operation, **{parameter: facts.name})


# Why there is no command: keys of `no_undo` in the labels, and "" where there is nothing to undo.
_NO_COMMAND_BY_FAMILY = {Family.SIGN_IN: "", Family.COMPLIANCE: "", Family.HUB: "deploy", Family.ATTACHMENT: "earlier"}
_NO_COMMAND_IAM = {
    IamOperation.KEY_CREATED: "masked",
    IamOperation.KEY_ACTIVATED: "masked",
    IamOperation.CREDENTIAL_CREATED: "masked",
    IamOperation.POLICY_WRITTEN: "unnamed",
    IamOperation.POLICY_ATTACHED: "unnamed",
    IamOperation.MFA_REMOVED: "person",
    IamOperation.MFA_DELETED: "person",
    IamOperation.PASSWORD_CHANGED: "person",
    IamOperation.LOGIN_CHANGED: "person",
}
_NO_COMMAND = {
    Impact.ACCOUNT_LEFT: "gone",
    Impact.RECORDS_DELETED: "gone",
    Impact.ROOT_SESSION: "session",
    Impact.FEDERATION_TOKEN: "session",
    Impact.CONNECTED: "steps",
}
