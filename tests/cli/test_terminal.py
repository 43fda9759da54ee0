"""What the command line writes to a terminal, to a pipe and for errors."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest
import typer
from botocore.exceptions import ClientError

from gatewatch.aws.hub_table import HubTableError
from gatewatch.cli.app import app
from gatewatch.cli.errors import NO_CREDENTIALS, NO_DEPLOYMENT, NO_REGION, message_of
from gatewatch.cli.html_page import ALERTS_PER_PAGE
from gatewatch.cli.listing import print_list
from gatewatch.cli.options import ListFormat
from gatewatch.events import files
from support.command import gatewatch, gatewatch_process
from support.paths import ROOT
from support.stage import write_stage

OPEN = "0.0.0.0/0"


class Row(msgspec.Struct):
    where: str
    what_to_do: str


LONG = "remove the rule with aws ec2 revoke-security-group-ingress --group-id sg-0aaaaaaaaaaaaaaa1 " * 3


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_lists_everyday_commands_first(option):
    ran = gatewatch(option)
    listed = [line.split()[0] for line in ran.out.partition("Commands:\n")[2].splitlines()]
    assert (ran.status, listed[:5]) == (0, ["replay", "explain", "check", "digest", "doctor"])
    assert "..." not in ran.out.partition("Commands:\n")[2]


@pytest.mark.parametrize("group", ["act", "accounts", "dead-letters", "history", "members"])
def test_the_help_of_a_group_cuts_no_summary(group):
    listed = gatewatch(group, "-h").out.partition("Commands:\n")[2]
    assert listed
    assert "..." not in listed


@pytest.mark.parametrize("command", [["replay"], ["dead-letters", "list"]])
def test_every_command_has_the_short_help_option(command):
    assert "Usage: gatewatch " in gatewatch(*command, "-h").out


def parameters(command, path):
    """Every option and argument of a command and of those below it."""
    yield from ((path, each) for each in command.params)
    for name, each in getattr(command, "commands", {}).items():
        yield from parameters(each, f"{path} {name}")


def test_every_option_and_argument_has_help():
    found = list(parameters(typer.main.get_command(app), "gatewatch"))
    assert len(found) > 100
    assert [(path, each.name) for path, each in found if not each.help] == []


def test_the_version_is_that_of_the_project_with_the_commit():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert gatewatch("--version").out.startswith(f"gatewatch {project['version']} (commit ")


MODULES_OF_THE_HELP = """
import sys, typer
before = set(sys.modules)
sys.argv = ["gatewatch", "-h"]
from gatewatch.__main__ import main
try:
    main()
finally:
    print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


def test_the_help_imports_its_framework_and_little_else():
    """What it imports is most of the time until it is shown."""
    ran = subprocess.run(
        [sys.executable, "-c", MODULES_OF_THE_HELP], capture_output=True, text=True, check=True, cwd=ROOT
    )
    modules = ran.stderr.split()
    installed = {each.partition(".")[0] for each in modules} - sys.stdlib_module_names
    assert installed <= {"gatewatch", "msgspec", "typer", "typing_extensions"}
    assert len(modules) < 80


def test_shell_completion_can_be_installed():
    assert "--install-completion" in gatewatch("--help").out


def test_a_table_in_a_pipe_has_one_complete_line_per_row(capsys):
    print_list([Row(where="hub", what_to_do=LONG)], Row, ListFormat.TABLE)
    assert capsys.readouterr().out.splitlines() == ["where\twhat to do", f"hub\t{LONG}"]


