"""`make chaos`: the big run and the killed processes, the table of faults and outcomes, and the verdict."""

# ruff: noqa: T201  a command prints
import sys
import tempfile

from chaos import kills, timing
from chaos.assertions import judge, table
from chaos.clock import START, Stopwatch
from chaos.incidents import INCIDENTS, simulate_incident
from chaos.simulation import simulate


def main(count=10_000, seed=1, real=300):
    return simulated(count, seed) | incidents(count // 20, seed) | killed(real, seed)


def simulated(count, seed):
    with Stopwatch() as watch:
        harness, arrivals = simulate(count, seed)
        verdict = judge(harness, arrivals)
    print(table(harness, verdict))
    hours = (harness.clock.now - START) / 3600
    print(f"\n{count} events ({len(arrivals)} arrivals) of 20 accounts, 5 destinations, seed {seed}")
    print(f"{harness.batches} invocations, {harness.kills} killed; {hours:.1f} virtual hours in {watch.seconds:.0f} s")
    for name, number in sorted(verdict.counts.items()):
        print(f"{number:>9}  {name}")
    found = list(timing.deliveries(harness, arrivals))
    groups = [("all of that", found), *timing.by_kind(found, harness.settings)]
    print(f"\n{timing.table([(name, *timing.row(each)) for name, each in groups])}")
    return _said([*verdict.violations, *timing.late(found)])


def incidents(count, seed):
    """A table of what one destination can do, and whether the bounds of `timing` hold."""
    rows, violations = [], []
    with Stopwatch() as watch:
        for each in INCIDENTS:
            harness, arrivals = simulate_incident(each, count, seed)
            found = list(timing.deliveries(harness, arrivals))
            rows.append((each.name, *timing.row(found)))
            violations += [*judge(harness, arrivals).violations, *timing.violations(found)]
    print(f"\n{timing.table(rows)}")
    print("copies in a destination and by its fallback; median and worst time from the arrival of an event until its")
    print(f"alert is in a destination or in its fallback; {count} events each, {watch.seconds:.0f} s")
    return _said(violations)


def killed(count, seed):
    with Stopwatch() as watch, tempfile.TemporaryDirectory() as folder:
        report = kills.run(folder, count, kills=count // 10, seed=seed)
    died = ", ".join(f"{number} of functions/{name}" for name, number in report.killed.items())
    faults = ", ".join(f"{name} ×{number}" for name, number in sorted(report.injected.items(), key=str) if number)
    print(
        f"\n{count} events ({report.events} arrivals) through real processes in {watch.seconds:.0f} s; SIGKILL: {died}"
    )
    delivered = (
        f"{report.delivered.total()} messages in Slack, {report.dead_letters} dead-lettered and sent to the topic"
    )
    print(f"{delivered}; responses of Slack: {faults}")
    return _said(report.violations)


def _said(violations):
    for each in violations[:20]:
        print(f"VIOLATION {each[:300]}")
    print("the invariant holds" if not violations else "THE INVARIANT DOES NOT HOLD")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
