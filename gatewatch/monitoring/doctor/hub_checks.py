"""Check the gathered state of the hub. Every result that is not OK has a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.inventory.coverage import GapKind
from gatewatch.monitoring.doctor.model import CheckResult, CheckStatus, FunctionState, HubState, QueryFailed
from gatewatch.monitoring.doctor.policy_documents import element_list
from gatewatch.rendering.time_text import utc_minute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gatewatch.inventory.coverage import Gap

_WHERE = "hub"
_SILENT_SECONDS = 3600
_ALERTS = frozenset({"alert", "deliver"})


def judge_hub(state: HubState) -> Iterator[CheckResult]:
    yield from _queues(state.queue_depths)
    yield from _functions(state.functions)
    yield _operators(state.subscribers)
    yield _bus_policy(state.bus_policy)
    yield from _sweep(state.gaps)


_REDRIVE = "gatewatch dead-letters list shows the reasons; gatewatch dead-letters redrive sends them again"
# What repeats by itself, or by the person who clicked.
_NOT_REDRIVEN = {
    "clicks-dlq.fifo": "the log of functions/act has the reason; the person can click again",
    "sweep-dlq": "the log of functions/sweep has the reason; the next sweep reads the account again",
}


def _queues(depths: Mapping[str, int] | QueryFailed) -> Iterator[CheckResult]:
    if isinstance(depths, QueryFailed):
        yield _query_failed("queues", depths)
        return
    for queue, count in depths.items():
        if not count:
            yield CheckResult(_WHERE, queue, CheckStatus.OK, "empty")
        elif "dlq" in queue:
            remedy = _NOT_REDRIVEN.get(queue, _REDRIVE)
            yield CheckResult(_WHERE, queue, CheckStatus.ERROR, f"{count} dead-letter messages", remedy)
        else:
            remedy = "check again in a minute; if the number does not fall, read the log of the function"
            yield CheckResult(_WHERE, queue, CheckStatus.WARNING, f"{count} messages waiting", remedy)


def _functions(functions: Mapping[str, FunctionState] | QueryFailed) -> Iterator[CheckResult]:
    if isinstance(functions, QueryFailed):
        yield _query_failed("functions", functions)
        return
    for name, function in functions.items():
        if function.state != "Active":
            yield CheckResult(_WHERE, name, CheckStatus.ERROR, f"the function is {function.state}", "make deploy")
        elif function.is_served is False or (function.is_served is None and name in _ALERTS):
            remedy = "enable the function's event source mapping, or make deploy"
            yield CheckResult(
                _WHERE, name, CheckStatus.ERROR, "its event source mapping is missing or disabled", remedy
            )
        else:
            yield CheckResult(_WHERE, name, CheckStatus.OK, "active")


_GAPS = {
    GapKind.NO_ROLE: (
        "events arrive, but nobody reads what stands open there",
        "set read_role of the account, or of defaults, in accounts.yaml, then make deploy",
    ),
    GapKind.UNREAD: ("not read for two days, or never", "see the log of functions/sweep"),
    GapKind.NO_EVENTS: (
        "read every day, but no canary ever came",
        "add the Region to members.regions in deploy/STAGE.yaml, then make deploy",
    ),
}


def _sweep(gaps: Sequence[Gap] | QueryFailed | None) -> Iterator[CheckResult]:
    if isinstance(gaps, QueryFailed):
        yield _query_failed("sweep", gaps)
        return
    for each in gaps or ():
        finding, remedy = _GAPS[each.kind]
        reason = f" ({each.reason})" if each.reason else ""
        regions = f": {', '.join(each.regions)}" if each.regions else ""
        yield CheckResult(each.account_id, "sweep", CheckStatus.WARNING, f"{finding}{reason}{regions}", remedy)
    if gaps == []:
        yield CheckResult(_WHERE, "sweep", CheckStatus.OK, "reads every account and Region that sends events")


def _operators(subscribers: int | QueryFailed) -> CheckResult:
    if isinstance(subscribers, QueryFailed):
        return _query_failed("operators", subscribers)
    if subscribers:
        return CheckResult(_WHERE, "operators", CheckStatus.OK, f"{subscribers} confirmed subscriptions for alarms")
    remedy = "subscribe an address to the operators topic and confirm the e-mail (docs/operations.md)"
    return CheckResult(_WHERE, "operators", CheckStatus.ERROR, "no confirmed subscription for alarms", remedy)


def _bus_policy(policy: Mapping[str, Any] | QueryFailed) -> CheckResult:
    if isinstance(policy, QueryFailed):
        return _query_failed("bus", policy)
    organizations, accounts = admitted_senders(policy)
    if organizations or accounts:
        admitted = ", ".join([*sorted(organizations), *sorted(accounts)])
        return CheckResult(_WHERE, "bus", CheckStatus.OK, f"accepts events from {admitted}")
    return CheckResult(_WHERE, "bus", CheckStatus.OK, "accepts events from the monitoring account only")


def admitted_senders(policy: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the organizations and the accounts that a bus policy allows to put events."""
    organizations: set[str] = set()
    accounts: set[str] = set()
    for statement in policy.get("Statement", []):
        named = statement.get("Condition", {}).get("StringEquals", {}).get("aws:PrincipalOrgID")
        organizations.update(element_list(named))
        principal = statement.get("Principal", {})
        aws_principals = principal.get("AWS") if isinstance(principal, dict) else None
        accounts.update(_account(each) for each in element_list(aws_principals))
    return frozenset(organizations), frozenset(accounts)


