"""The zip of the Lambda functions: its files, size, and that it runs on its own."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import msgspec
import pytest

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.context import ContextSettings, FirstTime
from gatewatch.config.settings import load_settings
from gatewatch.config.yaml_file import load_content
from gatewatch.errors import ConfigurationError
from gatewatch.events.decoding import decode, parse
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.sns import SnsRenderer
from gatewatch.rendering.templates import load_templates
from support.rendering import message_for
from support.stage import write_stage
from tools.package import (
    CONTEXT_LOCK,
    LOCK,
    PROVIDED_BY_LAMBDA,
    PYTHON,
    ROOT,
    Architecture,
    build,
    copy_sources,
    locked_packages,
    main,
    requirements,
)
from tools.precompile import compile_python, parse_yaml

MEBIBYTE = 1024 * 1024
TOP_LEVEL = {  # locked package -> its top-level files in the zip
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


@pytest.fixture(scope="module", params=[Architecture.ARM64, pytest.param(Architecture.X86_64, marks=pytest.mark.slow)])
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
    roots = {"functions", "gatewatch", "templates", "compliance", "eventbridge", "accounts.yaml", "policy.yaml"}
    return {name for name in archive.namelist() if name.split("/")[0].removesuffix(".msgpack") in roots}


def in_the_repository():
    tracked = [
        "functions",
        "gatewatch",
        "templates",
        "compliance/controls.yaml",
        "eventbridge/patterns",
        "accounts.yaml",
        "policy.yaml",
    ]
    files = [path for name in tracked for path in [ROOT / name, *(ROOT / name).rglob("*")] if path.is_file()]
    return {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}


def test_the_zip_has_the_code_of_the_repository_without_command_line_and_local_cloud(archive):
    local_only = ("gatewatch/local/", "gatewatch/cli/", "gatewatch/__main__.py")
    written = {name for name in ours(archive) if not name.endswith((".pyc", ".msgpack")) and "/compiled/" not in name}
    assert written == {name for name in in_the_repository() if not name.startswith(local_only)}


def test_yaml_files_are_parsed_and_modules_are_compiled(archive):
    names = set(archive.namelist())
    assert {f"{name}.msgpack" for name in names if name.endswith(".yaml")} <= names
    if not compile_python(Path(archive.filename).parent / "nothing", PYTHON):
        pytest.skip(f"Python {PYTHON} is not installed")
    modules = [PurePosixPath(name) for name in names if name.endswith(".py")]
    assert {str(each.parent / "__pycache__" / f"{each.stem}.cpython-313.pyc") for each in modules} <= names
    (flags,) = {archive.read(name)[4:8] for name in names if name.endswith(".pyc")}
    assert flags == b"\1\0\0\0"  # hash-based and unchecked (PEP 552)


def test_compiled_templates_render_the_same_messages_as_their_sources(archive, tmp_path):
    archive.extractall(tmp_path, [name for name in archive.namelist() if name.startswith("templates/")])
    sources = sorted((tmp_path / "templates").rglob("*.j2"))
    modules = list((tmp_path / "templates" / "compiled").glob("tmpl_*.py"))
    assert len(modules) == len(sources) > 5
    for source in sources:
        source.unlink()
    settings = load_settings(ROOT / "tests" / "golden" / "accounts.yaml", ROOT / "tests" / "golden" / "policy.yaml")
    compiled, written = (load_templates(folder) for folder in (tmp_path / "templates", ROOT / "templates"))
    for path in sorted((ROOT / "tests" / "golden").glob("*/event.json")):
        for call in decode(parse(path.read_bytes())):
            alert = assess_call(call, Assessor(settings, InMemoryRuleHistory()))
            message = message_for(alert)
            for renderer in (SlackRenderer, SnsRenderer):
                first, second = (renderer(each, settings.colors) for each in (compiled, written))
                assert list(first.messages(message)) == list(second.messages(message))


def test_a_packaged_function_loads_settings_and_labels_without_a_yaml_parser_and_jinja2(archive, tmp_path):
    archive.extractall(tmp_path, [name for name in ours(archive) if not name.endswith(".pyc")])
    code = """if True:
        import sys, functions.alert, functions.deliver
        from functions.bundle import load_bundle
        from gatewatch.rendering.templates import load_templates
        bundle = load_bundle({})
        load_templates(bundle.templates).labels(bundle.settings.defaults.language)
        bundle.settings.severity_rules.catalogue.controls
        print(bundle.configuration_error, {"yaml", "jinja2"} & set(sys.modules), bundle.settings.routes)
    """
    command = [sys.executable, "-P", "-c", code]
    answer = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}
    )
    assert answer.stdout == f" set() {load_settings(ROOT / 'accounts.yaml', ROOT / 'policy.yaml').routes}\n"


@pytest.mark.parametrize("folder", [ROOT, ROOT / "tests" / "golden"])
def test_precompiled_settings_equal_the_parsed_ones(folder, tmp_path):
    for name in ("accounts.yaml", "policy.yaml"):
        shutil.copy(folder / name, tmp_path / name)
    before = load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")
    parse_yaml(tmp_path)
    for name in ("accounts.yaml", "policy.yaml"):
        (tmp_path / name).write_text("read: never")
    after = load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")
    assert msgspec.structs.replace(after, severity_rules=None) == msgspec.structs.replace(before, severity_rules=None)
    ours, theirs = (msgspec.structs.replace(each.severity_rules, catalogue=None) for each in (before, after))
    assert ours == theirs


def test_content_that_messagepack_would_change_is_not_precompiled(tmp_path):
    (tmp_path / "odd.yaml").write_text("!!set {a, b}\n")
    (tmp_path / "plain.yaml").write_text("22: 2026-01-01\n")
    parse_yaml(tmp_path)
    assert not (tmp_path / "odd.yaml.msgpack").exists()
    assert load_content(tmp_path / "plain.yaml") == {22: "2026-01-01"}


def test_a_missing_python_version_compiles_nothing_and_returns_false(tmp_path):
    (tmp_path / "module.py").write_text("x = 1\n")
    assert compile_python(tmp_path, "2.0") is False
    assert [path.name for path in tmp_path.iterdir()] == ["module.py"]


def test_the_zip_has_the_locked_packages_except_those_of_lambda(archive):
    assert TOP_LEVEL.keys() | PROVIDED_BY_LAMBDA == locked()
    beside = {name.split("/")[0] for name in archive.namelist()} - {name.split("/")[0] for name in ours(archive)}
    modules = {name for name in beside if not name.endswith(".dist-info")} - {"__pycache__"}
    assert modules == set.union(*TOP_LEVEL.values())
    distributions = {name.split("-")[0].replace("_", "-").lower() for name in beside - modules - {"__pycache__"}}
    assert distributions == TOP_LEVEL.keys()


def test_the_zip_is_smaller_than_the_limit_of_lambda(archive):
    size = Path(archive.filename).stat().st_size
    unpacked = sum(entry.file_size for entry in archive.infolist())
    assert 2 * MEBIBYTE < size < 7 * MEBIBYTE
    assert unpacked < 24 * MEBIBYTE


def test_every_file_is_readable_and_has_the_fixed_date(archive):
    assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
    assert len({entry.date_time for entry in archive.infolist()}) == 1


def test_extension_modules_match_runtime_and_architecture(archive):
    machine = {"arm64": "aarch64", "x86_64": "x86_64"}
    compiled = [name for name in archive.namelist() if name.endswith(".so")]
    (chosen,) = {machine[each] for each in Architecture if all(machine[each] in name for name in compiled)}
    assert compiled
    assert all(f"cpython-313-{chosen}-linux" in name for name in compiled)


def test_the_zip_has_no_tests_and_no_secrets(archive):
    for name in archive.namelist():
        assert not name.startswith((".", "tests/", "docs/", "bin/"))
        assert not name.startswith("eventbridge/") or name.startswith("eventbridge/patterns/")
        assert not re.search(r"(^|/)\.(env|git|npmrc|aws)", name)


def test_builds_are_reproducible(archive, architecture, tmp_path):
    if architecture is Architecture.ARM64:
        assert build(architecture, tmp_path / "again.zip").read_bytes() == Path(archive.filename).read_bytes()


def test_requirements_keep_their_hashes_without_the_packages_of_lambda():
    lock = "# made by\nboto3==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:ab\nJinja2==3 \\\n    --hash=sha256:bb\n"
    assert requirements(lock) == "Jinja2==3 \\\n    --hash=sha256:bb\n"


@pytest.mark.parametrize(
    ("context", "packages"),
    [
        (ContextSettings(), set()),
        (ContextSettings(first_time=FirstTime(enabled=True), changed_accounts=True), set()),
        (ContextSettings(source_country=True), {"iptocc"}),
        (ContextSettings(source_network=True), {"iporigin"}),
        (ContextSettings(source_country=True, source_network=True), {"iptocc", "iporigin"}),
    ],
)
def test_the_zip_has_the_packages_that_the_context_of_the_policy_needs(context, packages):
    found = re.findall(r"^([a-z0-9-]+)==", locked_packages(context), re.MULTILINE)
    assert set(found) - TOP_LEVEL.keys() == packages
    assert set(found) - packages == TOP_LEVEL.keys()


def test_both_locks_have_the_same_versions():
    runtime, context = (
        re.findall(r"^\S+==\S+", each.read_text("utf-8"), re.MULTILINE) for each in (LOCK, CONTEXT_LOCK)
    )
    assert set(runtime) <= set(context)


@pytest.mark.slow
def test_a_packaged_function_answers_with_all_context(tmp_path):
    shutil.copyfile(ROOT / "accounts.yaml", tmp_path / "accounts.yaml")
    policy = (ROOT / "policy.yaml").read_text("utf-8").replace("source_country: false", "source_country: true")
    policy = policy.replace("source_network: false", "source_network: true\n  vendor_accounts: vendors.yaml")
    (tmp_path / "policy.yaml").write_text(policy, "utf-8")
    (tmp_path / "vendors.yaml").write_text('- {name: Example, accounts: ["444455556666"]}\n', "utf-8")
    machine = Architecture.ARM64 if platform.machine() == "aarch64" else Architecture.X86_64
    with zipfile.ZipFile(build(machine, tmp_path / "functions.zip", tmp_path)) as opened:
        added = [
            name
            for name in opened.namelist()
            if name.split("/")[0] in {"vendors.yaml", "vendors.yaml.msgpack", "iptocc", "iporigin"}
        ]
        wanted = [name for name in {*ours(opened), *added} if not name.endswith(".pyc")]
        opened.extractall(tmp_path / "tree", wanted)
    code = """if True:
        import iptocc, iporigin
        from functions.bundle import load_bundle
        from gatewatch.alerts.context.source_network import packaged_networks
        settings = load_bundle({}).settings
        networks = packaged_networks(settings.context)
        print(dict(settings.vendor_names), networks.country_of("8.8.8.8"), networks.network_of("185.220.101.1"))
        print(iptocc.__file__, iporigin.__file__)
    """
    command, tree = [sys.executable, "-P", "-c", code], tmp_path / "tree"
    answer = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=tree, env={"PYTHONPATH": str(tree)}
    )
    found, modules = answer.stdout.splitlines()
    assert found == "{'444455556666': 'Example'} US ('tor', 'Tor')"
    assert all(each.startswith(str(tree)) for each in modules.split())


def test_functions_import_nothing_that_is_not_in_the_zip():
    functions = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
    code = f"import sys; from functions import {', '.join(functions)}; print(*sys.modules)"
    command = [sys.executable, "-c", code.replace("__init__, ", "")]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    names = set(loaded.split())
    assert "functions.alert" in names
    assert not {name for name in names if name.startswith(("gatewatch.local", "gatewatch.cli"))}
    assert "gatewatch.monitoring.doctor.checks" not in names
    assert not names & {"typer", "rich", "moto", "werkzeug", "boto3", "s3transfer", "requests"}
    assert not names & {"iptocc", "iporigin", "gatewatch.alerts.context.sources"}  # only when the policy asks for them


def test_an_unknown_architecture_is_rejected(tmp_path):
    with pytest.raises(ConfigurationError, match="architecture"):
        main(["--config", str(write_stage(tmp_path, "hub: {architecture: riscv}"))])


def test_the_zip_has_the_configuration_files_of_the_folder(tmp_path):
    for name in ("accounts.yaml", "policy.yaml"):
        (tmp_path / name).write_text(f"# {name} of the folder\n", "utf-8")
    copy_sources(tmp_path / "tree", tmp_path)
    assert (tmp_path / "tree" / "policy.yaml").read_text("utf-8") == "# policy.yaml of the folder\n"
    assert (tmp_path / "tree" / "gatewatch" / "errors.py").is_file()
