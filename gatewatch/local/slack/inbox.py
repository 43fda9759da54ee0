"""A local Slack: accepts messages as Slack does and shows them in a browser.

It listens on the loopback address only. Pages of other sites cannot reach it: the Host header must name this server
(no DNS rebinding), and an Origin header must be the inbox's own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gatewatch.local.slack.interactions import Interactions, RequestUrl
from gatewatch.local.slack.server import LOOPBACK, WEBHOOK, InboxRequestHandler, InboxServer
from gatewatch.local.slack.store import MessageStore, ReceivedMessage, RejectedMessage

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

__all__ = ["Inbox", "ReceivedMessage", "RejectedMessage"]


def _now() -> datetime:
    return datetime.now(UTC)


class Inbox:
    """A context manager; received messages can still be read after the block ends."""

    def __init__(self, *, port: int = 0, clock: Callable[[], datetime] = _now, title: str = "gatewatch inbox") -> None:
        self._requested_port = port
        self._store = MessageStore(clock)
        self._interactions = Interactions(self._store, lambda: clock().timestamp())
        self._title = title
        self._server: InboxServer | None = None

    def __enter__(self) -> Self:
        handler = partial(InboxRequestHandler, store=self._store, interactions=self._interactions, title=self._title)
        self._server = InboxServer((LOOPBACK, self._requested_port), handler)
        Thread(target=self._server.serve_forever, args=(0.05,), name="inbox", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._store.close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        """URL of the page; ends with a slash."""
        return f"http://{LOOPBACK}:{self.port}/"

    @property
    def api(self) -> str:
        """Base URL of the Web API (chat.postMessage and chat.update); any token is accepted."""
        return f"{self.url}api/"

    @property
    def port(self) -> int:
        """The listening port; before the block starts, the requested one (0: any free port)."""
        return self._server.server_port if self._server else self._requested_port

    @property
    def received(self) -> tuple[ReceivedMessage, ...]:
        return self._store.received

    @property
    def rejected(self) -> tuple[RejectedMessage, ...]:
        return self._store.rejected

    def connect(self, request_url: RequestUrl) -> None:
        """Send clicks on buttons to the app's request URL. Until then the buttons are disabled."""
        self._interactions.connect(request_url)

    def interact(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Do what the page does when a person clicks."""
        return self._interactions.interact(asked)

    def webhook_url(self, name: str) -> str:
        """The incoming webhook URL of a channel; any name is accepted."""
        return f"{self.url}{WEBHOOK.lstrip('/')}{quote(name, safe='')}"
