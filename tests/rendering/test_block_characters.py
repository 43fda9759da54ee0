"""Numbers as block characters."""

import pytest

from gatewatch.rendering.block_characters import sparkline


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [
        ([], 5, ""),
        ([0, 0], 5, "▁▁"),
        ([0, 1], 5, "▁█"),
        ([0, 1, 100], 5, "▁▂█"),
        ([7, 0, 3], 5, "█▁▄"),
        ([1, 9, 0, 0, 3, 2], 3, "█▁▄"),
        ([5] * 7, 3, "███"),
    ],
)
def test_a_number_is_a_height_and_only_zero_is_the_lowest(values, width, drawn):
    assert sparkline(values, width) == drawn
