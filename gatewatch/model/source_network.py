"""Where a source address is registered, and what kind of network it belongs to."""

from __future__ import annotations

from msgspec import Struct

TOR = "tor"


class SourceNetwork(Struct, frozen=True):
    """`country`: ISO 3166-1 alpha-2. `kind`: hosting, cdn, vpn, tor or bot. `provider`: who runs it.

    What is not known is empty.
    """

    country: str = ""
    kind: str = ""
    provider: str = ""
