"""The received messages as one self-contained HTML file: no network, no server, no second file."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gatewatch.local.slack import message_view as view
from gatewatch.local.slack.workspace import MEMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.local.slack.store import ReceivedMessage


def render_page(received: Sequence[ReceivedMessage], *, live: bool, title: str, is_interactive: bool = False) -> str:
    """HTML of the inbox. A live page requests new messages from its server; a saved page works from a file.

    On an interactive page the buttons of messages can be clicked.
    """
    return _without_lone_surrogates(
        _environment()
        .get_template("page.html.j2")
        .render(
            messages=[
                Markup(render_message(one, is_interactive=is_interactive))  # noqa: S704 - rendered with autoescape
                for one in received
            ],
            members=MEMBERS if is_interactive else (),
            live=live,
            title=title,
            policy=_policy(live=live),
            style=_inline("page.css"),
            script=_inline("page.js"),
            severities=view.SEVERITY_FILTERS,
        )
    )


def render_message(one: ReceivedMessage, *, is_interactive: bool = False) -> str:
    """One message as an escaped `<article>`, which the live page inserts unchanged."""
    template = _environment().get_template("message.html.j2")
    return _without_lone_surrogates(template.render(one=one, is_interactive=is_interactive))


@cache
def content_security_policy(*, live: bool) -> str:
    """The Content-Security-Policy header: only the page's own style and script, by hash, and its own server."""
    return f"{_policy(live=live)}; frame-ancestors 'none'"


def _policy(*, live: bool) -> str:
    """The part of the policy that a `<meta>` element may carry; a saved page has it too."""
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
    """A file of this package to inline into an element, unescaped because it is a constant."""
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


def _without_lone_surrogates(html: str) -> str:
    """Replace lone surrogates, which JSON can hold and UTF-8 cannot encode."""
    return html.encode(errors="replace").decode()
