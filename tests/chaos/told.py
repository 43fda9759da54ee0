"""The book of what destinations took: which key, in which order, and which yes was heard or written down."""

from collections import Counter, defaultdict


class Told:
    def __init__(self):
        self.focus = ""
        self.copies = Counter()
        self.order = defaultdict(list)
        self.texts = defaultdict(list)
        self.lost_answers = Counter()
        self.lost_to_kills = Counter()
        self._unrecorded = {}  # by destination: nobody posts the next before the last is written down

    def posting(self, message):
        self.focus = message.key
        self._destination = message.destination

    def took(self, key, _place, text):
        self.copies[key] += 1
        self.order[self._destination].append(key)
        self.texts[key].append(text)
        self._unrecorded[self._destination] = key

    def unanswered(self, key):
        """Taken, but the sender never heard of it: it has to send it again."""
        self.lost_answers[key] += 1
        self.recorded(key)

    def recorded(self, key):
        self._unrecorded = {name: each for name, each in self._unrecorded.items() if each != key}

    def killed(self):
        """What was taken and not written down will be told once more, each by the fault of this kill."""
        self.lost_to_kills.update(self._unrecorded.values())
        self._unrecorded.clear()
