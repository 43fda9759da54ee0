"""What is wrong with a configuration is said with the file, the key and what to write, all of it at once."""

import pytest

from gatewatch.config.accounts import READ_ROLE, Defaults
from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.config.settings import emergency_settings, load_settings
from gatewatch.config.severity import PortName
from gatewatch.errors import ConfigurationError
from gatewatch.model.severity import Severity
from support.paths import ROOT

ACCOUNTS = 'accounts: {"111122223333": {alias: payments-prod, environment: prod}}'
WEBHOOK = "destinations: {room: {kind: slack_webhook, url: {ssm: /gatewatch/room}}}"


def load(folder, accounts=ACCOUNTS, policy=WEBHOOK, language=None):
    files = folder / "accounts.yaml", folder / "policy.yaml"
    for file, content in zip(files, (accounts, policy), strict=True):
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_settings(*files, language)


def problems(folder, **contents):
    """The sentences, without the folder before the name of the file."""
    with pytest.raises(ConfigurationError) as caught:
        load(folder, **contents)
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


QUOTES = "is no text to YAML (it may read one number for another); put it in quotes."
DIGITS = 'an account id has 12 digits; write it in quotes, "111122223333".'
ENTRY = "alias, environment, owner, destinations, timezone, language, read_role."
DEFINED = "write one that policy.yaml defines (alerts, room)."
READER = "write its path and name, gatewatch/gatewatch-survey."
ZONE = "is no time zone; write a name such as Asia/Seoul or UTC."
TO_PORT = "write a number from 0 to 65535."
ACCOUNTS_SENTENCES = [
    ("defaults: {timezone: Mars/Phobos}", f'defaults.timezone: "Mars/Phobos" {ZONE}'),
    ("defaults: {language: fr}", "defaults.language: Invalid enum value 'fr'; write one of en, ko, ja."),
    ("defaults: [en]", 'defaults: Expected "object", got "array".'),
    (
        "defaults: {zone: UTC}",
        'defaults: Object contains unknown field "zone"; the keys here are timezone, language, read_role.',
    ),
    ("accounts: {111122223333: {alias: x}}", f"accounts.111122223333: {QUOTES}"),
    ("accounts: {011122223333: {alias: x}}", f"accounts.1229530843: {QUOTES}"),
    ('accounts: {"1111": {alias: x}}', f"accounts.1111: {DIGITS}"),
    (
        'accounts: {"111122223333": {environment: prod}}',
        'accounts.111122223333: Object missing required field "alias"; the keys here are ' + ENTRY,
    ),
    (
        'accounts: {"111122223333": {alias: x, colour: red}}',
        'accounts.111122223333: Object contains unknown field "colour"; the keys here are ' + ENTRY,
    ),
    (
        'accounts: {"111122223333": {alias: 5}}',
        'accounts.111122223333.alias: Expected "str", got "int"; put it in quotes.',
    ),
    (
        'accounts: {"111122223333": {alias: x, timezone: KST9}}',
        'accounts.111122223333.timezone: "KST9" is no time zone; write a name such as Asia/Seoul or UTC.',
    ),
    (
        'accounts: {"111122223333": {alias: x, destinations: [nowhere]}}',
        'accounts.111122223333.destinations: "nowhere" is no destination; ' + DEFINED,
    ),
    (
        "defaults: {read_role: arn:aws:iam::111122223333:role/x}",
        'defaults.read_role: "arn:aws:iam::111122223333:role/x" is no role; ' + READER,
    ),
    (
        'accounts: {"111122223333": {alias: x, read_role: a*}}',
        'accounts.111122223333.read_role: "a*" is no role; ' + READER,
    ),
    (
        'defaults: {read_role: one}\naccounts: {"111122223333": {alias: x, read_role: path/two}}',
        "read_role: names one, path/two; the hub may take one only, so give it one name in every account.",
    ),
    ('defaults: {read_role: "a/b\\n"}', f'defaults.read_role: "a/b\n" is no role; {READER}'),
    ('accounts: {"１１１１２２２２３３３３": {alias: x}}', f"accounts.１１１１２２２２３３３３: {DIGITS}"),
    ("accounts: [x]", "accounts: holds no mapping; write one entry per id or name."),
    ("accounts: {}\nroutes: []", "routes: is not known here; write one of accounts, defaults."),
    ("- x", "holds no mapping; write keys and values, such as defaults: {language: en}."),
    (
        'accounts:\n  "111122223333": {alias: x}\n  "111122223333": {alias: y}',
        "line 3: '111122223333' stands there twice; keep one of the two.",
    ),
]  # fmt: skip
POLICY_SENTENCES = [
    (
        "severity: {sensitive_ports: {ssh: SSH}}",
        'severity.sensitive_ports.ssh: is no port; write a number such as 22 or a range such as "137-139".',
    ),
    (
        "severity: {sensitive_ports: {70000: x}}",
        'severity.sensitive_ports.70000: is no port; write a number such as 22 or a range such as "137-139".',
    ),
    (
        'severity: {sensitive_ports: {"139-137": x}}',
        'severity.sensitive_ports.139-137: is no port; write a number such as 22 or a range such as "137-139".',
    ),
    ("severity: {public_ports: [80, 65536]}", f"severity.public_ports[1]: 65536 is no port; {TO_PORT}"),
    ("severity: {public_ports: [http]}", 'severity.public_ports[0]: Expected "int", got "str".'),
    (
        "severity: {trusted_networks: [203.0.113.0/24, office]}",
        'severity.trusted_networks[1]: "office" is no CIDR; write one such as 198.51.100.0/24 or 2001:db8::/32.',
    ),
    ("colors: {critical: red}", 'colors.critical: "red" is no colour; write one such as "#0c3f7d".'),
    (
        "destinations: {room: {kind: slack_webhook, url: {}}}",
        "destinations.room.url: write either {ssm: /path} or {secret: name}.",
    ),
    (
        "destinations: {room: {kind: slack_app, channel: C1, token: {ssm: /a, secret: b}}}",
        "destinations.room.token: write either {ssm: /path} or {secret: name}.",
    ),
    (
        "destinations: {room: {kind: slack_webhook, url: {ssm: /a}, fallback: nowhere}}",
        'destinations.room.fallback: "nowhere" is no destination; write one that policy.yaml defines (alerts, room).',
    ),
    ("destinations: {room: {kind: pigeon}}", "destinations.room.kind: Invalid value 'pigeon'."),
    ("destinations: [room]", "destinations: holds no mapping; write one entry per id or name."),
    ("routes: {to: room}", "routes: holds no list; write one entry per line, each after a dash."),
    ("routes: [{match: {}}]", 'routes[0]: Object missing required field "to"; the keys here are to, match.'),
    (
        "routes: [{to: [alerts]}, {to: [nowhere]}]",
        'routes[1].to: "nowhere" is no destination; write one that policy.yaml defines (alerts).',
    ),
    (
        "routes: [{to: [alerts], match: {min_severity: bad}}]",
        "routes[0].match.min_severity: Invalid enum value 'bad'; write one of info, low, medium, high, critical.",
    ),
    ("routes: [{to: []}]", "routes[0].to: names no destination; write one, or take the route away."),
    (
        "routes: [{to: [alerts], match: {min_severity: high, max_severity: low}}]",
        "routes[0].match: min_severity is above max_severity, so it takes nothing; swap them.",
    ),
    (
        "routes: [{to: [alerts], match: {group: []}}]",
        "routes[0].match.group: is an empty list, which takes nothing; leave it out or name something.",
    ),
    (
        "routes: [{to: [alerts], match: {account: 111122223333}}]",
        'routes[0].match.account: Expected "str | array | null", got "int"; put it in quotes.',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "sentence"), ACCOUNTS_SENTENCES)
