"""The source of context in functions/alert: with the hub's table, and never at the cost of an alert."""

from __future__ import annotations

from logging import Logger
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.context.call_context import NO_SOURCE, CallContext, ContextSource
from gatewatch.alerts.context.changed_accounts_table import DynamoChangedAccounts
from gatewatch.alerts.context.first_seen_table import DynamoFirstSeen
from gatewatch.alerts.context.sources import configured_source
from gatewatch.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import AssessedChange
    from gatewatch.model.api_call import ApiCall


class LoggedContext(Struct, frozen=True):
    """A source whose failures are logged: then the alert has no context."""

    source: ContextSource
    log: Logger

    def context_of(self, call: ApiCall, changes: Sequence[AssessedChange]) -> CallContext:
        try:
            return self.source.context_of(call, changes)
        except Exception:
            self.log.exception("no context", extra={"event_id": call.event_id})
            return CallContext()


def context_of_hub(settings: Settings, table: HubTable, log: Logger) -> ContextSource:
    """Return the source of the settings; none, and a logged error, when the zip lacks a package.

    The client of `table` should time out within a second.
    """
    try:
        source = configured_source(settings, DynamoFirstSeen(table, log), DynamoChangedAccounts(table, log))
    except ConfigurationError as error:
        log.error("no context", extra={"reason": str(error)})  # noqa: TRY400  the reason says it
        return NO_SOURCE
    return LoggedContext(source, log)
