"""The source of context that the settings ask for. Only what is switched on is imported and asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from gatewatch.alerts.context.call_context import NO_SOURCE, CallContext
from gatewatch.alerts.context.changed_accounts import ChangedAccounts, InMemoryChangedAccounts, account_change_of
from gatewatch.alerts.context.first_seen import FirstSeen, InMemoryFirstSeen, is_new, sighting_of
from gatewatch.alerts.context.source_network import SourceNetworks, packaged_networks
from gatewatch.config.context import ContextSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.alerts.context.call_context import ContextSource
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import AssessedChange
    from gatewatch.model.api_call import ApiCall


class ConfiguredContext(Struct, frozen=True):
    """None for what is switched off."""

    networks: SourceNetworks = SourceNetworks()
    first_seen: FirstSeen | None = None
    raises_severity: bool = False
    changed_accounts: ChangedAccounts | None = None
    vendors: Mapping[str, str] = {}

    def context_of(self, call: ApiCall, changes: Sequence[AssessedChange]) -> CallContext:
        context = CallContext(
            source_network=self.networks.of(call), vendors=self.vendors, raises_severity=self.raises_severity
        )
        if not any(each.is_applied for each in changes):
            return context
        return structs.replace(context, first_seen=self._first_seen(call), changed_accounts=self._changed(call))

    def _first_seen(self, call: ApiCall) -> datetime | None:
        sighting = sighting_of(call) if self.first_seen else None
        seen = self.first_seen.seen(sighting) if self.first_seen and sighting else None
        return datetime.fromtimestamp(seen.first, UTC) if seen and sighting and is_new(seen, sighting.at) else None

    def _changed(self, call: ApiCall) -> int:
        change = account_change_of(call) if self.changed_accounts else None
        return self.changed_accounts.count(change) if self.changed_accounts and change else 0


def configured_source(
    settings: Settings,
    first_seen: FirstSeen | None = None,
    changed_accounts: ChangedAccounts | None = None,
) -> ContextSource:
    """Return what the settings ask for; what is not given is remembered by this process alone.

    Raises `ConfigurationError` when a package is missing.
    """
    wanted = settings.context
    if wanted == ContextSettings():
        return NO_SOURCE
    return ConfiguredContext(
        first_seen=(first_seen or InMemoryFirstSeen()) if wanted.first_time.enabled else None,
        raises_severity=wanted.first_time.raises_severity,
        changed_accounts=(changed_accounts or InMemoryChangedAccounts()) if wanted.changed_accounts else None,
        networks=packaged_networks(wanted),
        vendors=settings.vendor_names,
    )
