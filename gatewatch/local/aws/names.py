"""Names of the embedded AWS: S3 Control puts the account id before the host, here before `127.0.0.1`."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOST_OF_ACCOUNT = re.compile(r"\d{12}\.(127\.0\.0\.1)")


@contextmanager
def hosts_of_accounts() -> Iterator[None]:
    """Resolve `<account id>.127.0.0.1` in this process."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        found = _HOST_OF_ACCOUNT.fullmatch(host) if isinstance(host, str) else None
        return resolve(found[1] if found else host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        socket.getaddrinfo = resolve
