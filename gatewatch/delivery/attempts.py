"""Posts with an unknown end: counted in the ledger before each post, so that copies in a channel are bounded.

A post is counted first and taken off when the destination says that it did not accept the message. What remains are
posts without an answer, and those of processes that ended before they could write the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.delivery.fallback import fallback_message
from gatewatch.delivery.ledger import DeliveryState
from gatewatch.errors import DeliveryError, UnansweredError, UncertainDeliveryError
from gatewatch.model.message import FallbackReason, contained_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewatch.config.settings import Settings
    from gatewatch.delivery.ledger import Ledger, LedgerEntry
    from gatewatch.model.message import Content, Receipt
    from gatewatch.rendering.presentation import Cut

MAX_UNCERTAIN_POSTS = 3
# At the hub topic, behind which there is no other destination: a copy is better than an alert that nobody gets.
MAX_WITHOUT_FALLBACK = 10
_WAIT_SECONDS = 60  # after the first; twice that after the second


def may_be_posted(entry: LedgerEntry) -> bool:
    """Whether a part is not done and may be posted once more."""
    return entry.state is DeliveryState.STARTED and entry.uncertain < MAX_UNCERTAIN_POSTS


def most_posts(content: Content, settings: Settings) -> int:
    """Return how often a message may be posted without an answer, by whether it has a fallback."""
    first = contained_messages(content)[0]
    has_fallback = fallback_message(first, FallbackReason.UNCERTAIN, settings) is not None
    return MAX_UNCERTAIN_POSTS if has_fallback else MAX_WITHOUT_FALLBACK


class Attempts:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def post(
        self,
        parts: Mapping[str, LedgerEntry],
        cut: Cut,
        post: Callable[[], Receipt],
        most: int = MAX_UNCERTAIN_POSTS,
    ) -> Receipt:
        """Post message parts as one message. `parts` has their rows of the ledger, by key; `most` limits the posts.

        Raises what `post` raises, `UncertainDeliveryError` with the time until the next attempt, `HubTableError`, or
        `UnansweredError` when one of the parts must not be posted again.
        """
        posts = 1 + max(each.uncertain for each in parts.values())
        reason = f"sent {most} times without an answer, so it may have arrived"
        if posts > most:
            raise UnansweredError(reason)
        for key, entry in parts.items():
            self._ledger.write(key, replace(entry, cut=cut, uncertain=entry.uncertain + 1))
        try:
            return post()
        except UncertainDeliveryError as error:
            if posts == most:
                raise UnansweredError(f"{reason}: {error}") from error
            raise UncertainDeliveryError(str(error), _WAIT_SECONDS * posts) from error
        except DeliveryError:
            for key, entry in parts.items():
                self._ledger.write_later(key, entry)
            raise
