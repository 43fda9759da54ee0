"""What Lambda gets: the list of it, its size, and that it stands on its own."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gatewatch.local.package import BROUGHT_BY_LAMBDA, LOCK, ROOT, Architecture, build, main, requirements

MEBIBYTE = 1024 * 1024
TOP_LEVEL = {  # package of the lock -> what it puts beside functions/
    "aws-lambda-powertools": {"aws_lambda_powertools"},
    "jinja2": {"jinja2"},
    "jmespath": {"jmespath"},
    "markupsafe": {"markupsafe"},
    "msgspec": {"msgspec"},
    "pytz": {"pytz"},
    "pyyaml": {"yaml", "_yaml"},
    "typing-extensions": {"typing_extensions.py"},
    "urllib3": {"urllib3"},
}


@pytest.fixture(scope="module", params=list(Architecture))
def architecture(request):
    return request.param


@pytest.fixture(scope="module")
def archive(architecture, tmp_path_factory):
    path = build(architecture, tmp_path_factory.mktemp("package") / "functions.zip")
    with zipfile.ZipFile(path) as opened:
        yield opened


def locked():
    return set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text("utf-8"), re.MULTILINE))


def ours(archive):
    roots = {"functions", "gatewatch", "templates", "compliance", "accounts.yaml", "policy.yaml"}
    return {name for name in archive.namelist() if name.split("/")[0] in roots}


def in_the_repository():
    tracked = ["functions", "gatewatch", "templates", "compliance/controls.yaml", "accounts.yaml", "policy.yaml"]
    files = [path for name in tracked for path in [ROOT / name, *(ROOT / name).rglob("*")] if path.is_file()]
    return {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}


def test_the_zip_holds_our_code_as_the_repository_has_it_without_the_persons_side(archive):
    persons = ("gatewatch/local/", "gatewatch/doctor/", "gatewatch/cli.py", "gatewatch/__main__.py")
    assert ours(archive) == {name for name in in_the_repository() if not name.startswith(persons)}


def test_the_zip_holds_the_lock_files_packages_without_those_that_lambda_brings_and_nothing_else(archive):
    assert TOP_LEVEL.keys() | BROUGHT_BY_LAMBDA == locked()
    beside = {name.split("/")[0] for name in archive.namelist()} - {name.split("/")[0] for name in ours(archive)}
    modules = {name for name in beside if not name.endswith(".dist-info")}
    assert modules == set.union(*TOP_LEVEL.values())
    distributions = {name.split("-")[0].replace("_", "-").lower() for name in beside - modules}
    assert distributions == TOP_LEVEL.keys()


def test_the_zip_is_three_megabytes_where_lambda_takes_fifty(archive):
    size = Path(archive.filename).stat().st_size
    unpacked = sum(entry.file_size for entry in archive.infolist())
    assert 2 * MEBIBYTE < size < 4 * MEBIBYTE
    assert unpacked < 16 * MEBIBYTE


def test_every_file_is_readable_by_the_user_of_lambda_and_of_one_date(archive):
    assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
    assert len({entry.date_time for entry in archive.infolist()}) == 1


def test_the_compiled_parts_are_for_the_runtime_and_processor_of_the_function(archive):
    machine = {"arm64": "aarch64", "x86_64": "x86_64"}
    compiled = [name for name in archive.namelist() if name.endswith(".so")]
    (chosen,) = {machine[each] for each in Architecture if all(machine[each] in name for name in compiled)}
    assert compiled
    assert all(f"cpython-313-{chosen}-linux" in name for name in compiled)


def test_no_test_no_secret_file_and_no_cache_is_in_the_zip(archive):
    for name in archive.namelist():
        assert not name.startswith((".", "tests/", "docs/", "eventbridge/", "bin/"))
        assert "__pycache__" not in name
        assert not re.search(r"(^|/)\.(env|git|npmrc|aws)", name)


def test_the_same_input_gives_the_same_bytes(archive, architecture, tmp_path):
    if architecture is Architecture.ARM64:
        assert build(architecture, tmp_path / "again.zip").read_bytes() == Path(archive.filename).read_bytes()


def test_a_requirement_keeps_its_hashes_and_what_lambda_brings_loses_them():
    lock = "# made by\nboto3==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:ab\nJinja2==3 \\\n    --hash=sha256:bb\n"
    assert requirements(lock) == "Jinja2==3 \\\n    --hash=sha256:bb\n"


def test_nothing_that_a_function_imports_is_on_the_persons_side():
    functions = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
    code = f"import sys; from functions import {', '.join(functions)}; print(*sys.modules)"
    command = [sys.executable, "-c", code.replace("__init__, ", "")]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    names = set(loaded.split())
    assert "functions.alert" in names
    assert not {name for name in names if name.startswith(("gatewatch.local", "gatewatch.doctor", "gatewatch.cli"))}
    assert not names & {"typer", "rich", "moto"}


def test_an_architecture_that_lambda_does_not_have_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--architecture", "riscv"])
    assert "riscv" in capsys.readouterr().err
