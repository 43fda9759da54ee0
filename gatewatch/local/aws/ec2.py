"""The EC2 of the embedded AWS: accounts have few Regions, and no images of Amazon, which take seconds to load."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_LOADS_IMAGES = "MOTO_EC2_LOAD_DEFAULT_AMIS"


@contextmanager
def small_ec2(regions: Collection[str]) -> Iterator[None]:
    """Enable only `regions` in every account, as DescribeRegions shows them."""
    every, loads = RegionsAndZonesBackend.regions, os.environ.get(_LOADS_IMAGES)
    RegionsAndZonesBackend.regions = [each for each in every if each.name in regions]
    os.environ[_LOADS_IMAGES] = "false"
    try:
        yield
    finally:
        RegionsAndZonesBackend.regions = every
        if loads is None:
            del os.environ[_LOADS_IMAGES]
        else:
            os.environ[_LOADS_IMAGES] = loads