def test_a_table_on_a_terminal_folds_long_cells(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_list([Row(where="hub", what_to_do=LONG)], Row, ListFormat.TABLE)
    lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 60
    text = "".join(character for line in lines[3:-1] for character in line.split("│")[2] if character != " ")
    assert text == LONG.replace(" ", "")


def test_a_list_as_json_is_one_array(capsys):
    print_list([Row(where="허브", what_to_do="a\x1b[31m")], Row, ListFormat.JSON)
    out = capsys.readouterr().out
    assert json.loads(out) == [{"where": "허브", "what_to_do": "a\x1b[31m"}]
    assert "\x1b" not in out


@pytest.mark.parametrize("format_", ["text", "json"])
def test_no_control_character_of_a_file_name_reaches_the_terminal(tmp_path, format_):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "\x1b]0;title\x07\u202egnp.json").write_text("{")
    (folder / "\x1b[2J.json").write_text('{"no": "event"}')
    ran = gatewatch("replay", folder, "--format", format_)
    assert ran.status == 3
    assert "unrecognized document, skipped" in ran.err
    assert not set(ran.err) & {"\x1b", "\x07", "\u202e"}
    assert "\x1b" not in gatewatch("replay", tmp_path / "\x1b[31mmissing.json").err


@pytest.mark.parametrize("content", [b"[" + b" " * 5000 + b"1]", b"[\n" + b'"x",\n' * 1000 + b'"x"]'])
def test_a_document_that_is_too_large_is_refused_and_the_next_file_is_read(build, tmp_path, monkeypatch, content):
    monkeypatch.setattr(files, "MAX_DOCUMENT_BYTES", 4000)
    (tmp_path / "a.json.gz").write_bytes(build.gzipped(content))
    (tmp_path / "b.json").write_text(build.text(build.authorize(build.item(v4=[OPEN]))))
    ran = gatewatch("replay", tmp_path, "--format", "json")
    assert (ran.status, len(ran.rows)) == (3, 1)
    assert "a.json.gz: is larger than 256 MiB uncompressed; split it, or use JSON Lines" in ran.err


def test_html_of_many_alerts_is_written_in_pages(build, tmp_path):
    event = build.authorize(build.item(v4=["10.0.0.0/8"]))
    (tmp_path / "events.jsonl").write_text((json.dumps(event) + "\n") * (ALERTS_PER_PAGE + 5))
    first, second = (gatewatch("replay", tmp_path, "--format", "html", "--page", page) for page in (1, 2))
    beyond = gatewatch("replay", tmp_path, "--format", "html", "--page", 3)
    assert (beyond.status, beyond.out, beyond.err) == (2, "", "gatewatch: --page 3: the last page is 2.\n")
    channels = second.out.count("<article") // 5
    assert [ran.out.count("<article") for ran in (first, second)] == [channels * ALERTS_PER_PAGE, channels * 5]
    assert "page 1 of 2" in first.err
    assert "page 2 of 2" in second.out


# Every command that calls AWS; the others work offline.
AWS_COMMANDS = [
    ["doctor"],
    ["open"],
    ["trend"],
    ["first-calls", "accounts.yaml"],
    ["send-test", "alerts"],
    ["keys", "live"],
    ["comply", "live", "--account", "111122223333"],
    ["undo", "chg-0123456789ab"],
    ["act", "list"],
    ["act", "acknowledge", "0" * 32],
    ["dead-letters", "list"],
    ["dead-letters", "show", "7d2c"],
    ["dead-letters", "redrive", "--all"],
    ["accounts", "sync"],
    ["store-secret", "sec-all"],
    ["deploy-check"],
    ["members", "plan"],
    ["members", "apply"],
    ["members", "status"],
    ["members", "remove"],
    ["init", "folder", "--organization", "--hub-account", "999988887777", "--region", "us-east-1"],
]
OFFLINE = {"history", "replay", "explain", "check", "digest", "deploy-options", "demo", "up"}
# With a Region of their own: an argument, the stage file, or a global service.
WITH_A_REGION = {"store-secret", "deploy-check", "members", "accounts", "init"}


def test_every_command_is_tested_without_credentials_or_is_offline():
    assert {*OFFLINE, *(command[0] for command in AWS_COMMANDS)} == set(typer.main.get_command(app).commands)


