"""Country and kind of network of a source address, from data that is packaged with the functions: no request leaves.

Other sources can take the place of the two packages: each is a function from an address to what is known of it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.errors import ConfigurationError
from gatewatch.model.source_network import SourceNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.context import ContextSettings
    from gatewatch.model.api_call import ApiCall

COUNTRY_PACKAGE, NETWORK_PACKAGE = "iptocc", "iporigin"
# Registrations of the regional internet registries on the day of the release; the package does not hold the day.
_COUNTRY_DATES = {"3.3.170": date(2026, 10, 26)}
_KINDS = frozenset({"hosting", "cdn", "vpn", "tor", "bot"})
_MAX_PROVIDER = 40
_MAX_CACHED = 1000


class SourceNetworks(Struct, frozen=True):
    """`country_of` returns a country or None, `network_of` kind and provider, of a public address."""

    country_of: Callable[[str], str | None] = lambda _address: None
    network_of: Callable[[str], tuple[str, str]] = lambda _address: ("", "")

    def of(self, call: ApiCall) -> SourceNetwork | None:
        """Return None for a call of an AWS service, through a VPC endpoint, or from an address without answers."""
        if not call.source_ip or call.record.get("vpcEndpointId") or not is_public(call.source_ip):
            return None
        kind, provider = self.network_of(call.source_ip)
        kind = kind if kind in _KINDS else ""
        found = SourceNetwork(self.country_of(call.source_ip) or "", kind, provider[:_MAX_PROVIDER] if kind else "")
        return found if found.country or found.kind else None


def is_public(text: str) -> bool:
    """Whether a text is an address of the internet, and not a private one or the name of a service."""
    try:
        return ip_address(text).is_global
    except ValueError:
        return False


def packaged_networks(settings: ContextSettings) -> SourceNetworks:
    """Return the sources that the settings ask for. Raises `ConfigurationError` when a package is missing."""
    found: dict[str, Any] = {}
    if settings.source_country:
        found["country_of"] = lru_cache(_MAX_CACHED)(_package(COUNTRY_PACKAGE, "source_country").country_code)
    if settings.source_network:
        classify = _package(NETWORK_PACKAGE, "source_network").classify
        found["network_of"] = lru_cache(_MAX_CACHED)(lambda address: _kind_and_provider(classify(address)))
    return SourceNetworks(**found)


def _kind_and_provider(origin: Any) -> tuple[str, str]:
    return origin.kind, origin.provider


def _package(name: str, key: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigurationError(
            f"policy.yaml: context.{key} needs the package {name}; install gatewatch[context], or write false."
        ) from error


def data_dates(settings: ContextSettings) -> Iterator[tuple[str, date | None]]:
    """Yield the name of each package in use and the day of its data; None when it is not installed or not known."""
    if settings.source_country:
        yield COUNTRY_PACKAGE, _COUNTRY_DATES.get(_installed(COUNTRY_PACKAGE))
    if settings.source_network:
        yield NETWORK_PACKAGE, _network_date()


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _network_date() -> date | None:
    if not _installed(NETWORK_PACKAGE):
        return None
    built_at: int = import_module(NETWORK_PACKAGE).dataset_info()["built_at"]
    return datetime.fromtimestamp(built_at, UTC).date()