def judge_admission(
    where: str, account_id: str, hub_account: str, policy: Mapping[str, Any] | QueryFailed
) -> CheckResult:
    """Check that an account may send events. Its canary shows whether it is in an admitted organization.

    The monitoring account needs no bus policy: within one account the role of a rule is enough.
    """
    if account_id == hub_account:
        return CheckResult(where, "bus policy", CheckStatus.OK, "the account of the bus itself")
    if isinstance(policy, QueryFailed):
        return CheckResult(where, "bus policy", CheckStatus.WARNING, f"check failed: {policy.reason}")
    organizations, accounts = admitted_senders(policy)
    if account_id in accounts or organizations:
        by = "by its id" if account_id in accounts else f"when it is in {', '.join(sorted(organizations))}"
        return CheckResult(where, "bus policy", CheckStatus.OK, f"admitted {by}")
    remedy = f"add {account_id} to hub.accounts in deploy/STAGE.yaml, then make deploy"
    return CheckResult(where, "bus policy", CheckStatus.ERROR, "the hub's bus does not admit this account", remedy)


def judge_canary(where: str, origin: str, last_canaries: Mapping[str, int] | QueryFailed, now: float) -> CheckResult:
    """Check the time of the last canary of an account and Region. Times are in seconds since 1970."""
    if isinstance(last_canaries, QueryFailed):
        return CheckResult(where, "canary", CheckStatus.WARNING, f"check failed: {last_canaries.reason}")
    if origin not in last_canaries:
        remedy = "deploy eventbridge/member.yaml there; the first canary is sent within 15 minutes"
        return CheckResult(where, "canary", CheckStatus.ERROR, "no canary received yet", remedy)
    at = utc_minute(last_canaries[origin])
    if now - last_canaries[origin] > _SILENT_SECONDS:
        remedy = "see the other checks of this account and Region"
        return CheckResult(where, "canary", CheckStatus.ERROR, f"last canary {at}", remedy)
    return CheckResult(where, "canary", CheckStatus.OK, f"last canary {at}")


def _query_failed(check: str, failed: QueryFailed) -> CheckResult:
    remedy = "run gatewatch doctor in the hub account and Region, with a role that may read it"
    return CheckResult(_WHERE, check, CheckStatus.WARNING, f"check failed: {failed.reason}", remedy)


def _account(principal: str) -> str:
    return principal.split(":")[4] if principal.startswith("arn:") else principal
