"""The signing secret of the Slack app, read again when a signature does not match: it may have been rotated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.actions.slack_signature import is_signed, signing_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.actions.slack_signature import SignedRequest

_PAUSE = 60.0  # seconds between two reads, so that forged requests cause no more of them


class SigningSecrets:
    """`read` returns the stored value; its argument says whether to skip the cache. It raises `DeliveryError`."""

    def __init__(self, read: Callable[[bool], str], now: Callable[[], float]) -> None:
        self._read = read
        self._now = now
        self._read_at = 0.0
        self.current: tuple[bytes, ...] = ()

    def verifies(self, request: SignedRequest) -> bool:
        if is_signed(request, self.current):
            return True
        if self._now() - self._read_at < _PAUSE:
            return False
        self._read_at = self._now()
        self.current = signing_secrets(self._read(True))  # noqa: FBT003  skip the cache
        return is_signed(request, self.current)
