"""Checks of HTML pages."""

from html.parser import HTMLParser

_VOID = {"br", "hr", "img", "input", "link", "meta"}
_BLOCKS = {"article", "blockquote", "div", "h1", "h2", "h3", "hr", "main", "ol", "p", "pre", "section", "table", "ul"}
_NO_BLOCKS_INSIDE = {"p", "h1", "h2", "h3", "span", "b", "strong", "em", "del", "code", "pre", "summary", "button"}


class _Nesting(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.problems = [], []

    def handle_starttag(self, tag, _attrs):
        if tag in _BLOCKS and (outer := _NO_BLOCKS_INSIDE & {*self.open}):
            self.problems.append(f"<{tag}> in {sorted(outer)}, line {self.getpos()[0]}")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, _tag, _attrs):
        """SVG elements close themselves."""

    def handle_endtag(self, tag):
        if self.open[-1:] != [tag]:
            self.problems.append(f"</{tag}> in {self.open[-1:]}, line {self.getpos()[0]}")
        else:
            self.open.pop()


def nesting_problems(html):
    """Return elements that are not closed in order, and blocks inside elements that can only contain text."""
    nesting = _Nesting()
    nesting.feed(html)
    return nesting.problems + [f"<{tag}> is not closed" for tag in nesting.open]