def test_accounts_yaml_says_what_is_wrong_and_what_to_write(tmp_path, content, sentence):
    assert problems(tmp_path, accounts=content) == [f"accounts.yaml: {sentence}"]


@pytest.mark.parametrize(("content", "sentence"), POLICY_SENTENCES)
def test_policy_yaml_says_what_is_wrong_and_what_to_write(tmp_path, content, sentence):
    assert problems(tmp_path, policy=content) == [f"policy.yaml: {sentence}"]


@pytest.mark.parametrize(
    ("content", "beginning", "keys"),
    [
        (
            "accounts: {}",
            "accounts: is not known here; write one of ",
            {"colors", "destinations", "routes", "severity"},
        ),
        (
            "severity: {levels: 3}",
            'severity: Object contains unknown field "levels"; the keys here are ',
            {"sensitive_ports", "public_ports", "trusted_networks"},
        ),
    ],
)
def test_a_key_that_nobody_knows_is_answered_with_those_that_are_known(tmp_path, content, beginning, keys):
    (found,) = problems(tmp_path, policy=content)
    assert found.startswith(f"policy.yaml: {beginning}")
    assert keys <= set(found.removeprefix(f"policy.yaml: {beginning}").rstrip(".").split(", "))


def test_everything_that_is_wrong_is_said_at_once(tmp_path):
    found = problems(tmp_path, accounts="defaults: {language: fr}\nx: 1", policy="colors: {high: red}\ny: 2")
    assert [each.split(": ")[:2] for each in found] == [
        ["accounts.yaml", "defaults.language"],
        ["accounts.yaml", "x"],
        ["policy.yaml", "y"],
        ["policy.yaml", "colors.high"],
    ]


@pytest.mark.parametrize("broken", ["a: [", b"\xff\xfe\xfa", "a: \x00", "{" * 5000])
def test_a_file_that_is_no_yaml_is_said_to_be_none(tmp_path, broken):
    (found,) = problems(tmp_path, policy=broken)
    assert found.startswith("policy.yaml: is not valid YAML (")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path / "accounts.yaml", tmp_path)
    assert caught.value.problems == (
        f"{tmp_path}/accounts.yaml: is not there; name a file that is.",
        f"{tmp_path}: cannot be read (Is a directory); name a file that is.",
    )


