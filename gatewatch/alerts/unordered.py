"""Assessment of calls without the calls before them, as far as the result is the same.

Most calls are assessed from their own content. A call that asks for a known rule, earlier failures, open groups or
earlier calls of its caller is left as it is, for `replay.in_order`. So log files can be assessed by several processes
or machines in any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from gatewatch.alerts.context.call_context import NO_SOURCE, ContextSource
from gatewatch.alerts.failed_sign_ins import with_failure_counts
from gatewatch.alerts.pipeline import Assessor, assess_call

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gatewatch.alerts.failed_sign_ins import SignInAttempt
    from gatewatch.config.iam import SignInSeverity
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change


class _NeedsEarlierCallsError(Exception):
    """The assessment depends on calls before this one."""


class _NoEarlierCalls:
    """All that an assessor remembers of earlier calls: every question is refused."""

    def rules_before(self, _call: ApiCall, _ids: Collection[str]) -> NoReturn:
        raise _NeedsEarlierCallsError

    def save_after(self, _call: ApiCall, _rules: Mapping[str, object]) -> NoReturn:
        raise _NeedsEarlierCallsError

    def with_failure_counts(
        self, changes: Sequence[Change], call: ApiCall, policy: SignInSeverity
    ) -> tuple[Change, ...]:
        return with_failure_counts(changes, call, policy, _refuse)

    def context_of(self, _call: ApiCall, _changes: Sequence[AssessedChange]) -> NoReturn:
        raise _NeedsEarlierCallsError


def _refuse(_attempt: SignInAttempt) -> NoReturn:
    raise _NeedsEarlierCallsError


def unordered_assessor(settings: Settings, context: ContextSource = NO_SOURCE) -> Assessor:
    """An assessor without memory. `context` is asked unless the settings want one that depends on earlier calls."""
    nothing = _NoEarlierCalls()
    is_remembered = context is not NO_SOURCE and settings.context.is_remembered
    return Assessor(settings, nothing, nothing, nothing, nothing if is_remembered else context)


def assess_unordered(call: ApiCall, assessor: Assessor) -> Alert | ApiCall | None:
    """Return the alert, None for a call of no family, or the call itself when it needs earlier calls.

    `assessor` is an `unordered_assessor`.
    """
    try:
        return assess_call(call, assessor)
    except _NeedsEarlierCallsError:
        return call
