"""Every typed decoder is made by one module, because msgspec is not safe when two threads make one at once."""

import re

from gatewatch.model.typed_decoding import decode_json, decode_msgpack
from support.paths import ROOT

_OWN_DECODING = re.compile(r"\b(?:json|msgpack)\.decode\([^\n]*\btype=|msgspec\.convert\(")


def test_no_other_module_of_the_functions_decodes_into_a_type():
    folders = [ROOT / "gatewatch", ROOT / "functions"]
    modules = [path for folder in folders for path in folder.rglob("*.py")]
    assert len(modules) > 100
    assert [path.name for path in modules if _OWN_DECODING.search(path.read_text("utf-8"))] == ["typed_decoding.py"]


def test_values_are_decoded_into_the_type():
    assert decode_json("[1, 2]", tuple[int, ...]) == (1, 2)
    assert decode_msgpack(b"\x92\x01\x02", tuple[int, ...]) == (1, 2)
