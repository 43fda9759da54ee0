"""Posts with an unknown end: counted in the ledger before each post, so that copies in a channel are bounded.

A post is counted first and taken off when the destination says that it did not accept the message. What remains are
posts without an answer, and those of processes that ended before they could write the answer.
"""

from __future__ import annotations

from secrets import token_hex
from time import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.delivery.fallback import fallback_message
from gatewatch.delivery.ledger import DeliveryState
from gatewatch.errors import DeliveryError, UnansweredError, UncertainDeliveryError
from gatewatch.model.message import FallbackReason, PostMark, contained_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gatewatch.config.settings import Settings
    from gatewatch.delivery.ledger import Ledger, LedgerEntry
    from gatewatch.model.message import Content, Receipt
    from gatewatch.rendering.presentation import Cut

MAX_UNCERTAIN_POSTS = 3
# At the hub topic, behind which there is no other destination, posts during which the process ended: none of them may
# have begun, and a copy is better than an alert that nobody gets.
MAX_WITHOUT_FALLBACK = 10
_SEARCH_SECONDS = 600  # after the first post; then the message is posted again, found or not
_WAIT_SECONDS = 60  # after the first; twice that after the second


def may_be_posted_with(entry: LedgerEntry, first: LedgerEntry) -> bool:
    """Whether a part is not done and may be posted once more, in a roll-up that begins with another part.

    Parts that may have been posted already are not mixed with others, so that their post can be looked for.
    """
    is_open = entry.state is DeliveryState.STARTED and entry.uncertain < MAX_UNCERTAIN_POSTS
    return is_open and bool(entry.uncertain) == bool(first.uncertain)


def most_posts(content: Content, settings: Settings) -> int:
    """Return how often a message may be posted with an unknown end, by whether it has a fallback."""
    first = contained_messages(content)[0]
    has_fallback = fallback_message(first, FallbackReason.UNCERTAIN, settings) is not None
    return MAX_UNCERTAIN_POSTS if has_fallback else MAX_WITHOUT_FALLBACK


def new_post_id() -> str:
    """Return a random id of a post."""
    return token_hex(16)


class Attempts:
    """`now` returns seconds since 1970."""

    def __init__(
        self, ledger: Ledger, now: Callable[[], float] = time, new_id: Callable[[], str] = new_post_id
    ) -> None:
        self._ledger = ledger
        self._now = now
        self._new_id = new_id

    def post(
        self,
        parts: Mapping[str, LedgerEntry],
        cut: Cut,
        post: Callable[[PostMark], Receipt],
        most: int = MAX_UNCERTAIN_POSTS,
    ) -> Receipt:
        """Post message parts as one message. `parts` has their rows of the ledger, by key; `most` limits the posts.

        Raises what `post` raises, `UncertainDeliveryError` with the time until the next attempt, `HubTableError`, or
        `UnansweredError` when one of the parts must not be posted again.
        """
        if _is_used_up(parts.values(), most):
            raise UnansweredError(_reason(parts.values()))
        mark = self._mark(list(parts.values()))
        started = {key: _started(entry, cut, mark) for key, entry in parts.items()}
        for key, entry in started.items():
            self._ledger.write(key, entry)
        try:
            return post(mark)
        except UncertainDeliveryError as error:
            unanswered = {key: replace(entry, unanswered=entry.unanswered + 1) for key, entry in started.items()}
            for key, entry in unanswered.items():
                self._ledger.write_later(key, entry)
            if _is_used_up(unanswered.values(), most):
                raise UnansweredError(f"{_reason(unanswered.values())}: {error}") from error
            raise UncertainDeliveryError(str(error), _WAIT_SECONDS * _posts(unanswered.values())) from error
        except DeliveryError:
            for key, entry in parts.items():
                self._ledger.write_later(key, entry)
            raise

    def _mark(self, entries: list[LedgerEntry]) -> PostMark:
        common = frozenset.intersection(*(frozenset(each.posts) for each in entries))
        now = self._now()
        since = min(each.posting_since or now for each in entries)
        may_wait = now < since + _SEARCH_SECONDS
        return PostMark(id=self._new_id(), parts=len(entries), earlier=common, since=since, may_wait=may_wait)


def _started(entry: LedgerEntry, cut: Cut, mark: PostMark) -> LedgerEntry:
    since = entry.posting_since or mark.since
    return replace(entry, cut=cut, uncertain=entry.uncertain + 1, posts=(*entry.posts, mark.id), posting_since=since)


def _posts(entries: Iterable[LedgerEntry]) -> int:
    return max(each.uncertain for each in entries)


def _is_used_up(entries: Iterable[LedgerEntry], most: int) -> bool:
    """Whether no more posts are made. A lost answer may be a copy; an ended process may have posted nothing."""
    return any(each.uncertain >= most or each.unanswered >= MAX_UNCERTAIN_POSTS for each in entries)


def _reason(entries: Iterable[LedgerEntry]) -> str:
    return f"sent {_posts(entries)} times without an answer, so it may have arrived"
