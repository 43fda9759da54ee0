"""Days of the sweep by seed: what changes, what goes wrong, and what the hub said about it."""

import heapq
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from msgspec.structs import replace

from chaos.clock import START, VirtualClock
from chaos.faults import Dice, KillAt, Killed
from chaos.sweep.hub import DAY, LOG, SilentOutbox, SweepQueue, Table
from chaos.sweep.members import NOT_THERE, Members
from gatewatch.alerts.attached_groups import AttachedGroupStore
from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history_table import DynamoRuleHistory
from gatewatch.alerts.silent_changes import SilentChanges
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.settings import load_settings
from gatewatch.errors import GatewatchError
from gatewatch.events.canary import AccountRegion
from gatewatch.events.decoding import decode
from gatewatch.handlers.sweep import SweepHandler
from gatewatch.inventory.coverage import find_gaps
from gatewatch.inventory.recording import InventoryRecorder
from gatewatch.inventory.store import InventoryStore
from gatewatch.inventory.tasks import SweepTask, TaskQueue, parse_task
from support import builders
from support.paths import ROOT

HOUR = 3600
WORKERS = 2  # maximumConcurrency of the queue (serverless.yml)
RULES_PER_REGION = 6
HOME = "us-east-1"
LAST_CHANGE = 2.5 * DAY  # what changes silently after it has no two readings before the end
DAYS = 4
EVENT_SECONDS = (20, 1500)  # until an event of a change arrives
LATE_SECONDS = (1800, 30 * HOUR)  # the same of an event that may be later than the report of its change


class SweepDice(Dice):
    def number(self, first, last):
        return self._random.randint(first, last)


class KilledOnce(KillAt):
    """Ends one process at the n-th step of all, and nothing else."""

    def __init__(self, number):
        super().__init__(number)
        self.injected = Counter()

    def happens(self, _probability):
        return False


@dataclass
class Change:
    account_id: str
    region: str
    rule: dict
    time: float
    modifies: bool = False


@dataclass
class Simulation:
    """`silent`: changes without an event, by group id; `reported`, `late`: those whose event arrives in time, or late.

    `corrected`: the groups of reports that a late event explained.
    """

    clock: VirtualClock
    fate: SweepDice
    members: Members
    table: Table
    queue: SweepQueue
    outbox: SilentOutbox
    handler: SweepHandler
    history: DynamoRuleHistory
    silent_changes: SilentChanges
    silent: dict = field(default_factory=dict)
    reported: dict = field(default_factory=dict)
    late: dict = field(default_factory=dict)
    corrected: Counter = field(default_factory=Counter)
    busy: float = 0.0
    tasks: Counter = field(default_factory=Counter)
    ended: list = field(default_factory=list)
    _due: list = field(default_factory=list)
    _number: object = field(default_factory=count)

    def at(self, time, action):
        heapq.heappush(self._due, (time, next(self._number), action))

    def pass_time(self):
        """Do what is due: rules change, and events arrive, also while a Region is being read."""
        while self._due and self._due[0][0] <= self.clock.now:
            heapq.heappop(self._due)[2]()

    def start(self):
        self._run(self.handler.start)

    def gaps(self):
        return find_gaps(self.handler.coverage(), self.handler.settings)

    def start_again(self, account_ids):
        self._run(lambda: self.handler.queue.put(SweepTask(each) for each in account_ids))

    def handle(self, record):
        self.tasks["handled"] += 1
        is_done = self._run(lambda: self.handler.handle(record))
        if is_done and not parse_task(record["body"]).not_before:
            self.ended.append(self.clock.now)
        return is_done

    def _run(self, work):
        started = self.clock.now
        try:
            work()
        except (Killed, GatewatchError) as error:
            self.tasks[type(error).__name__] += 1
            return False
        finally:
            self.busy += self.clock.now - started
        return True

    def run(self, until):
        """Work the queue off with two workers; each takes the next message when it is free."""
        free = [START] * WORKERS
        while True:
            next_task = max(self.queue.waiting[0].visible_at, min(free)) if self.queue.waiting else until
            next_due = self._due[0][0] if self._due else until
            self.clock.now = min(next_task, next_due, until)
            if self.clock.now >= until:
                return
            if next_due <= next_task:
                self.pass_time()
                continue
            self.queue.handle_next(self.handle)
            free[free.index(min(free))] = self.clock.now


def simulate(accounts, regions, seed, fate=None, recorder=InventoryRecorder):
    """Run four days of sweeps over invented accounts. With a `fate` of its own, nothing else goes wrong."""
    dice = fate or SweepDice(seed, kill=0.001)
    chance = random.Random(seed + 1)  # noqa: S311  a seed is the point
    names = [HOME, *(f"region-{number}" for number in range(1, regions))]
    ids = [f"{number + 100_000_000_000}" for number in range(accounts)]
    clock = VirtualClock()
    members = Members(clock, dice, {each: list(names) for each in ids})
    found = _hub(clock, dice, members, ids, recorder)
    members.pass_time = found.pass_time
    numbers = count(1)
    for each in ids:
        for name in names:
            for _ in range(RULES_PER_REGION):
                _add_rule(members, each, name, next(numbers), is_open=chance.random() < 0.3)
    if fate is None:
        _break(members, ids, names, chance, numbers)
    _plan_changes(found, ids, names, chance, numbers)
    for hour in range(DAYS * 24):
        found.at(START + hour * HOUR, found.start)
    if fate is None:  # a second sweep of the same day, while the first one runs
        found.at(START + DAY + 0.4 * HOUR, lambda: found.start_again(ids))
    found.run(START + DAYS * DAY)
    return found


