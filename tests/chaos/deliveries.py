"""What destinations accepted: which part of which message, in which order, and which responses were recorded."""

from collections import Counter, defaultdict

from gatewatch.delivery.ledger import part_key
from gatewatch.delivery.outbox import message_group
from gatewatch.model.message import contained_messages


class Deliveries:
    """`order` is by destination, `posts` by message group; `at` is when a part was accepted first."""

    def __init__(self, now=lambda: 0.0):
        self.now = now
        self.focus = ""
        self.at = {}
        self.copies = Counter()
        self.order = defaultdict(list)
        self.posts = defaultdict(list)
        self.texts = defaultdict(list)
        self.lost_answers = Counter()
        self.lost_to_kills = Counter()
        self._unrecorded = {}  # by message group, which posts the next message after the last is recorded

    def posting(self, content, presentation):
        self._keys = tuple(part_key(each.key, presentation.part) for each in contained_messages(content))
        self.focus = self._keys[0]
        self._destination = content.destination
        self._group = message_group(contained_messages(content)[0])

    def took(self, key, _place, text):
        assert key == self._keys[0]
        self.posts[self._group].append(self._keys)
        for each in self._keys:
            self.copies[each] += 1
            self.order[self._destination].append(each)
            self.texts[each].append(text)
            self.at.setdefault(each, self.now())
        self._unrecorded[self._group] = set(self._keys)

    def unanswered(self, key):
        """Accepted, but the sender got no response: it has to send it again."""
        for each in self._keys if key == self._keys[0] else (key,):
            self.lost_answers[each] += 1
            self.recorded(each)

    def recorded(self, key):
        for keys in self._unrecorded.values():
            keys.discard(key)

    def killed(self):
        """What was accepted and not recorded will be delivered again because of this kill."""
        for keys in self._unrecorded.values():
            self.lost_to_kills.update(keys)
        self._unrecorded.clear()
