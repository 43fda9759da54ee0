"""What the sweep does not read, and what sends no events."""

from __future__ import annotations

from msgspec.structs import replace

from gatewatch.config.settings import load_settings
from gatewatch.events.canary import AccountRegion
from gatewatch.inventory.coverage import Coverage, Gap, GapKind, find_gaps, gap_digests, is_complete, swept_accounts
from gatewatch.inventory.model import AccountInventory, RegionInventory, ResourceKind
from support.paths import ROOT

A, B = "111122223333", "444455556666"
DAY = 24 * 3600.0
NOW = 10 * DAY
PLAIN = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
SETTINGS = replace(PLAIN, accounts={A: replace(PLAIN.account(A), read_role="lookup")})


def account(account_id=A, *regions, **fields):
    return AccountInventory(account_id=account_id, at=NOW, regions=regions or ("r-1", "r-2"), **fields)


def region(name, at=NOW, account_id=A, **fields):
    read_at = {} if fields.get("unread") else {ResourceKind.RULES: at}
    return RegionInventory(account_id=account_id, region=name, at=at, read_at=read_at, **fields)


def coverage(accounts=None, regions=None, canaries=(("r-1"), ("r-2")), account_ids=(A,)):
    return Coverage(
        account_ids=account_ids,
        accounts=[account()] if accounts is None else accounts,
        regions=[region("r-1"), region("r-2")] if regions is None else regions,
        canaries=[each if isinstance(each, AccountRegion) else AccountRegion(A, each) for each in canaries],
        now=NOW,
    )


def gaps(**fields):
    return find_gaps(coverage(**fields), SETTINGS)


def test_regions_that_are_read_and_send_canaries_are_no_gap():
    assert gaps() == []


def test_a_region_that_sends_no_canary_is_named():
    assert gaps(canaries=["r-2"]) == [Gap(A, GapKind.NO_EVENTS, ("r-1",))]


def test_an_account_that_sends_canaries_and_has_no_lookup_role_is_named():
    canaries = ["r-1", "r-2", AccountRegion(B, "r-1"), AccountRegion(B, "r-2")]
    assert gaps(canaries=canaries) == [Gap(B, GapKind.NO_ROLE)]


def test_nobody_who_uses_no_lookup_role_is_asked_about_gaps():
    assert find_gaps(coverage(account_ids=(), accounts=[], regions=[]), replace(PLAIN, accounts={})) == []


def test_an_account_that_was_never_read_or_refuses_is_named_with_the_reason():
    assert gaps(accounts=[], regions=[]) == [Gap(A, GapKind.UNREAD, reason="NeverRead")]
    refused = account(error="AccessDenied")
    assert gaps(accounts=[refused], regions=[]) == [Gap(A, GapKind.UNREAD, reason="AccessDenied")]


def test_regions_are_named_by_the_reason_why_they_were_not_read():
    """r-1 was never reached, r-2 refuses, r-3 was read three days ago, r-4 today; r-5 sends events and is no Region."""
    here = account(A, "r-1", "r-2", "r-3", "r-4")
    found = [
        region("r-2", unread={ResourceKind.RULES: "UnauthorizedOperation"}),
        region("r-3", NOW - 3 * DAY),
        region("r-4"),
    ]
    canaries = [f"r-{number}" for number in range(1, 6)]
    assert gaps(accounts=[here], regions=found, canaries=canaries) == [
        Gap(A, GapKind.UNREAD, ("r-1", "r-5"), "NeverRead"),
        Gap(A, GapKind.UNREAD, ("r-2",), "UnauthorizedOperation"),
        Gap(A, GapKind.UNREAD, ("r-3",), "NotReadForTwoDays"),
    ]


def test_a_region_that_is_unread_for_a_day_is_no_gap_yet():
    unread = replace(region("r-1", NOW - DAY), unread={ResourceKind.RULES: "Throttling"}, at=NOW)
    assert gaps(regions=[unread, region("r-2")]) == []


def test_a_sweep_is_complete_when_every_region_was_tried():
    assert is_complete(coverage(), NOW)
    assert not is_complete(coverage(regions=[region("r-1")]), NOW)
    assert not is_complete(coverage(regions=[region("r-1"), region("r-2", NOW - 1)]), NOW)
    assert not is_complete(coverage(accounts=[]), NOW)
    assert is_complete(coverage(accounts=[account(error="AccessDenied")], regions=[]), NOW)


def test_the_digest_of_an_account_changes_with_its_gaps():
    one = gap_digests([Gap(A, GapKind.NO_EVENTS, ("r-1",)), Gap(B, GapKind.NO_ROLE)])
    other = gap_digests([Gap(A, GapKind.NO_EVENTS, ("r-2",)), Gap(B, GapKind.NO_ROLE)])
    assert one[A] != other[A]
    assert one[B] == other[B]


def test_accounts_of_the_file_and_those_that_send_canaries_are_swept_if_they_have_a_role():
    defaults = replace(SETTINGS, accounts={}, defaults=replace(SETTINGS.defaults, read_role="lookup"))
    assert swept_accounts(SETTINGS, [AccountRegion(B, "r-1")]) == [A]
    assert swept_accounts(defaults, [AccountRegion(B, "r-1")]) == [B]
