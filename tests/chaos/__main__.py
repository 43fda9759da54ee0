"""`make chaos`: the big run, its table of faults and outcomes, and the verdict."""

# ruff: noqa: T201  a command prints
import sys

from chaos.clock import START, Stopwatch
from chaos.simulation import simulate
from chaos.verdict import judge, table


def main(count=10_000, seed=1):
    with Stopwatch() as watch:
        world, arrivals = simulate(count, seed)
        verdict = judge(world, arrivals)
    print(table(world, verdict))
    hours = (world.clock.now - START) / 3600
    print(f"\n{count} events ({len(arrivals)} arrivals) of 20 accounts, 5 destinations, seed {seed}")
    print(f"{world.batches} invocations, {world.kills} killed; {hours:.1f} virtual hours in {watch.seconds:.0f} s")
    for name, number in sorted(verdict.counts.items()):
        print(f"{number:>9}  {name}")
    for each in verdict.violations[:20]:
        print(f"VIOLATION {each[:300]}")
    print("the invariant holds" if not verdict.violations else "THE INVARIANT DOES NOT HOLD")
    return 1 if verdict.violations else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
