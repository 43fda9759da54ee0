"""Chromium of this machine, which is awaited as long as it takes."""

import shutil
from contextlib import contextmanager

from support.limits import GUARD_SECONDS

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = "" if CHROMIUM else "no chromium on this machine; apt-get install chromium"
_MILLISECONDS = GUARD_SECONDS * 1000


@contextmanager
def chromium():
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415  tests skip without it

    expect.set_options(timeout=_MILLISECONDS)
    with sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=arguments, timeout=_MILLISECONDS)
        yield browser
        browser.close()


@contextmanager
def new_page(browser, **options):
    """A page in a context of its own with the options of `browser.new_context`."""
    context = browser.new_context(**options)
    context.set_default_timeout(_MILLISECONDS)
    yield context.new_page()
    context.close()
