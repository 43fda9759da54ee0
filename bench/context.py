"""What `context` of policy.yaml costs an alert: `python -m bench.context`.

Each figure is the median of new processes, except the time of a lookup. Memory is that of the process after the first
lookup, less that before the import.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import Any

from bench.corpus import ROOT
from gatewatch.alerts.context.source_network import packaged_networks
from gatewatch.config.context import ContextSettings

_ROUNDS = 9
_LOOKUPS = 20_000
_ADDRESSES = 200
_MODULES = """
import json, time
from functions import alert
start = time.process_time()
from gatewatch.alerts.context import hub_context
print(json.dumps([(time.process_time() - start) * 1000]))
"""
_FIRST = """
import json, time
from pathlib import Path
from gatewatch.alerts.pipeline import AlertPipeline
from gatewatch.config.context import ContextSettings

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4  # pages of 4 KiB

before, start = resident(), time.process_time()
from gatewatch.alerts.context.source_network import packaged_networks
networks = packaged_networks(ContextSettings(source_country={country}, source_network={network}))
networks.country_of("185.220.101.1"), networks.network_of("185.220.101.1")
print(json.dumps([(time.process_time() - start) * 1000, resident() - before]))
"""


def first_lookup(*, country: bool, network: bool) -> tuple[float, float]:
    """Return milliseconds of processor time and KiB of memory that the first lookup of a process takes."""
    milliseconds, kibibytes = _medians(_FIRST.format(country=country, network=network))
    return milliseconds, kibibytes


def modules() -> float:
    """Return milliseconds of processor time that functions/alert takes to import the modules of `context`."""
    return _medians(_MODULES)[0]


def _medians(code: str) -> list[float]:
    """Return the medians of the figures that `code` prints in new processes."""
    command = [sys.executable, "-c", code]
    ran = [subprocess.run(command, cwd=ROOT, check=True, capture_output=True) for _ in range(_ROUNDS)]  # noqa: S603  own code
    return [statistics.median(each) for each in zip(*(json.loads(each.stdout) for each in ran), strict=True)]


def lookup(*, country: bool, network: bool) -> float:
    """Return microseconds of a lookup of addresses that were not asked before."""
    networks = packaged_networks(ContextSettings(source_country=country, source_network=network))
    functions: tuple[Any, Any] = networks.country_of, networks.network_of
    ask = [getattr(each, "__wrapped__", each) for each in functions]  # without their caches
    addresses = [f"{first}.{second}.7.9" for first in range(20, 220) for second in range(_LOOKUPS // _ADDRESSES)]
    start = time.process_time()
    for address in addresses:
        for each in ask:
            each(address)
    return (time.process_time() - start) / len(addresses) * 1e6


def main() -> None:
    print(f"modules of functions/alert: {modules():.1f} ms at a cold start, none when policy.yaml has no context")
    settings = {"source_country": (True, False), "source_network": (False, True), "both": (True, True)}
    for name, (country, network) in settings.items():
        milliseconds, kibibytes = first_lookup(country=country, network=network)
        each = lookup(country=country, network=network)
        print(f"{name}: first lookup {milliseconds:.0f} ms, {kibibytes / 1024:.1f} MiB; then {each:.1f} µs each")


if __name__ == "__main__":
    main()
