"""The received messages as one HTML file that needs nothing else: no network, no server, no second file."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gatewatch.local.slack import message_view as view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.local.slack.store import Received


def page(received: Sequence[Received], *, live: bool, title: str) -> str:
    """A live page asks its server for more; one that is not live works from a file."""
    return _encodable(
        _environment()
        .get_template("page.html.j2")
        .render(
            messages=[Markup(fragment(one)) for one in received],  # noqa: S704 - rendered with autoescape
            live=live,
            title=title,
            policy=_policy(live=live),
            style=_inline("page.css"),
            script=_inline("page.js"),
            severities=view.SEVERITIES,
        )
    )


def fragment(one: Received) -> str:
    """One message as an escaped `<article>`; the live page adds it as it stands."""
    return _encodable(_environment().get_template("message.html.j2").render(one=one))


@cache
def content_security_policy(*, live: bool) -> str:
    """Only the page's own style and script, named by their hash, and no address but its own server's."""
    return f"{_policy(live=live)}; frame-ancestors 'none'"


def _policy(*, live: bool) -> str:
    """The part of the policy that a `<meta>` element may carry, so that a saved page has it too."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_digest('page.js')}",
            f"style-src {_digest('page.css')}",
            "connect-src 'self'" if live else "connect-src 'none'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(name: str) -> str:
    return f"'sha256-{b64encode(sha256(_inline(name).encode()).digest()).decode()}'"


@cache
def _inline(name: str) -> Markup:
    """A file of this package to stand inside an element; it is ours, so it is not escaped."""
    loader = _environment().loader
    source = loader.get_source(_environment(), name)[0] if loader else ""
    return Markup(source)  # noqa: S704 - a constant of the package


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gatewatch.local.slack", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(view.FILTERS)
    return environment


def _encodable(html: str) -> str:
    """JSON can hold half a surrogate pair, which no encoding of a file can."""
    return html.encode(errors="replace").decode()