def _hub(clock, dice, members, ids, recorder):
    table, queue, outbox = Table(dice), SweepQueue(clock, dice), SilentOutbox(dice)
    hub = HubTable(table, "hub", clock.time)
    plain = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
    account = plain.account("111122223333")
    settings = replace(plain, accounts={each: replace(account, id=each, read_role="lookup") for each in ids})
    store = InventoryStore(hub)
    handler = SweepHandler(
        settings=settings,
        store=store,
        recorder=recorder(settings, store, hub, outbox),
        attached_groups=AttachedGroupStore(hub),
        queue=TaskQueue(queue, "sweep"),
        outbox=outbox,
        session_for=members.session_for,
        canaries=lambda: [AccountRegion(each, name) for each in ids[1:] for name in members.regions[each]],
        home_region=HOME,
        now=clock.time,
        log=LOG,
    )
    calm = HubTable(_Calm(table), "hub", clock.time)
    history = DynamoRuleHistory(calm, LOG, lambda: 0.0)
    return Simulation(clock, dice, members, table, queue, outbox, handler, history, SilentChanges(calm))


class _Calm(Table):
    """The same rows for functions/alert, which is not what ends here."""

    def __init__(self, table):
        super().__init__(Dice(0))
        self.rows = table.rows


def _add_rule(members, account_id, region, number, *, is_open):
    rule = {
        "SecurityGroupRuleId": f"sgr-{number:017x}",
        "GroupId": f"sg-{number:017x}",
        "GroupOwnerId": account_id,
        "IsEgress": False,
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "CidrIpv4": "0.0.0.0/0" if is_open else "10.0.0.0/8",
    }
    members.rules[account_id, region][rule["SecurityGroupRuleId"]] = rule
    return rule


def _break(members, ids, names, chance, numbers):
    """A twentieth of the accounts each: no role, no role on one day, throttled for minutes or hours.

    And the same for one Region: refused for ever, throttled for most of the first day or of the second one.
    """
    chosen = iter(chance.sample(ids, len(ids)))
    share = max(1, len(ids) // 20)
    for _ in range(share):
        members.without_role[next(chosen)] = (START, START + 100 * DAY)
        members.without_role[next(chosen)] = (START + DAY, START + 2 * DAY)
        begin = START + chance.randrange(DAYS) * DAY
        members.throttled[next(chosen)] = (begin, begin + 1500)
        members.throttled[next(chosen)] = (START, START + 8 * HOUR)
        members.denied[_region(chosen, names, chance)] = chance.choice(NOT_THERE)
        members.denied[_region(chosen, names, chance)] = "UnauthorizedOperation"
        for begin, end in ((0, 0.8), (1, 1.8)):
            place = _region(chosen, names, chance)
            members.throttled[place] = (START + begin * DAY, START + end * DAY)
            _add_rule(members, place.account_id, place.region, next(numbers), is_open=True)


def _region(chosen, names, chance):
    return AccountRegion(next(chosen), chance.choice(names[1:]))


def _plan_changes(found, ids, names, chance, numbers):
    """For each account one change without an event and one whose event is late, at any time.

    And five whose event arrives in time, most of them during a sweep. Every third modifies a rule.
    """
    for each in ids:
        for kind in (found.silent, found.late, *[found.reported] * 5):
            time = START + chance.uniform(0.2 * DAY, LAST_CHANGE)
            if kind is found.reported and chance.random() < 0.8:
                time = START + chance.choice((0, 1, 2)) * DAY + chance.uniform(0, 2 * HOUR)
            region, number = chance.choice(names), next(numbers)
            modifies = chance.random() < 0.3
            rule = _add_rule(found.members, each, region, number, is_open=False)
            if not modifies:
                del found.members.rules[each, region][rule["SecurityGroupRuleId"]]
            change = Change(each, region, {**rule, "CidrIpv4": "0.0.0.0/0"}, time, modifies)
            kind[rule["GroupId"]] = change
            found.at(time, lambda change=change: _apply(found.members, change))
            if kind is not found.silent:
                arrival = time + chance.uniform(*(LATE_SECONDS if kind is found.late else EVENT_SECONDS))
                found.at(arrival, lambda change=change: _arrive(found, change))


def _apply(members, change):
    members.rules[change.account_id, change.region][change.rule["SecurityGroupRuleId"]] = change.rule


def _arrive(found, change):
    """The event of a change fills the rule history, and corrects what was reported before it arrived."""
    rule, group_id = change.rule, change.rule["GroupId"]
    rule_id = rule["SecurityGroupRuleId"]
    fields = {
        "recipientAccountId": change.account_id,
        "awsRegion": change.region,
        "eventID": f"event-{rule_id}",
        "eventTime": datetime.fromtimestamp(change.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if change.modifies:
        new = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": rule["CidrIpv4"]}
        record = builders.modify((rule_id, new), **fields)
        record["requestParameters"]["ModifySecurityGroupRulesRequest"]["GroupId"] = group_id
    else:
        described = builders.response_rule(rule_id, groupId=group_id, cidrIpv4=rule["CidrIpv4"])
        record = builders.authorize(
            builders.item(v4=[rule["CidrIpv4"]]), response=builders.rule_set(described), **fields
        )
    envelope = builders.event(record, region=change.region)
    for call in decode(json.loads(json.dumps(envelope)), "event"):
        alert = assess_call(call, Assessor(found.handler.settings, found.history))
        explained = found.silent_changes.explained_by(alert, found.clock.now)
        found.corrected.update(each.group.id for each in explained.values())
