"""Writes docs/message.png, the inbox page with two events of the demo (`make screenshot`). Needs Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from gatewatch.config.paths import ROOT
from gatewatch.local.demo.scenario import SCENARIO_FILES

_PICTURE = ROOT / "docs" / "message.png"
_EVENTS = ("02-ssh-to-the-world.json", "07-ssh-to-the-world-refused.json")
_CHANNEL = "sec-prod"
_LONGEST_WAIT = 600_000  # milliseconds; a busy machine may need more than the half minute that is the default
_SIZE = {"width": 1100, "height": 1000}


def main(picture: Path = _PICTURE) -> None:
    """Render the events as the inbox page and photograph one channel of it."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        page_file = Path(folder) / "inbox.html"
        page_file.write_text(_inbox(), encoding="utf-8")
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = started.chromium.launch(executable_path=chromium, args=arguments, timeout=_LONGEST_WAIT)
        page = browser.new_page(viewport=_SIZE)  # type: ignore[arg-type]
        page.set_default_timeout(_LONGEST_WAIT)
        page.goto(page_file.as_uri())
        page.click(f"#channels button[data-channel={_CHANNEL}]")
        page.screenshot(path=str(picture))
        browser.close()


def _inbox() -> str:
    records = [json.loads((SCENARIO_FILES / name).read_text("utf-8"))["record"] for name in _EVENTS]
    command = [sys.executable, "-m", "gatewatch", "replay", "--config", str(SCENARIO_FILES), "--format", "html"]
    ran = subprocess.run(command, input=json.dumps(records), capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603  own arguments
    return ran.stdout


if __name__ == "__main__":
    main()
