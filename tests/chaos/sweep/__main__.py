"""`python -m chaos.sweep ACCOUNTS REGIONS SEED`: the table of a simulation, and whether its invariants hold."""

# ruff: noqa: T201  a command prints
import sys
from collections import Counter

from chaos.clock import Stopwatch
from chaos.sweep import simulation, verdict


def main(accounts=200, regions=17, seed=1):
    with Stopwatch() as watch:
        found = simulation.simulate(accounts, regions, seed)
    problems = list(verdict.violations(found))
    print(f"{accounts} accounts, {regions} Regions, seed {seed}: {simulation.DAYS} days in {watch.seconds:.0f} s")
    for row in _rows(found):
        print("  ".join(row))
    print("\na day, in USD")
    total = 0.0
    for name, number, price, amount in verdict.costs(found, simulation.DAYS):
        total += amount
        print(f"{name:<24}{number:>12,.0f} x {price * 1e6:>8.4f} / M = {amount:8.4f}")
    print(f"{'sum':<24}{total:>37.4f}")
    for each in problems[:20]:
        print(f"VIOLATION {each}")
    print("the invariants hold" if not problems else "THE INVARIANTS DO NOT HOLD")
    return 1 if problems else 0


def _rows(found):
    members, accused = found.members, verdict.accused(found)
    calls = Counter()
    for origin, number in members.calls.items():
        calls[origin.account_id] += number
    per_day = sorted(number / simulation.DAYS for number in calls.values())
    hidden = [each for each in found.silent.values() if verdict.is_unreachable(members, each)]
    titles = Counter(each.title.key for each in found.outbox.notices.values())
    yield (
        f"{'sweeps, hours':<34}",
        ", ".join(f"{verdict.sweep_hours(found, day):.1f}" for day in range(simulation.DAYS)),
    )
    yield f"{'API calls of an account and day':<34}", f"median {per_day[len(per_day) // 2]:.0f}, most {per_day[-1]:.0f}"
    yield f"{'tasks':<34}", ", ".join(f"{number} {name}" for name, number in found.tasks.items())
    yield f"{'tasks given up':<34}", str(len(found.queue.given_up))
    faults = Counter({name.partition(" done")[0]: number for name, number in found.fate.injected.items()})
    yield f"{'faults':<34}", ", ".join(f"{number} {name}" for name, number in faults.items())
    yield (
        f"{'changes with an event':<34}",
        f"{len(found.reported)}, accused {sum(each in accused for each in found.reported)}",
    )
    late = [each for each in found.late if each in accused]
    yield (
        f"{'changes with a late event':<34}",
        f"{len(found.late)}, reported {len(late)}, of these corrected {sum(each in found.corrected for each in late)}",
    )
    reported = sum(each in accused for each in found.silent)
    yield (
        f"{'changes without an event':<34}",
        f"{len(found.silent)}, reported {reported}, never or later read first {len(hidden)}",
    )
    yield f"{'notices':<34}", ", ".join(f"{number} {name}" for name, number in titles.items())


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
