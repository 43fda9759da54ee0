"""tools/screenshot.py: the picture of the README."""

import struct

import pytest

from support.browser import MISSING
from support.paths import ROOT
from tools.screenshot import main


def size(picture):
    """Return width and height from the header of a PNG."""
    return struct.unpack(">II", picture.read_bytes()[16:24])


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@pytest.mark.slow
def test_the_screenshot_has_the_size_of_the_picture_in_the_readme(tmp_path):
    main(tmp_path / "message.png")
    assert size(tmp_path / "message.png") == size(ROOT / "docs" / "message.png") == (1100, 1000)
