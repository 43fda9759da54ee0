"""The pipeline in one place: ApiCall → Change → Assessment → Alert → Notification."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from gatewatch.alerts.context.call_context import NO_SOURCE, ContextSource, with_call_context
from gatewatch.alerts.enrichment import enrich
from gatewatch.alerts.failed_sign_ins import InMemorySignInFailures, SignInFailureCounter
from gatewatch.alerts.lookup.context import NO_CONTEXT, GroupContext, with_context, with_current_rules
from gatewatch.alerts.notifications import exposure_change_by, notification_of
from gatewatch.alerts.open_groups import InMemoryOpenGroups, OpenGroups, with_open_groups
from gatewatch.alerts.routing import route
from gatewatch.alerts.rule_history import RuleHistory, with_rule_history
from gatewatch.alerts.severity.assessment import assess, is_reported
from gatewatch.alerts.suppression import SuppressionResult, evaluation_time, suppress
from gatewatch.config.settings import Settings
from gatewatch.events.changes.registry import changes_of
from gatewatch.model.alert import Alert
from gatewatch.model.message import OutboxMessage, addressed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change

_CHANGE = attrgetter("change")


class Assessor(Struct, frozen=True):
    """What an assessment needs: the settings, and what is known of rules, failed sign-ins, open groups and callers."""

    settings: Settings
    rule_history: RuleHistory
    sign_in_failures: SignInFailureCounter = field(default_factory=InMemorySignInFailures)
    open_groups: OpenGroups = field(default_factory=InMemoryOpenGroups)
    context: ContextSource = NO_SOURCE


def assess_call(call: ApiCall, assessor: Assessor) -> Alert | None:
    """Return the alert of one call; None for a call of no supported family."""
    reported = [each for each in changes_of(call) if is_reported(call, each, assessor.settings.severity_rules)]
    if not reported:
        return None
    changes = with_rule_history(reported, call, assessor.rule_history)
    sign_in_policy = assessor.settings.severity_rules.sign_in
    changes = assessor.sign_in_failures.with_failure_counts(changes, call, sign_in_policy)
    return _assess(call, changes, assessor)


def _assess(call: ApiCall, changes: Sequence[Change], assessor: Assessor) -> Alert:
    assessed = assess(call, changes, assessor.settings.severity_rules)
    assessed = with_open_groups(call, assessed, assessor.open_groups)
    if assessor.context is NO_SOURCE:
        return enrich(call, assessed, assessor.settings)
    context = assessor.context.context_of(call, assessed)
    alert = enrich(call, with_call_context(call, assessed, context), assessor.settings)
    return replace(alert, source_network=context.source_network)


class AlertPipeline(Assessor, frozen=True):
    """What the pipeline needs to assess and route.

    `attribute` marks changes made by gatewatch itself. `lookup` queries the account of an alert for what its call
    does not contain; None when no account is queried.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    attribute: Callable[[Alert], Alert] = lambda alert: alert
    lookup: Callable[[Alert], GroupContext] | None = None


class PipelineResult(Struct, frozen=True):
    """An alert and its messages, one a destination. `unsuppressed` is the alert before any exception was applied.

    `updates` are for destinations that get no message and may have one about an exposure that the call closed.

    `suppressed` is the number of changes with effect `mute`; `exceptions` are the ids that were applied.
    """

    unsuppressed: Alert
    alert: Alert
    messages: tuple[OutboxMessage, ...]
    updates: tuple[OutboxMessage, ...] = ()
    suppressed: int = 0
    exceptions: tuple[str, ...] = ()


def run_pipeline(call: ApiCall, pipeline: AlertPipeline) -> PipelineResult | None:
    """Assess, look up, suppress and route one call; None for a call of no supported family."""
    first = assess_call(call, pipeline)
    if first is None:
        return None
    alert = pipeline.attribute(first)
    result = _suppress(alert, pipeline)
    context = pipeline.lookup(result.alert) if pipeline.lookup and _is_notified(result, pipeline) else NO_CONTEXT
    changes = tuple(map(_CHANGE, first.changes))
    if (completed := with_current_rules(changes, context)) != changes:
        alert = pipeline.attribute(_assess(call, completed, pipeline))
        result = _suppress(alert, pipeline)
    messages = () if result.is_suppressed else _messages(result.alert, context, pipeline)
    updates = _updates(alert, messages, pipeline.settings)
    return PipelineResult(alert, result.alert, messages, updates, result.suppressed, result.applied)


def _suppress(alert: Alert, pipeline: AlertPipeline) -> SuppressionResult:
    exceptions = pipeline.settings.exceptions
    return suppress(alert, exceptions, evaluation_time(alert, pipeline.now()) if exceptions else None)


def _is_notified(result: SuppressionResult, pipeline: AlertPipeline) -> bool:
    return not result.is_suppressed and bool(route(result.alert, pipeline.settings))


def _messages(alert: Alert, context: GroupContext, pipeline: AlertPipeline) -> tuple[OutboxMessage, ...]:
    """Route by the assessed alert alone; the looked-up context is only shown."""
    destinations = route(alert, pipeline.settings)
    return tuple(addressed(notification_of(with_context(alert, context)), destinations)) if destinations else ()


def _updates(alert: Alert, messages: Sequence[OutboxMessage], settings: Settings) -> tuple[OutboxMessage, ...]:
    """What is closed is shown where its opening was reported, also if no route has the closing or it is muted."""
    if not settings.updated_destinations:
        return ()
    notified = {each.destination for each in messages}
    names = [each for each in settings.updated_destinations if each not in notified]
    change = exposure_change_by(alert) if names else None
    if change is None or not change.ends_exposures:
        return ()
    closing = replace(notification_of(alert), exposure_change=replace(change, opened=()))
    return tuple(OutboxMessage(destination=each, notification=closing, updates_only=True) for each in names)
