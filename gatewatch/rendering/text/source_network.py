"""A source address with its country and the kind of its network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.rendering.escaping import as_markup, mrkdwn

if TYPE_CHECKING:
    from markupsafe import Markup

    from gatewatch.model.source_network import SourceNetwork
    from gatewatch.rendering.text.labels import Labels


def source_text(address: Markup, source: SourceNetwork | None, labels: Labels) -> Markup:
    """`203.0.113.5 (NL, hosting: …)`, or the address alone when nothing is known of it."""
    kind = labels.source_network.get(source.kind, "") if source else ""
    if source and kind and source.provider.casefold() not in {"", kind.casefold()}:
        kind = f"{kind}: {source.provider}"
    known = ", ".join(filter(None, (source.country if source else "", kind)))
    return as_markup(f"{address} ({mrkdwn(known)})") if known else address
