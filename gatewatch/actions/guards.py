"""The conditions of transitions. The name of a guard that fails is the reason of the refusal, a key of the labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.actions.request import ActionRequest, Subject
from gatewatch.config.actions import ActionMode, ActionSettings
from gatewatch.model.alert_actions import AlertActions
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from gatewatch.model.alert_actions import Person

_MAX_SNOOZE = 30 * 24 * 3600
ABANDONED_SECONDS = 5 * 720 + 300


class GuardContext(Struct, frozen=True):
    actions: AlertActions
    request: ActionRequest
    subject: Subject
    settings: ActionSettings


Guard = Callable[[GuardContext], bool]


def switched_on(context: GuardContext) -> bool:
    return context.settings.is_on


def in_full_mode(context: GuardContext) -> bool:
    return context.settings.mode is ActionMode.FULL


def single_alert(context: GuardContext) -> bool:
    """A revert or an exception is about one call; a roll-up shows several, and would count as reverted as a whole."""
    return not context.subject.is_rollup


def mapped(context: GuardContext) -> bool:
    return bool(context.request.person.identities)


def allowed(context: GuardContext) -> bool:
    person = context.request.person
    names = {each.casefold() for each in context.settings.allow}
    known = {person.id.casefold(), person.email.casefold()}
    return bool(names & (known - {""}))


def not_the_actor(context: GuardContext) -> bool:
    """Neither by a mapped identity nor by the e-mail address, which many use as the name of their session."""
    person = context.request.person
    return not context.subject.actor & {*person.identities, person.email.casefold()}


def second_person(context: GuardContext) -> bool:
    """Another Slack user with no AWS identity in common, unless the severity is below `two_person_from`."""
    if not context.settings.needs_two_people(context.subject.severity):
        return True
    proposal = context.actions.proposal
    return proposal is not None and not _is_same(proposal.proposed.person, context.request.person)


def _is_same(first: Person, second: Person) -> bool:
    has_email = bool(first.email) and first.email.casefold() == second.email.casefold()
    return first.id == second.id or has_email or not set(first.identities).isdisjoint(second.identities)


def current_proposal(context: GuardContext) -> bool:
    proposal = context.actions.proposal
    return proposal is not None and bool(proposal.id) and proposal.id == context.request.proposal


def not_expired(context: GuardContext) -> bool:
    return not is_expired(context)


def is_expired(context: GuardContext) -> bool:
    proposal = context.actions.proposal
    return proposal is None or context.request.at >= proposal.expires_at


def is_abandoned(context: GuardContext) -> bool:
    """Longer than the queue keeps an approval that fails: five attempts, twelve minutes apart."""
    return context.request.at - context.actions.audit[-1].at >= ABANDONED_SECONDS


def break_glass_is_on(context: GuardContext) -> bool:
    return context.settings.break_glass


def with_reason(context: GuardContext) -> bool:
    return bool(context.request.reason.strip())


def not_acknowledged(context: GuardContext) -> bool:
    return context.actions.acknowledged is None or context.actions.snoozed is not None


def not_critical(context: GuardContext) -> bool:
    return context.subject.severity is not Severity.CRITICAL


def snooze_in_range(context: GuardContext) -> bool:
    return 0 < context.request.until - context.request.at <= _MAX_SNOOZE


def is_snoozed(context: GuardContext) -> bool:
    return context.actions.snoozed is not None


def snooze_is_over(context: GuardContext) -> bool:
    return context.request.at >= context.actions.snoozed_until


def not_undone(context: GuardContext) -> bool:
    """What an undo opened again is not closed because the revert before had closed it."""
    return not context.actions.is_undone


def actor_is_a_person(context: GuardContext) -> bool:
    return context.subject.actor_is_person and bool(context.request.asked)


def not_asked(context: GuardContext) -> bool:
    return not context.actions.asked


def was_asked(context: GuardContext) -> bool:
    return bool(context.actions.asked) and context.actions.asked == context.request.person.id
