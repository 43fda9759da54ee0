"""What was gathered of the hub -> findings, each with what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gatewatch.monitoring.doctor.model import Finding, HubFacts, Light, Mapped, Unseen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WHERE = "hub"
_SILENT_SECONDS = 3600
_ALERTS = frozenset({"alert", "deliver"})


def judge_hub(facts: HubFacts) -> Iterator[Finding]:
    yield from _queues(facts.waiting)
    yield from _functions(facts.functions)
    yield _operators(facts.subscribers)
    yield _admits(facts.bus_policy)


def _queues(waiting: Mapping[str, int] | Unseen) -> Iterator[Finding]:
    if isinstance(waiting, Unseen):
        yield _unseen("queues", waiting)
        return
    for queue, count in waiting.items():
        is_dead = "dead" in queue
        if not count:
            yield Finding(_WHERE, queue, Light.GREEN, "empty")
        elif is_dead:
            remedy = "gatewatch dead list says why; gatewatch dead redrive sends them again"
            yield Finding(_WHERE, queue, Light.RED, f"{count} dead messages", remedy)
        else:
            remedy = "look again in a minute; if it does not fall, read the function's log"
            yield Finding(_WHERE, queue, Light.YELLOW, f"{count} messages wait", remedy)


def _functions(functions: Mapping[str, Mapped] | Unseen) -> Iterator[Finding]:
    if isinstance(functions, Unseen):
        yield _unseen("functions", functions)
        return
    for name, function in functions.items():
        if function.state != "Active":
            yield Finding(_WHERE, name, Light.RED, f"the function is {function.state}", "make deploy")
        elif function.is_served is False or (function.is_served is None and name in _ALERTS):
            remedy = "enable the function's event source mapping, or make deploy"
            yield Finding(_WHERE, name, Light.RED, "its queue is not served", remedy)
        else:
            yield Finding(_WHERE, name, Light.GREEN, "active")


def _operators(subscribers: int | Unseen) -> Finding:
    if isinstance(subscribers, Unseen):
        return _unseen("operators", subscribers)
    if subscribers:
        return Finding(_WHERE, "operators", Light.GREEN, f"{subscribers} subscribers hear the alarms")
    remedy = "subscribe an address to the operators topic and confirm the mail (docs/operations.md)"
    return Finding(_WHERE, "operators", Light.RED, "nobody hears the alarms", remedy)


def _admits(policy: Mapping[str, Any] | Unseen) -> Finding:
    if isinstance(policy, Unseen):
        return _unseen("bus", policy)
    organizations, accounts = admitted(policy)
    if organizations or accounts:
        said = ", ".join([*sorted(organizations), *sorted(accounts)])
        return Finding(_WHERE, "bus", Light.GREEN, f"admits {said}")
    remedy = "deploy with --param=organization=o-… or --param=members=…"
    return Finding(_WHERE, "bus", Light.RED, "no member may send", remedy)


def admitted(policy: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """The organizations and the accounts that may put events on the bus."""
    organizations: set[str] = set()
    accounts: set[str] = set()
    for statement in policy.get("Statement", []):
        named = statement.get("Condition", {}).get("StringEquals", {}).get("aws:PrincipalOrgID")
        organizations.update(_listed(named))
        principal = statement.get("Principal", {})
        who = principal.get("AWS") if isinstance(principal, dict) else None
        accounts.update(_account(each) for each in _listed(who))
    return frozenset(organizations), frozenset(accounts)


def judge_admission(where: str, account_id: str, policy: Mapping[str, Any] | Unseen) -> Finding:
    """An organization on the policy may or may not be the account's own; its canary knows."""
    if isinstance(policy, Unseen):
        return Finding(where, "bus policy", Light.YELLOW, f"could not look: {policy.reason}")
    organizations, accounts = admitted(policy)
    if account_id in accounts or organizations:
        by = "by its id" if account_id in accounts else f"when it is in {', '.join(sorted(organizations))}"
        return Finding(where, "bus policy", Light.GREEN, f"admitted {by}")
    remedy = f"deploy the hub with {account_id} among --param=members=…"
    return Finding(where, "bus policy", Light.RED, "the hub's bus does not admit this account", remedy)


def judge_heard(where: str, place: str, heard: Mapping[str, int] | Unseen, now: float) -> Finding:
    if isinstance(heard, Unseen):
        return Finding(where, "canary", Light.YELLOW, f"could not look: {heard.reason}")
    if place not in heard:
        remedy = "deploy eventbridge/member.yaml there; the first canary takes a quarter of an hour"
        return Finding(where, "canary", Light.RED, "never heard of", remedy)
    at = datetime.fromtimestamp(heard[place], UTC).strftime("%Y-%m-%d %H:%M UTC")
    if now - heard[place] > _SILENT_SECONDS:
        return Finding(where, "canary", Light.RED, f"last heard {at}", "see the other findings of this place")
    return Finding(where, "canary", Light.GREEN, f"last heard {at}")


def _unseen(what: str, unseen: Unseen) -> Finding:
    remedy = "run the doctor in the monitoring account and the hub's Region, with a role that may read it"
    return Finding(_WHERE, what, Light.YELLOW, f"could not look: {unseen.reason}", remedy)


def _account(principal: str) -> str:
    return principal.split(":")[4] if principal.startswith("arn:") else principal


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
