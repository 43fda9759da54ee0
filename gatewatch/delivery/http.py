"""HTTP requests to destinations. No error contains a URL, a header or a body, because they hold secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3
from msgspec import Struct

from gatewatch.errors import TransientDeliveryError, UncertainDeliveryError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

NO_HEADERS: Mapping[str, str] = {}
JSON_HEADERS = {"Content-Type": "application/json; charset=utf-8"}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_CONNECT_SECONDS, _READ_SECONDS = 3.0, 5.0
WEBHOOK_SECONDS = 15.0  # for what cannot be asked whether it accepted a post: a late answer costs less than a copy
_MAX_RESPONSE_BYTES = 1024 * 1024  # chat.postMessage repeats the message, a channel that is searched has fifty


class HttpResult(Struct, frozen=True):
    status: int
    body: bytes
    headers: Mapping[str, str]


def http_pool(connect: float = _CONNECT_SECONDS, read: float = _READ_SECONDS) -> urllib3.PoolManager:
    """Connection pool without retries of urllib3: a post that timed out may have been accepted."""
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=connect, read=read), retries=False)


class _Body:
    """The body of one request. Until it is read, there is no complete request that a server could accept."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.is_read = False

    def __iter__(self) -> Iterator[bytes]:
        self.is_read = True
        yield self._body


class HttpClient:
    """Posts without following redirects, and reads answers within a deadline and a size.

    `headers` are sent with each request.
    """

    def __init__(
        self,
        http: urllib3.PoolManager,
        read_seconds: float = _READ_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        self._http = http
        self._read_seconds = read_seconds
        self._headers = headers
        self._monotonic = monotonic

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> HttpResult:
        """Raises `TransientDeliveryError` without a connection, `UncertainDeliveryError` without a complete answer,
        and `ValueError` for an unusable URL or header.

        Only the type of an urllib3 error is reported: its text can contain the URL or the token.
        """
        sent = _Body(body)
        fields = {**headers, **self._headers, "Content-Length": str(len(body))}
        try:
            response = self._http.request("POST", url, body=sent, headers=fields, redirect=False, preload_content=False)
        except ValueError:
            raise ValueError("the URL or a header cannot be used") from None
        except urllib3.exceptions.HTTPError as error:
            if not sent.is_read:
                raise TransientDeliveryError(f"no connection: {type(error).__name__}") from None
            raise UncertainDeliveryError(f"no answer: {type(error).__name__}") from None
        try:
            return HttpResult(response.status, self._read(response), response.headers)
        except urllib3.exceptions.HTTPError as error:
            response.close()
            raise UncertainDeliveryError(f"no answer: {type(error).__name__}") from None

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        """Read a response within a deadline and a size: the timeout of a socket starts again with each byte."""
        deadline, body = self._monotonic() + self._read_seconds, b""
        while self._monotonic() < deadline and len(body) < _MAX_RESPONSE_BYTES:
            part = response.read1(_MAX_RESPONSE_BYTES)
            if not part:
                response.release_conn()
                return body
            body += part
        response.close()
        raise UncertainDeliveryError("no answer: incomplete response")


def webhook_client() -> HttpClient:
    """The client for what cannot be asked whether it accepted a post.

    Each post has a connection of its own. One that the other side closed while the function was suspended accepts a
    request and answers nothing, which looks like a lost answer.
    """
    return HttpClient(http_pool(read=WEBHOOK_SECONDS), WEBHOOK_SECONDS, headers={"Connection": "close"})


def is_https_address(url: str) -> bool:
    """Whether a URL is HTTPS; plain HTTP is accepted for the loopback address only."""
    parts = _parts(url)
    return parts is not None and (parts.scheme == "https" or _is_local(parts))


def is_public_address(url: str) -> bool:
    """Whether a URL is HTTPS, names no private or link-local IP address, and holds no user name.

    A secret that names 169.254.169.254 or a host of the network inside is a mistake, or worse.
    """
    parts = _parts(url)
    if parts is None or not is_https_address(url):
        return False
    return _is_local(parts) or (parts.username is None and not _is_private(parts.hostname or ""))


def is_host_of(url: str, domains: tuple[str, ...]) -> bool:
    """Whether a URL is HTTPS and its host is in one of the domains, each written with a leading dot."""
    parts = _parts(url)
    if parts is None or not is_public_address(url):
        return False
    return _is_local(parts) or (parts.hostname or "").endswith(domains)


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises for a port that is no number
    except ValueError:
        return None
    return parts if parts.hostname else None


def _is_local(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _is_private(host: str) -> bool:
    """Whether a host is an address that is not global, or a name without a dot. `127.1` and `0x7f000001` are such."""
    try:
        return not ip_address(host.strip("[]")).is_global
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        return "." not in host.rstrip(".") or last[:1].isdigit() or host.rstrip(".").endswith((".internal", ".local"))
