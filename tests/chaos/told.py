"""The book of what destinations took: which key, in which order, and which yes was heard or written down."""

from collections import Counter, defaultdict


class Told:
    def __init__(self):
        self.focus = ""
        self.copies = Counter()
        self.order = defaultdict(list)
        self.posts = defaultdict(list)
        self.texts = defaultdict(list)
        self.lost_answers = Counter()
        self.lost_to_kills = Counter()
        self._unrecorded = {}  # by destination: nobody posts the next before the last is written down

    def posting(self, message):
        self._keys = tuple(each.key for each in message.folded) or (message.key,)
        self.focus = self._keys[0]
        self._destination = message.destination

    def took(self, key, _place, text):
        assert key == self._keys[0]
        self.posts[self._destination].append(self._keys)
        for each in self._keys:
            self.copies[each] += 1
            self.order[self._destination].append(each)
            self.texts[each].append(text)
        self._unrecorded[self._destination] = set(self._keys)

    def unanswered(self, key):
        """Taken, but the sender never heard of it: it has to send it again."""
        for each in self._keys if key == self._keys[0] else (key,):
            self.lost_answers[each] += 1
            self.recorded(each)

    def recorded(self, key):
        for keys in self._unrecorded.values():
            keys.discard(key)

    def killed(self):
        """What was taken and not written down will be told once more, each by the fault of this kill."""
        for keys in self._unrecorded.values():
            self.lost_to_kills.update(keys)
        self._unrecorded.clear()
