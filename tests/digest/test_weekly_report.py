"""What a weekly digest says of readings and of the trend, in every channel and language."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from gatewatch.config.settings import LANGUAGES
from gatewatch.digest.email import EmailTemplate, column_heights, html_page
from gatewatch.digest.inventory_exposures import with_inventory
from gatewatch.digest.open_exposures import resolve_exposures
from gatewatch.digest.summary import summarize
from gatewatch.model.digest import MAX_BARS, Digest, Period, ReadingSummary, shortened
from gatewatch.model.notification import DigestNotification
from gatewatch.model.reachability import Layer, Reachability, Verdict
from gatewatch.model.security_group import Group
from gatewatch.rendering.chatbot_validation import chatbot_problems
from gatewatch.rendering.digest.labels import load_digest_labels
from gatewatch.rendering.digest.messages import digest_sns_body
from gatewatch.rendering.digest.sections import DigestText
from gatewatch.rendering.digest.text import digest_text, slack_blocks
from gatewatch.rendering.digest.view import digest_view
from gatewatch.rendering.escaping import mrkdwn
from gatewatch.rendering.slack_blocks import payload
from gatewatch.rendering.slack_validation import mentions, slack_problems
from gatewatch.rendering.text.labels import load_labels
from support.browser import MISSING, chromium, new_page
from support.html import nesting_problems
from support.invented_activity import FIRST, LAST, SETTINGS, ZONE, invented_log, trend
from support.inventory import ITEM, NOW, RULE, reading
from support.paths import ROOT
from support.rendering import LOADED

TEMPLATES = ROOT / "templates"
NOON = datetime.fromtimestamp(NOW, UTC)
WEEK = Period(NOON - timedelta(days=7), NOON, NOON)
READ = ReadingSummary(2, 34, NOON, ("444455556666: AccessDenied",))
HOSTILE = "=1+1 <!channel> <@U1> *b* `c` <script>alert(1)</script> \x1b[31m\nnext \u202eeman"


TREND = trend(invented_log(3)[0])


def weekly(*items, **changes) -> Digest:
    found = with_inventory(resolve_exposures([]), [reading(*items)])
    made = summarize([], found, WEEK, SETTINGS)
    return replace(made, **{"recording_since": NOON, "readings": READ, "trend": TREND, **changes})


def view(digest, language="en"):
    labels = load_digest_labels(TEMPLATES, language), load_labels(TEMPLATES, language)
    return digest_view(digest, DigestText(*labels, ZONE))


def text(digest, language="en"):
    return digest_text(view(digest, language))


def test_what_no_event_reported_is_listed_with_how_it_is_known_and_whether_it_can_be_reached():
    stopped = Reachability(verdict=Verdict.NOT_REACHABLE, layer=Layer.ROUTE)
    found = text(weekly(replace(ITEM, reachability=stopped)))
    assert "opened before gatewatch · owner @payments-oncall · no direct path from the internet" in found
    found = text(weekly(replace(ITEM, was_there_first=False, reachability=Reachability(verdict=Verdict.REACHABLE))))
    assert "no event reported it · owner @payments-oncall · reachable from the internet" in found
    assert "opened by" not in found


def test_the_digest_says_what_was_read_and_what_was_not():
    found = text(weekly(ITEM))
    assert "Accounts read: 2, Regions: 34, oldest reading 2027-01-15 17:00:00 KST." in found
    assert "Not read: 444455556666: AccessDenied." in found
    assert "No account is read" not in found


def test_a_long_list_of_what_was_not_read_is_cut_with_its_number():
    unread = tuple(f"{number:012}: AccessDenied" for number in range(30))
    digest = weekly(ITEM, readings=replace(READ, unread=unread))
    short = shortened(shortened(digest))
    assert (len(short.readings.unread), short.readings.omitted_unread) == (MAX_BARS, 20)
    for each in (digest, short):
        assert "000000000004: AccessDenied; and 25 more." in text(each)


def test_without_readings_the_digest_says_what_it_cannot_know():
    for digest in (weekly(readings=None), weekly(readings=None, trend=None)):
        assert "changed without an event, is not known" in text(digest)


def test_a_digest_of_files_says_it_in_its_note_only():
    digest = replace(weekly(readings=None, trend=None), recording_since=None)
    assert "No account is read" not in text(digest)


def test_the_trend_has_a_chart_and_numbers_and_times_to_close():
    lines = text(weekly()).splitlines()
    at = lines.index("Open at the end of each day, 90 days")
    assert len(lines[at + 1].strip()) == 45
    assert re.fullmatch(
        r"At the end: \d+ · at the start: \d+ · most: \d+ · opened: \d+ · closed: \d+", lines[at + 2].strip()
    )
    at = lines.index("Time to close by severity, 90 days")
    pattern = r"Critical: \d+ closed · median 1 d \d+ h · 90 % within \d+ d \d+ h"
    assert re.fullmatch(pattern, lines[at + 1].strip())
    assert [each.strip().partition(":")[0] for each in lines[at + 1 : at + 4]] == ["Critical", "High", "Medium"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_a_column_for_each_day_and_no_script(language):
    page = html_page(view(weekly(ITEM), language), EmailTemplate(language, TEMPLATES))
    assert page.count("vertical-align:bottom") == (LAST - FIRST).days + 1 == 90
    assert nesting_problems(page) == []
    assert "<script" not in page


def test_columns_are_as_high_as_the_numbers_and_zero_is_a_line():
    assert column_heights([0, 1, 2, 4]) == [1, 12, 24, 48]
    assert column_heights([0, 0]) == [1, 1]
    assert column_heights([]) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hostile_name_breaks_no_channel(language):
    item = replace(ITEM, group=Group(id=HOSTILE, name=HOSTILE))
    digest = shortened(weekly(item))
    message = payload("#000000", mrkdwn("title"), slack_blocks(view(digest, language)))
    assert not slack_problems(message)
    assert not mentions(message)
    page = html_page(view(digest, language), EmailTemplate(language, TEMPLATES))
    assert "<script>alert" not in page
    assert "\x1b" not in page + text(digest, language)
    assert "\u202e" not in page + text(digest, language)
    body = digest_sns_body(notification(digest, language), (), LOADED)
    assert chatbot_problems(body.chat) == ()


def notification(digest, language="en"):
    return DigestNotification(
        key="digest-1", digest=digest, first_day="2026-11-22", days=7, language=language, timezone=ZONE
    )


def test_the_trend_travels_in_the_message():
    sent = msgspec.json.encode(notification(shortened(weekly(ITEM))))
    assert msgspec.json.decode(sent, type=DigestNotification).digest.trend == weekly().trend
    assert len(sent) < 30_000


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_a_week_fits_a_phone(language):
    """It writes build/browser/weekly-<language>.png."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make test installs it")
    items = [
        replace(ITEM, rule=replace(RULE, rule_id=f"sgr-{number}"), group=Group(id=f"sg-{number:017}", name=each))
        for number, each in enumerate(NAMES)
    ]
    with chromium() as browser, new_page(browser, viewport={"width": 390, "height": 844}) as page:
        page.set_content(html_page(view(weekly(*items), language), EmailTemplate(language, TEMPLATES)))
        folder = ROOT / "build" / "browser"
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"weekly-{language}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        heights = page.evaluate("[...document.querySelectorAll('td > div')].map((each) => each.offsetHeight)")
    assert heights == column_heights([each.open for each in TREND.days])


NAMES = ("legacy-jump-host", "a-name-without-any-place-to-break-it-" + "x" * 200, HOSTILE)
