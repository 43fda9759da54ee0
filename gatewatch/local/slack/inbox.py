"""A Slack on this machine: takes messages as Slack does, and shows them in a browser.

It listens on the loopback address only. A page of another site cannot reach it: a request must name this host
(no DNS rebinding) and, when a browser says where it comes from, come from the inbox's own page.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import quote

from gatewatch.local.slack.server import LOOPBACK, WEBHOOK, Handler, Server
from gatewatch.local.slack.store import Mailbox, Received, Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

__all__ = ["Inbox", "Received", "Refused"]


def _now() -> datetime:
    return datetime.now(UTC)


class Inbox:
    """`with Inbox() as inbox:`; what was received can still be read after the end of the block."""

    def __init__(self, *, port: int = 0, clock: Callable[[], datetime] = _now, title: str = "gatewatch inbox") -> None:
        self._wanted_port = port
        self._mailbox = Mailbox(clock)
        self._title = title
        self._server: Server | None = None

    def __enter__(self) -> Self:
        handler = partial(Handler, mailbox=self._mailbox, title=self._title)
        self._server = Server((LOOPBACK, self._wanted_port), handler)
        Thread(target=self._server.serve_forever, args=(0.05,), name="inbox", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._mailbox.close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        """Where the page is, and the `base_url` of the Web API with `api/` behind it; ends with a slash."""
        return f"http://{LOOPBACK}:{self.port}/"

    @property
    def api(self) -> str:
        """Of the Web API, chat.postMessage and chat.update; any token will do."""
        return f"{self.url}api/"

    @property
    def port(self) -> int:
        """0 is a wish for any free port; from the start of the block on, this is the real one."""
        return self._server.server_port if self._server else self._wanted_port

    @property
    def received(self) -> tuple[Received, ...]:
        return self._mailbox.received

    @property
    def refused(self) -> tuple[Refused, ...]:
        return self._mailbox.refused

    def webhook_url(self, name: str) -> str:
        """The incoming webhook of one channel; any name will do, the page shows it."""
        return f"{self.url}{WEBHOOK.lstrip('/')}{quote(name, safe='')}"
