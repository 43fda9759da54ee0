"""Add the account entry and the console links to an assessed call."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING
from urllib.parse import quote

from gatewatch.alerts.iam_console_links import console_page
from gatewatch.model.alert import Alert, AssessedChange, Links
from gatewatch.model.compliance import ComplianceFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gatewatch.config.settings import Settings
    from gatewatch.model.account import Account
    from gatewatch.model.api_call import ApiCall

# Region prefixes of the partitions (botocore partitions.json) -> console host, longest prefix first.
# The isolated partitions have no public console.
_CONSOLES = (
    ("us-isob-", ""),
    ("us-isof-", ""),
    ("us-iso-", ""),
    ("eu-isoe-", ""),
    ("us-gov-", "console.amazonaws-us-gov.com"),
    ("cn-", "console.amazonaws.cn"),
    ("eusc-", "console.amazonaws-eusc.eu"),
)
_COMMERCIAL = "console.aws.amazon.com"
_GROUP_ID, _FACTS = attrgetter("change.group.id"), attrgetter("change.facts")
_UNRESERVED = re.compile(r"[\w.~-]*", re.ASCII)  # characters that a URL has as they are (RFC 3986)


def enrich(call: ApiCall, changes: Sequence[AssessedChange], settings: Settings) -> Alert:
    """Return the alert of one call: its assessed changes, account and console links."""
    group_id = next(filter(None, map(_GROUP_ID, changes)), None)
    account = settings.account(call.account_id)
    facts = list(filter(None, map(_FACTS, changes)))
    links = Links(
        event=rule_url(call.region, facts) or event_url(call.region, _recorded_id(call)),
        group=group_url(call.region, group_id),
        iam=iam_url(call.region, facts),
    )
    return Alert(call=call, account=account, changes=tuple(changes), links=through_portal(links, account, settings))


def through_portal(links: Links, account: Account, settings: Settings) -> Links:
    """The links through the access portal, where one is configured: a plain link opens any account of the reader."""
    portal = settings.access_portal
    if not portal.url or not account.known:
        return links
    urls = (links.event, links.group, links.iam)
    return Links(*(portal.link(account.id, url) if url and portal.serves(url) else url for url in urls))


def _recorded_id(call: ApiCall) -> str:
    """The id in CloudTrail; empty for a record without one, whose id gatewatch derived."""
    return call.event_id if call.record.get("eventID") == call.event_id else ""


def console_host(region: str) -> str:
    """Return the console host of a Region; empty where the partition has no public console."""
    return next((host for prefix, host in _CONSOLES if region.startswith(prefix)), _COMMERCIAL)


def event_url(region: str, event_id: str) -> str:
    home = _home(region, "cloudtrailv2")
    return f"{home}#/events/{_quoted(event_id)}" if home and event_id else ""


def rule_url(region: str, facts: Iterable[object]) -> str:
    """Return the link to the Config rule of a compliance change: CloudTrail has no event for it."""
    for each in facts:
        if isinstance(each, ComplianceFacts):
            home = _home(region, "config") if each.rule else ""
            return f"{home}#/rules/details?configRuleName={_quoted(each.rule)}" if home else ""
    return ""


def group_url(region: str, group_id: str | None) -> str:
    home = _home(region, "ec2") if group_id else ""
    return f"{home}#SecurityGroup:groupId={_quoted(group_id)}" if home and group_id else ""


def iam_url(region: str, facts: Iterable[object]) -> str:
    """IAM is global: its events name the Region of the partition that also hosts its console."""
    for page in filter(None, map(console_page, facts)):
        home = _home(region, "iam")
        return f"{home}#{page}" if home else ""
    return ""


def _quoted(text: str) -> str:
    """A part of a URL; ids of AWS are taken as they are."""
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="")


@lru_cache(maxsize=1024)
def _home(region: str, console: str) -> str:
    host = console_host(region)
    name = quote(region, safe="")
    return f"https://{name}.{host}/{console}/home?region={name}" if host and region else ""
