"""Summarize activity: what is still open, who changed how much, what was suppressed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.alerts.enrichment import event_url, group_url
from gatewatch.alerts.suppression import suppress
from gatewatch.digest.activity import MIN_SEVERITY
from gatewatch.digest.open_exposures import resolve_exposures
from gatewatch.digest.short_lived_roles import short_lives
from gatewatch.model.alert import Alert, AssessedChange, Links
from gatewatch.model.api_call import AccessMethod, Actor, ApiCall
from gatewatch.model.change import Action, Change, Outcome
from gatewatch.model.digest import AccountChanges, Digest, ExposedRule, Period, ShortLivedRole
from gatewatch.model.severity import Assessment, Exposure, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from gatewatch.config.settings import Settings
    from gatewatch.digest.activity import AlertActivity, AlertSummary, RuleOpened
    from gatewatch.digest.open_exposures import OpenExposure, ResolvedExposures
    from gatewatch.digest.short_lived_roles import ShortLife
    from gatewatch.model.account import Account


def summarize(
    summaries: Iterable[AlertSummary], found: ResolvedExposures, period: Period, settings: Settings
) -> Digest:
    """Summarize alerts, which must not contain duplicates."""
    within = [each for each in summaries if period.contains(each.at)]
    lives = list(short_lives(within))
    uncounted = {each.uncounted.key for each in lives}
    accounts: dict[str, Counter[Severity]] = {}
    actors: Counter[str] = Counter()
    suppressed: Counter[str] = Counter()
    for summary in within:
        suppressed.update(summary.suppressed)
        if summary.key not in uncounted:
            accounts.setdefault(summary.account, Counter()).update(summary.severities)
            actors[summary.actor] += sum(summary.severities.values())
    exposed = [rule for each in found.open if (rule := exposed_rule(each, period.now, settings))]
    closed = (
        each for each in found.closed if period.contains(each.at) and exposed_rule(each.exposure, each.at, settings)
    )
    return Digest(
        period=period,
        events=len(within),
        severities=dict(sum(accounts.values(), Counter())),
        accounts=_by_account(accounts, settings),
        actors=dict(actors),
        suppressed=dict(suppressed),
        open=_sorted(each for each in exposed if not each.is_resource),
        public=_sorted(each for each in exposed if each.is_resource),
        closed=tuple(each.at - each.exposure.since for each in closed),
        short_lived_roles=tuple(sorted((_short_lived_role(each, settings) for each in lives), key=_worst_role)),
    )


def _short_lived_role(life: ShortLife, settings: Settings) -> ShortLivedRole:
    created, deleted = life.created, life.deleted
    account, lifetime = settings.account(created.account), deleted.at - created.at
    return ShortLivedRole(account, life.role, created.actor, lifetime, life.counted.worst)


def _worst_role(role: ShortLivedRole) -> tuple[int, str, str]:
    return -role.severity.rank, role.account.id, role.name


def _by_account(counts: Mapping[str, Counter[Severity]], settings: Settings) -> tuple[AccountChanges, ...]:
    """Most changes first, equal counts by name."""
    changes = [AccountChanges(settings.account(account_id), dict(each)) for account_id, each in counts.items()]
    return tuple(sorted(changes, key=lambda each: (-each.total, each.account.display_name)))


def summarize_activity(activity: Iterable[AlertActivity], settings: Settings, days: int | None = None) -> Digest | None:
    """Summarize activity as of its last event; with `days`, only the last so many days are counted.

    Duplicates are counted once, and the order does not matter. Returns None without activity.
    """
    known = {each.summary.key: each for each in activity}
    if not known:
        return None
    first, last = (find(each.summary.at for each in known.values()) for find in (min, max))
    period = Period(max(first, last - timedelta(days=days)) if days else first, last, last)
    steps = (step for each in known.values() for step in each.steps)
    return summarize((each.summary for each in known.values()), resolve_exposures(steps), period, settings)


def exposed_rule(exposure: OpenExposure, at: datetime, settings: Settings) -> ExposedRule | None:
    """Return None for an exposure whose severity, after the exceptions at that time, is too low."""
    account, opened = settings.account(exposure.current.account), exposure.current
    (change,) = suppress(_alert(opened, account), settings.exceptions, at).alert.changes
    if change.assessment.severity.rank < MIN_SEVERITY.rank:
        return None
    first = exposure.opened[0]
    links = Links(
        event=event_url(opened.region, first.event_id), group=group_url(opened.region, change.change.group.id)
    )
    return ExposedRule(
        account,
        opened.region,
        opened.resource,
        change,
        first.at,
        first.actor,
        links,
        exposure.origin,
        exposure.reachability,
    )


def _sorted(rules: Iterable[ExposedRule]) -> tuple[ExposedRule, ...]:
    return tuple(sorted(_without_twins(rules), key=_worst_and_oldest))


def _without_twins(rules: Iterable[ExposedRule]) -> Iterator[ExposedRule]:
    """Yield rules that differ only in their peer once: IPv4 and IPv6 twins, and CIDRs that add up to the internet.

    Of several grants in one setting of a resource the worst stands for all. `rules` are sorted oldest first; the
    oldest of them gets the highest severity.
    """
    twins: dict[tuple[object, ...], list[ExposedRule]] = {}
    for each in rules:
        twins.setdefault(each.twin_key, []).append(each)
    for found in twins.values():
        worst = max(found, key=lambda each: each.change.assessment.severity.rank)
        yield replace(found[0], change=worst.change)


def _worst_and_oldest(rule: ExposedRule) -> tuple[int, datetime]:
    return -rule.change.assessment.severity.rank, rule.since


def _alert(opened: RuleOpened, account: Account) -> Alert:
    """Return an alert with the fields that exceptions match on."""
    change = Change(
        family=opened.family,
        action=Action.AUTHORIZE,
        outcome=Outcome.APPLIED,
        group=opened.group,
        rule=opened.rule,
        resource_id=opened.resource_id or None,
        facts=opened.facts,
    )
    call = ApiCall(
        event_id=opened.key,
        event_name="",
        event_source="",
        time=opened.at,
        account_id=opened.account,
        region=opened.region,
        actor=Actor(opened.actor, ""),
        via=AccessMethod.UNKNOWN,
        source_ip=None,
        error_code=None,
        request=None,
        response=None,
        record={},
    )
    assessment = Assessment(opened.severity, (), Exposure.WORLD, opened.services)
    return Alert(call=call, account=account, changes=(AssessedChange(change, assessment),), links=Links())
