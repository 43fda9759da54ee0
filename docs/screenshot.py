# ruff: noqa: INP001 - one script, no package
"""Take docs/message.png: two messages of the demo page, as a browser shows them.

`gatewatch demo && python docs/screenshot.py`; needs chromium and the fonts Noto Sans CJK and Noto Color Emoji.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "build" / "demo" / "inbox.html"
PICTURE = ROOT / "docs" / "message.png"
CHANNEL = 'data-channel="sec-prod"'
SHOWN = ("(+9 more)</h3>", "Denied attempt to open SSH")
WIDTH, HEIGHT = 1100, 1470
_MESSAGE = re.compile(r'<article class="message".*?</article>\n*', re.DOTALL)
_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def main() -> None:
    html = PAGE.read_text("utf-8")
    messages = [message for message in _MESSAGE.findall(html) if CHANNEL in message]
    chosen = [next(message for message in messages if words in message) for words in SHOWN]
    first, last = html.index('<article class="message"'), html.rindex("</article>") + len("</article>")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(html[:first] + "".join(chosen) + html[last:], "utf-8")
        subprocess.run(  # noqa: S603 - a browser that its user names
            [
                *(sys.argv[1:2] or ["chromium"]),
                *_QUIET,
                f"--user-data-dir={folder}/profile",
                f"--window-size={WIDTH},{HEIGHT}",
                f"--screenshot={PICTURE}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


if __name__ == "__main__":
    main()
