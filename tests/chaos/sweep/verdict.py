"""What must hold after a simulation, and what it cost."""

from collections import Counter

from chaos.clock import START
from chaos.sweep.hub import DAY
from gatewatch.events.canary import AccountRegion
from gatewatch.inventory.coverage import GapKind
from gatewatch.inventory.reader import MAX_CALLS

# Prices of us-east-1 as docs/operations.md assumes them, in USD.
GB_SECOND, LAMBDA_REQUEST = 13.3334e-6, 0.20e-6
WRITE_UNIT, READ_UNIT, SQS_REQUEST = 0.625e-6, 0.125e-6, 0.40e-6
MEMORY_GB = 0.5


def accused(simulation):
    """Number of notices that name a group as changed without an event, by group id."""
    return Counter(
        line.values["group"].split()[-1]
        for notice in simulation.outbox.notices.values()
        if notice.title.key == "silent_change_title"
        for paragraph in notice.paragraphs
        for line in paragraph
        if line.key.startswith("silent_change_line")
    )


def violations(simulation):
    found, members = accused(simulation), simulation.members
    hidden = {each for each, change in simulation.silent.items() if is_unreachable(members, change)}
    known = simulation.silent.keys() | simulation.late.keys()
    yield from (f"accused, though its event arrived in time: {each}" for each in found if each not in known)
    yield from (
        f"not corrected: {each}" for each in found if each in simulation.late and each not in simulation.corrected
    )
    yield from (f"corrected without an event: {each}" for each in simulation.corrected if each not in simulation.late)
    yield from (f"not noticed: {each}" for each in simulation.silent if each not in found and each not in hidden)
    yield from (f"reported {number} times: {each}" for each, number in found.items() if number > 1)
    yield from (f"not named: {each}" for each in unnamed(simulation))
    baselines = sum(each.title.key == "baseline_title" for each in simulation.outbox.notices.values())
    if not baselines:
        yield "no baseline"
    budget = (len(members.regions[next(iter(members.regions))]) + 1) * 2 * MAX_CALLS
    per_day = Counter()
    for origin, number in members.calls.items():
        per_day[origin.account_id] += number
    yield from (f"{number} calls in {each}" for each, number in per_day.items() if number > budget)


def is_unreachable(members, change):
    """Whether nobody can know it: the Region was never read, or first after the change."""
    first = members.first_read.get(AccountRegion(change.account_id, change.region))
    return first is None or change.time < first


def always_without_role(members):
    return {each for each, (_, until) in members.without_role.items() if until > START + 10 * DAY}


def unnamed(simulation):
    """Accounts and Regions that are not read, or send no canary, and are no gap; a notice shows 25 lines of gaps."""
    keys = {line.key for notice in simulation.outbox.notices.values() for lines in notice.paragraphs for line in lines}
    members, gaps = simulation.members, simulation.gaps()
    first = next(iter(members.regions))
    wanted = [*((each, "", GapKind.UNREAD) for each in always_without_role(members))]
    wanted += [(each.account_id, each.region, GapKind.UNREAD) for each in members.denied]
    if first not in members.without_role:
        wanted += [(first, each, GapKind.NO_EVENTS) for each in members.regions[first]]
    for account_id, region, kind in wanted:
        is_gap = any(
            (each.account_id, each.kind) == (account_id, kind) and region in (each.regions or ("",)) for each in gaps
        )
        if not is_gap or f"sweep_gaps_{kind}" not in keys:
            yield f"{account_id} {region} {kind}"


def sweep_hours(simulation, day):
    """Hours from the start of a day's sweep to the end of its last task, without the readings that confirm."""
    first = START + day * DAY
    ends = [each for each in simulation.ended if first <= each < first + DAY]
    return (max(ends) - first) / 3600 if ends else 0.0


def costs(simulation, days):
    """Pairs of arithmetic and USD for a day."""
    units = Counter()
    for (kind, _), number in simulation.table.units.items():
        units[kind] += number
    tasks = simulation.tasks["handled"]
    rows = (
        ("Lambda, GB-s", simulation.busy * MEMORY_GB, GB_SECOND),
        ("Lambda, requests", tasks, LAMBDA_REQUEST),
        ("DynamoDB, write units", units["write"], WRITE_UNIT),
        ("DynamoDB, read units", units["read"], READ_UNIT),
        ("SQS, requests", simulation.queue.requests, SQS_REQUEST),
    )
    return [(name, number / days, price, number / days * price) for name, number, price in rows]