@pytest.fixture
def folder_of_an_organization(tmp_path):
    """A configuration in which every command has something to ask AWS."""
    for name in ("accounts.yaml", "policy.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    return write_stage(tmp_path)


def without_configuration(monkeypatch):
    """Remove the AWS configuration of this machine; return the variables that say that there is none."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", *REGIONS):
        monkeypatch.delenv(name, raising=False)
    return {"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}


REGIONS = ("AWS_DEFAULT_REGION", "AWS_REGION")
MISSING_ANSWERS = {"init": ["--member-regions", "us-east-1", "--operators-email", ""]}


@pytest.mark.parametrize("command", AWS_COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "variables",
    [{"AWS_EC2_METADATA_DISABLED": "true"}, {"AWS_PROFILE": "no-such-profile"}],
    ids=["no credentials", "unknown profile"],
)
def test_missing_credentials_have_one_message_with_a_remedy(command, variables, monkeypatch, folder_of_an_organization):
    nowhere = without_configuration(monkeypatch)
    ran = gatewatch(
        *command,
        *MISSING_ANSWERS.get(command[0], []),
        stdin="https://hooks.slack.com/services/T/B/x\n",
        cwd=folder_of_an_organization,
        AWS_DEFAULT_REGION="eu-west-1",
        **nowhere,
        **variables,
    )
    assert (ran.status, ran.out, ran.err) == (2, "", f"gatewatch: {NO_CREDENTIALS}\n")


@pytest.mark.parametrize("command", [each for each in AWS_COMMANDS if each[0] not in WITH_A_REGION], ids=" ".join)
def test_a_missing_region_has_one_message_with_a_remedy(command, monkeypatch, folder_of_an_organization):
    nowhere = without_configuration(monkeypatch)
    # The doctor and a test message ask for the account first, which needs no Region: an endpoint that refuses.
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}
    ran = gatewatch(*command, cwd=folder_of_an_organization, **keys, **nowhere)
    assert (ran.status, ran.out, ran.err) == (2, "", f"gatewatch: {NO_REGION}\n")


@pytest.mark.skipif(shutil.which("script") is None, reason="`script` of util-linux is not installed")
def test_the_progress_line_is_not_written_when_the_output_goes_to_the_terminal(tmp_path, build):
    """A pseudo-terminal for both streams; `script` of util-linux provides it."""
    (tmp_path / "events.jsonl").write_text(build.text(build.authorize(build.item(v4=[OPEN]))))
    command = f"{sys.executable} -m gatewatch replay {tmp_path} --format json"
    ran = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, cwd=ROOT, check=True)
    (line,) = ran.stdout.splitlines()
    assert json.loads(line)["severity"] == "critical"


@pytest.mark.parametrize(
    ("error", "is_absent"),
    [
        (HubTableError("canaries cannot be read", "ResourceNotFoundException"), True),
        (HubTableError("canaries cannot be read", "AccessDeniedException"), False),
        (ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "GetQueueUrl"), True),
        (ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "Query"), True),
        (ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue"), False),
    ],
)
def test_a_missing_deployment_has_one_message_with_a_remedy(error, is_absent):
    assert (message_of(error) == NO_DEPLOYMENT) is is_absent


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", [("--version",), ("replay", "docs/examples", "--format", "json")])
def test_a_disk_that_is_full_is_a_sentence(arguments):
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "gatewatch", *arguments], stdout=full, stderr=subprocess.PIPE, cwd=ROOT, check=False
        )
    assert (ran.returncode, ran.stderr) == (2, b"gatewatch: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize(
    "arguments",
    [
        (
            "init /dev/null/folder --hub-account 111122223333 --region us-east-1 --member-regions us-east-1 "
            "--operators-email ops@example.com"
        ),
        "demo --page /dev/null/inbox.html",
    ],
)
def test_a_folder_that_cannot_be_written_is_a_sentence(arguments):
    ran = gatewatch_process(*arguments.split())
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(r"gatewatch: /dev/null.*: cannot be read or written \([A-Z][a-z ]+\)\n", ran.err)
