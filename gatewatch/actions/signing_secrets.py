"""The signing secret of the Slack app, read again when a signature does not match: it may have been rotated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.actions.slack_signature import is_signed, signing_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.actions.slack_signature import SignedRequest

_PAUSE = 60.0  # seconds between two reads, so that forged requests cause no more of them
_PAUSE_AFTER_FAILURE = 5.0
_LIFETIME = 300.0  # seconds after which a secret that was replaced, because it was stolen, is not accepted any more


class SigningSecrets:
    """`read` returns the stored value; its argument says whether to skip the cache. It raises `DeliveryError`."""

    def __init__(self, read: Callable[[bool], str], now: Callable[[], float]) -> None:
        self._read = read
        self._now = now
        self._may_read_at = 0.0
        self._valid_until = 0.0
        self.current: tuple[bytes, ...] = ()

    def verifies(self, request: SignedRequest) -> bool:
        now = self._now()
        if now < self._valid_until and is_signed(request, self.current):
            return True
        if now < self._may_read_at:
            return False
        self._may_read_at = now + _PAUSE_AFTER_FAILURE
        self.current = signing_secrets(self._read(True))  # noqa: FBT003  skip the cache
        self._may_read_at, self._valid_until = now + _PAUSE, now + _LIFETIME
        return is_signed(request, self.current)
