"""Files, folders and streams become documents; broken ones are reported in their place."""

import gzip
import json
import os

import pytest

from gatewatch.errors import ConfigurationError, UndecodableError
from gatewatch.events.files import find_files
from gatewatch.model.alert import Alert

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def line(build):
    return json.dumps(build.authorize(build.item(v4=["0.0.0.0/0"]))).encode() + b"\n"


def _kinds(found):
    return [type(each) for each in found]


@pytest.mark.parametrize(
    "encode",
    [
        lambda line: line,
        lambda line: BOM + line,
        lambda line: b"\n\n  \r\n" + line + b"\n \n",
        lambda line: BOM + b"\n" + BOM + line,
        lambda line: line.replace(b"\n", b"\r\n"),
        lambda line: line.rstrip(b"\n"),
        gzip.compress,
        lambda line: gzip.compress(BOM + line),
        lambda line: gzip.compress(line[:50]) + gzip.compress(line[50:]),
        lambda line: json.dumps(json.loads(line), indent=2).encode(),
        lambda line: BOM + json.dumps([json.loads(line)], indent=1).encode(),
        lambda line: gzip.compress(json.dumps({"Records": [json.loads(line)]}, indent=4).encode()),
    ],
)
def test_one_event_in_any_encoding_is_one_alert(encode, line, results):
    assert _kinds(results(encode(line))) == [Alert]


@pytest.mark.parametrize(
    ("bytes_of", "reason"),
    [
        (lambda _line: b"", "empty"),
        (lambda _line: b"\n \n\r\n", "empty"),
        (lambda _line: BOM, "empty"),
        (lambda _line: gzip.compress(b""), "empty"),
        (lambda line: line[: len(line) // 2], "not valid JSON"),
        (lambda line: line.replace(b"alice", b"al\xffce"), "not valid UTF-8"),
        (lambda line: line.decode().encode("utf-16"), "not valid"),
        (lambda line: gzip.compress(line)[:-20], "truncated gzip"),
        (lambda line: gzip.compress(line)[:10], "truncated gzip"),
        (lambda _line: b"\x1f\x8b", "truncated gzip"),
        (lambda _line: b"\x1f\x8b" + b"nonsense" * 9, "damaged gzip"),
        (lambda _line: b"PK\x03\x04", "not valid"),
        (lambda _line: b"{'single': 'quotes'}", "not valid JSON"),
    ],
)
def test_an_unreadable_file_is_reported_with_its_reason(bytes_of, reason, line, results):
    (only,) = results(bytes_of(line), "the file")
    assert isinstance(only, UndecodableError)
    assert only.where.startswith("the file")
    assert reason in only.reason


@pytest.mark.parametrize("bad", [b"{broken\n", b'{"a": "\xff"}\n', b"7\n", b"null\n"])
@pytest.mark.parametrize("position", [0, 1, 3])
def test_a_bad_line_is_reported_by_number_and_the_others_are_read(bad, position, line, results):
    lines = [line, line, line]
    lines.insert(position, bad)
    found = results(b"".join(lines), "f.jsonl")
    assert _kinds(found) == [UndecodableError if index == position else Alert for index in range(4)]
    assert found[position].where == f"f.jsonl:{position + 1}"


def test_line_numbers_count_blank_lines(line, results):
    assert results(line + b"\n\n" + b"{broken\n", "f")[1].where == "f:4"


def test_complete_lines_before_the_end_of_a_truncated_gzip_are_read(line, results):
    content = os.urandom(60_000).hex().encode()
    broken = gzip.compress(line + line + b'{"noise": "' + content + b'"}\n')[:-5000]
    assert _kinds(results(broken)) == [Alert, Alert, UndecodableError]


def test_a_broken_multi_line_document_is_one_error(line, results):
    assert _kinds(results(json.dumps(json.loads(line), indent=2)[:-10])) == [UndecodableError]


def test_a_folder_is_read_by_sorted_path_and_by_suffix(tmp_path):
    names = ["b.json", "a/z.jsonl", "a/y.ndjson", "c.json.gz", "c.jsonl.gz", "a/b/c.json"]
    for name in [*names, "notes.txt", "a/b.json.bak", "d.gz"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    found = [path.relative_to(tmp_path).as_posix() for path in find_files([tmp_path])]
    assert found == ["a/b/c.json", "a/y.ndjson", "a/z.jsonl", "b.json", "c.json.gz", "c.jsonl.gz"]


def test_a_file_given_by_path_may_have_any_suffix(tmp_path):
    path = tmp_path / "events.log"
    path.write_text("{}")
    assert find_files([path]) == [path]


def test_a_folder_with_a_file_suffix_is_read_as_a_folder(tmp_path):
    (tmp_path / "trail.json").mkdir()
    (tmp_path / "trail.json" / "a.json").write_text("{}")
    assert find_files([tmp_path]) == [tmp_path / "trail.json" / "a.json"]


@pytest.mark.parametrize("name", ["missing.json", "x" * 300, "missing/a.json"])
def test_a_missing_path_is_a_configuration_error(name, tmp_path):
    with pytest.raises(ConfigurationError, match=r"does not exist|cannot be read"):
        find_files([tmp_path / name])


def test_a_symlink_is_followed_and_a_broken_one_is_missing(tmp_path):
    (tmp_path / "real.txt").write_text("{}")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.txt")
    (tmp_path / "broken.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert find_files([tmp_path]) == [tmp_path / "link.json"]
    with pytest.raises(ConfigurationError):
        find_files([tmp_path / "broken.json"])