def test_a_key_that_overrides_a_merged_one_is_not_there_twice(tmp_path):
    accounts = (
        'accounts:\n  "111122223333": &base {alias: a, environment: prod}\n  "444455556666": {<<: *base, alias: b}'
    )
    assert load(tmp_path, accounts).account("444455556666").alias == "b"


def test_yaml_cannot_make_an_object_of_python(tmp_path):
    (found,) = problems(tmp_path, policy="colors: !!python/object/apply:os.system [true]")
    assert "is not valid YAML" in found


def test_empty_files_are_the_defaults(tmp_path):
    settings = load(tmp_path, "", "")
    assert settings.defaults == Defaults()
    assert PortName(22, 22, "SSH") in settings.judgement.sensitive
    assert settings.routes == ()
    assert set(settings.destinations) == {HUB_TOPIC}


def test_an_account_takes_from_the_defaults_what_it_does_not_say(tmp_path):
    settings = load(
        tmp_path,
        'defaults: {timezone: Asia/Seoul, language: ko}\naccounts: {"111122223333": {alias: a}, "444455556666": '
        "{alias: b, timezone: UTC, language: ja}}",
    )
    first, second = settings.account("111122223333"), settings.account("444455556666")
    assert (first.timezone, first.language, first.known) == ("Asia/Seoul", "ko", True)
    assert (second.timezone, second.language) == ("UTC", "ja")
    assert settings.languages == ("ko", "ja")


@pytest.mark.parametrize(
    ("language", "alias"), [("en", "unknown account"), ("ko", "계정정보없음"), ("ja", "不明なアカウント")]
)
def test_an_account_that_nobody_wrote_down_has_the_fallback_name_of_its_language(tmp_path, language, alias):
    account = load(tmp_path, f"defaults: {{language: {language}}}").account("777788889999")
    assert (account.id, account.alias, account.language, account.known) == ("777788889999", alias, language, False)


def test_a_read_role_is_that_of_the_defaults_unless_an_account_has_none(tmp_path):
    accounts = """
defaults: {read_role: gatewatch/gatewatch-survey}
accounts: {"111122223333": {alias: a}, "444455556666": {alias: b, read_role: ""}}
"""
    settings = load(tmp_path, accounts)
    roles = {each: settings.account(each).read_role for each in ("111122223333", "444455556666", "777788889999")}
    assert roles == {"111122223333": READ_ROLE, "444455556666": None, "777788889999": READ_ROLE}
    assert settings.read_roles == {READ_ROLE}
    assert load(tmp_path, accounts, language="ko").account("777788889999").read_role == READ_ROLE


def test_one_account_can_have_a_read_role_before_the_others(tmp_path):
    accounts = f'accounts: {{"111122223333": {{alias: a, read_role: {READ_ROLE}}}, "444455556666": {{alias: b}}}}'
    settings = load(tmp_path, accounts)
    assert settings.account("111122223333").read_role == READ_ROLE
    assert settings.account("444455556666").read_role is settings.account("777788889999").read_role is None


@pytest.mark.parametrize("accounts", ["", "defaults: {read_role: }", 'defaults: {read_role: ""}'])
def test_nobody_is_asked_anything_unless_a_read_role_is_named(tmp_path, accounts):
    settings = load(tmp_path, accounts)
    assert settings.read_roles == frozenset()
    assert settings.account("777788889999").read_role is None


def test_a_language_on_the_command_line_wins_over_every_other(tmp_path):
    accounts = 'defaults: {language: ko}\naccounts: {"111122223333": {alias: a, language: ja}}'
    settings = load(tmp_path, accounts, language="en")
    assert settings.languages == ("en",)
    assert settings.account("777788889999").alias == "unknown account"


def test_own_ports_replace_those_that_gatewatch_brings(tmp_path):
    policy = 'severity: {sensitive_ports: {22: SSH, "8000-8100": apps}, trusted_networks: [203.0.113.0/24]}'
    judgement = load(tmp_path, policy=policy).judgement
    assert judgement.sensitive == (PortName(22, 22, "SSH"), PortName(8000, 8100, "apps"))
    assert [str(network) for network in judgement.trusted] == ["203.0.113.0/24"]


def test_who_hears_everything_is_known_and_the_hubs_topic_when_nobody_does(tmp_path):
    policy = WEBHOOK + "\nroutes: [{to: [room]}, {to: [alerts], match: {min_severity: high}}]"
    assert load(tmp_path, policy=policy).default_destinations == ("room",)
    assert load(tmp_path).default_destinations == (HUB_TOPIC,)


def test_in_an_emergency_everything_goes_to_the_hubs_topic():
    settings = emergency_settings()
    assert settings.default_destinations == (HUB_TOPIC,)
    assert PortName(22, 22, "SSH") in settings.judgement.sensitive
    assert settings.routes[0].match.min_severity is Severity.INFO


def test_the_files_of_this_repository_are_good():
    assert load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml").accounts
