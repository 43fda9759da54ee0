"""mrkdwn becomes the expected HTML, and hostile text never becomes markup."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.local.slack.mrkdwn_html import to_html
from support.limits import ends

LINK = 'target="_blank" rel="noopener noreferrer"'
ALLOWED = {
    "strong": set(),
    "em": set(),
    "del": set(),
    "code": {"class"},
    "pre": set(),
    "blockquote": set(),
    "br": set(),
    "a": {"href", "target", "rel"},
    "span": {"class"},
    "time": {"datetime", "title"},
}
CLASSES = {"word", "mention broadcast", "mention person", "mention channel"}


class Markup(HTMLParser):
    """Collects the start tags with their attributes, the visible text, and all other constructs."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.text, self.other = [], "", []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.other.append(data)

    def handle_decl(self, decl):
        self.other.append(decl)

    def handle_pi(self, data):
        self.other.append(data)

    def unknown_decl(self, data):
        self.other.append(data)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold*", "<strong>bold</strong>"),
        ("_italic_", "<em>italic</em>"),
        ("~strike~", "<del>strike</del>"),
        ("`tcp 22`", "<code>tcp 22</code>"),
        ("*bold _and_ `code`*", '<strong>bold <em>and</em> <code class="word">code</code></strong>'),
        ("*Account*\n`payments`", '<strong>Account</strong><br><code class="word">payments</code>'),
        ("```a\n  b```", '<pre><span class="word">a</span>\n  <span class="word">b</span></pre>'),
        ("x\n```\na\n```\ny", 'x<pre><span class="word">a</span></pre>y'),
        ("> one\n>two\nthree", "<blockquote>one<br>two</blockquote>three"),
        ("&gt; quoted", "<blockquote>quoted</blockquote>"),
        ("a &amp; b &lt;c&gt;", "a &amp; b &lt;c&gt;"),
        ("&amp;lt;", "&amp;lt;"),
        (":rotating_light: :no_entry:", "🚨 ⛔"),
        ("*계정*: 운영", "<strong>계정</strong>: 운영"),
        ("<https://a.example/?x=1&amp;y=2|it>", f'<a href="https://a.example/?x=1&amp;y=2" {LINK}>it</a>'),
        ("<http://a.example>", f'<a href="http://a.example" {LINK}>http://a.example</a>'),
        ("see https://a.example/b.", f'see <a href="https://a.example/b" {LINK}>https://a.example/b</a>.'),
        ("<!channel>", '<span class="mention broadcast">@channel</span>'),
        ("<!here|harmless>", '<span class="mention broadcast">@here</span>'),
        ("<@U123>", '<span class="mention person">@U123</span>'),
        ("<@U123|alice>", '<span class="mention person">@alice</span>'),
        ("<!subteam^S1|@sec>", '<span class="mention person">@sec</span>'),
        ("<#C1|general>", '<span class="mention channel">#general</span>'),
        (
            "<!date^1767323045^{date_num} {time_secs} {ago}|fallback>",
            '<time datetime="2026-01-02T03:04:05+00:00" title="fallback">2026-01-02 03:04:05 {ago}</time>',
        ),
        (
            "<!date^0^{time}^https://a.example|then>",
            (
                f'<a href="https://a.example" {LINK}>'
                '<time datetime="1970-01-01T00:00:00+00:00" title="then">00:00</time></a>'
            ),
        ),
        ("", ""),
    ],
)
def test_text_is_shown_as_in_slack(text, html):
    assert str(to_html(text)) == html


@pytest.mark.parametrize(
    "text",
    [
        "sg_web_prod",
        "2 * 3 * 4",
        "a*b*c",
        "* not bold *",
        "*across\nlines*",
        "~/path ~/other",
        ":unknown_shortcode:",
        "arn:aws:ec2:eu-west-1",
        "`open",
        "```",
    ],
)
def test_text_that_is_no_markup_in_slack_stays_as_written(text):
    assert Markup(to_html(text)).text.replace("\n", "") == text.replace("\n", "")
    assert {tag for tag, _ in Markup(to_html(text)).tags} <= {"br"}


def test_inside_code_nothing_else_is_markup():
    assert str(to_html("`*a* <!channel> :lock:`")) == "<code>*a* &lt;!channel&gt; :lock:</code>"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<javascript:alert(1)|click>",
        "<JaVaScRiPt:alert(1)>",
        "<data:text/html,x|click>",
        "<vbscript:x|y>",
        "<//evil.example|y>",
        "<!date^9999999999999999^{date}|x>",
        "<!-- -->",
        "<!unknown|x>",
    ],
)
def test_hostile_text_is_shown_as_text(text):
    assert Markup(to_html(text)).tags == []
    assert "alert(1)" not in text or "alert(1)" in Markup(to_html(text)).text


@pytest.mark.parametrize(
    "text",
    [
        '<https://a.example/" onmouseover="alert(1)|x>',
        "<https://a.example/|<b>x</b>>",
        "<https://a.example/'onclick='x|\"><script>>",
        '`"><script>alert(1)</script>`',
        '*"><svg/onload=alert(1)>*',
        "```</pre><script>alert(1)</script>```",
        '<@U1|"><script>alert(1)</script>>',
        '<!date^1^{date}"onx="y|"><script>>',
        "<!date^1^{date}^javascript:alert(1)|x>",
    ],
)
def test_hostile_text_inside_markup_stays_text(text):
    assert_only_allowed(to_html(text))


pieces = st.sampled_from(
    [
        *(
            "*",
            "_",
            "~",
            "`",
            "```",
            "\n",
            ">",
            "<",
            "&",
            "|",
            "^",
            '"',
            "'",
            "=",
            " ",
            "/",
            "!",
            "@",
            "#",
            ":",
        ),
        *(
            "&lt;",
            "&gt;",
            "&amp;",
            "&quot;",
            "&#60;",
            "https://a.example",
            "<https://a.example|",
            "javascript:",
        ),
        *("<!date^1^", "{date}", "<!channel>", "<@U1|", "<script>", "</pre>", "onload=", ":lock:", "x", "\0"),
        *("<!--", "]]>", "<![CDATA[", "<?", "한국", "\u202e", "\ud800"),
    ]
)


@given(st.lists(pieces | st.text(max_size=4), max_size=40).map("".join))
def test_the_html_of_any_text_has_only_allowed_tags_and_attributes(text):
    assert_only_allowed(to_html(text))


@pytest.mark.parametrize("piece", ["*a ", "_a ", "<", "`", "```", "> ", "https://", "<!date^1^", ":", "~*_"])
def test_a_long_hostile_text_is_converted_in_linear_time(piece):
    with ends():
        assert to_html(piece * (100_000 // len(piece)))


def assert_only_allowed(html):
    parsed = Markup(html)
    assert parsed.other == []
    for tag, attributes in parsed.tags:
        assert attributes.keys() <= ALLOWED[tag]
        assert attributes.get("href", "https://").lower().startswith(("https://", "http://"))
        assert attributes.get("class", "mention channel") in CLASSES
