"""Buttons of the inbox in a real browser: signed clicks reach the real functions, and messages say what happened."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from gatewatch.local.demo.deployment import deploy
from gatewatch.local.demo.people import RDP_EVENT, TEN_RULES_EVENT, WIDE_RANGE_EVENT
from gatewatch.local.demo.scenario import load_scenario
from gatewatch.local.slack.inbox import Inbox
from support.browser import MISSING, chromium, new_page
from support.paths import ROOT

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make test installs it")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
]
SCREENSHOTS = ROOT / "build" / "browser"


class Page:
    """The page of the inbox, and the functions that work off what is clicked there."""

    def __init__(self, page, inbox, deployment):
        self.page, self.inbox, self.deployment = page, inbox, deployment
        page.goto(inbox.url)
        playwright.expect(page.locator("#state")).to_have_text("live")

    def act_as(self, name):
        self.page.locator("#user").select_option(name)

    def message(self, event_id):
        """The message about an event with buttons."""
        return self.page.locator(".message[data-channel='sec-all']", has_text=event_id).first

    def press(self, event_id, text):
        """Click a button, whose click is sent at once."""
        with self.page.expect_response("**/interactions"):
            self.open(event_id, text)
        self.deployment.poller.drain()

    def open(self, event_id, text):
        """Click a button that asks for a confirmation."""
        self.message(event_id).get_by_role("button", name=text, exact=True).click()

    def choose(self, event_id, text):
        with self.page.expect_response("**/interactions"):
            self.message(event_id).locator("select.menu").select_option(label=text)

    def confirm(self, **typed):
        """Submit the dialog that is open."""
        dialog = self.page.locator("#dialog")
        playwright.expect(dialog).to_be_visible()
        for name, value in typed.items():
            dialog.locator(f"[name={name}]").fill(value)
        with self.page.expect_response("**/interactions"):
            dialog.locator(".submit").click()
        playwright.expect(dialog).to_be_hidden()
        self.deployment.poller.drain()

    def expect(self, event_id, text):
        playwright.expect(self.message(event_id)).to_contain_text(text)

    def screenshot(self, event_id, name):
        """The message may be updated in between: its element is then another one."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        for _ in range(5):
            with suppress(playwright.Error):
                self.message(event_id).screenshot(path=SCREENSHOTS / f"action-{name}.png")
                return
        raise AssertionError("the message does not stay as it is")


@pytest.fixture(scope="module")
def hub():
    with Inbox() as inbox, deploy(inbox) as deployment:
        wanted = {RDP_EVENT, TEN_RULES_EVENT, WIDE_RANGE_EVENT}
        deployment.publish([each for each in load_scenario() if each.record["eventID"] in wanted])
        deployment.poller.drain()
        yield inbox, deployment


@pytest.fixture
def inbox_page(hub):
    problems = []
    options = {"viewport": {"width": 1100, "height": 1700}, "color_scheme": "light"}
    with chromium() as browser, new_page(browser, **options) as page:
        page.on("console", lambda line: problems.append(line.text) if line.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield Page(page, *hub)
    assert problems == []


def test_an_alert_is_acknowledged_with_one_click(inbox_page):
    inbox_page.screenshot(TEN_RULES_EVENT, "open")
    inbox_page.act_as("alice")
    inbox_page.press(TEN_RULES_EVENT, "Acknowledge")
    inbox_page.expect(TEN_RULES_EVENT, "alice")
    assert inbox_page.message(TEN_RULES_EVENT).get_by_role("button", name="Acknowledge").count() == 0
    inbox_page.screenshot(TEN_RULES_EVENT, "acknowledged")


def test_an_alert_is_snoozed_until_a_day_that_is_chosen_in_a_dialog(inbox_page):
    inbox_page.act_as("alice")
    inbox_page.choose(WIDE_RANGE_EVENT, "Snooze until …")
    inbox_page.page.locator("#dialog[open]").screenshot(path=SCREENSHOTS / "action-dialog.png")
    inbox_page.confirm(until=soon())
    inbox_page.expect(WIDE_RANGE_EVENT, "Snoozed until")
    inbox_page.screenshot(WIDE_RANGE_EVENT, "snoozed")


def soon():
    return (datetime.now(UTC) + timedelta(days=3)).date().isoformat()


def test_a_revert_takes_two_people(inbox_page):
    rules = open_rules(inbox_page.deployment)
    assert rules == ["::/0"]
    inbox_page.act_as("carol")
    inbox_page.press(RDP_EVENT, "Revert …")
    playwright.expect(inbox_page.page.locator(".message", has_text="Only visible to carol")).to_be_visible()
    inbox_page.act_as("alice")
    inbox_page.press(RDP_EVENT, "Revert …")
    inbox_page.expect(RDP_EVENT, "Revoke rule")
    inbox_page.screenshot(RDP_EVENT, "revert-proposed")
    inbox_page.open(RDP_EVENT, "Approve the revert")
    inbox_page.confirm()
    playwright.expect(inbox_page.page.locator(".message", has_text="Only visible to alice")).to_be_visible()
    assert open_rules(inbox_page.deployment) == rules
    inbox_page.act_as("bob")
    inbox_page.open(RDP_EVENT, "Approve the revert")
    inbox_page.confirm()
    inbox_page.expect(RDP_EVENT, "everted")
    inbox_page.screenshot(RDP_EVENT, "reverted")
    assert open_rules(inbox_page.deployment) == []
    inbox_page.press(RDP_EVENT, "Undo the revert …")
    inbox_page.expect(RDP_EVENT, "Restore")
    inbox_page.screenshot(RDP_EVENT, "undo-proposed")
    inbox_page.act_as("alice")
    inbox_page.open(RDP_EVENT, "Approve the undo")
    inbox_page.confirm()
    inbox_page.expect(RDP_EVENT, "Revert undone")
    inbox_page.screenshot(RDP_EVENT, "undone")
    assert open_rules(inbox_page.deployment) == rules
    assert inbox_page.deployment.dead_letter_count() == 0


def open_rules(deployment):
    """The inbound rules of the group of the scenario that remote desktop was opened in."""
    ec2 = deployment.cloud.session("444455556666", "us-east-1").client("ec2")
    group = deployment.ids["sg-01b0650fc9daae133"]
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    return [each.get("CidrIpv6") or each.get("CidrIpv4") for each in found if not each["IsEgress"]]
