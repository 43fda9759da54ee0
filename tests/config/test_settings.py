"""Configuration files and their error messages, which name the file, the key and what to write."""

import re

import pytest

from gatewatch.config.accounts import LOOKUP_ROLE, Defaults
from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.config.settings import emergency_settings, load_deployable_settings, load_settings
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
    """Return the sentences without the folder of the file and without line numbers."""
    with pytest.raises(ConfigurationError) as caught:
        load(folder, **contents)
    return [re.sub(r"^(\w+\.yaml):\d+:", r"\1:", each.removeprefix(f"{folder}/")) for each in caught.value.problems]


QUOTES = "is not text in YAML, which may read it as another number; put it in quotes."
DIGITS = 'an account id has 12 digits; write it in quotes, "111122223333".'
ENTRY = "alias, environment, owner, destinations, timezone, language, read_role, ou, tags."
DEFINED = "write one that policy.yaml defines (alerts, room)."
READER = "write its path and name, such as gatewatch/gatewatch-lookup."
ZONE = "is not a time zone; write a name such as Asia/Seoul or UTC."
TO_PORT = "write a number from 0 to 65535."
KINDS = "slack_webhook, slack_app, sns, teams, webhook, pagerduty, eventbridge"
BUS = "arn:aws:events:eu-west-1:111122223333:event-bus/security"
SIGNED = "url, signing_key, pace, fallback, quiet."
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
        'accounts.111122223333.timezone: "KST9" is not a time zone; write a name such as Asia/Seoul or UTC.',
    ),
    (
        'accounts: {"111122223333": {alias: x, destinations: [nowhere]}}',
        'accounts.111122223333.destinations: "nowhere" is not a destination; ' + DEFINED,
    ),
    (
        "defaults: {read_role: arn:aws:iam::111122223333:role/x}",
        'defaults.read_role: "arn:aws:iam::111122223333:role/x" is not a role; ' + READER,
    ),
    (
        'accounts: {"111122223333": {alias: x, read_role: a*}}',
        'accounts.111122223333.read_role: "a*" is not a role; ' + READER,
    ),
    (
        'defaults: {read_role: one}\naccounts: {"111122223333": {alias: x, read_role: path/two}}',
        "read_role: names one, path/two; the hub may assume only one role, so use one name in every account.",
    ),
    ("defaults: {read_role: ../../x}", f'defaults.read_role: "../../x" is not a role; {READER}'),
    ("defaults: {read_role: a/./x}", f'defaults.read_role: "a/./x" is not a role; {READER}'),
    ('defaults: {read_role: "a/b\\n"}', f'defaults.read_role: "a/b\n" is not a role; {READER}'),
    ('accounts: {"１１１１２２２２３３３３": {alias: x}}', f"accounts.１１１１２２２２３３３３: {DIGITS}"),
    (
        'accounts: {"111122223333": {alias: x, ou: Prod}}',
        'accounts.111122223333.ou: "Prod" is not the path of a unit; write one such as /Workloads/Prod.',
    ),
    (
        "sync: {units: {/Prod/: {environment: prod}}}",
        'sync.units./Prod/: "/Prod/" is not the path of a unit; write one such as /Workloads/Prod.',
    ),
    (
        "sync: {units: {/Prod: {destinations: [nowhere]}}}",
        'sync.units./Prod.destinations: "nowhere" is not a destination; ' + DEFINED,
    ),
    ("accounts: [x]", "accounts: is not a mapping; write one entry per id or name."),
    (
        "accounts: {}\nroutes: []",
        (
            "routes: is not a known key; write one of access_portal, accounts, defaults, hub, identity_store, "
            "known_accounts, organization, people, sync."
        ),
    ),
    ("- x", "is not a mapping; write keys and values, such as defaults: {language: en}."),
    (
        'accounts:\n  "111122223333": {alias: x}\n  "111122223333": {alias: y}',
        "line 3: '111122223333' is a duplicate key; keep one of the two.",
    ),
]  # fmt: skip
POLICY_SENTENCES = [
    (
        "severity: {sensitive_ports: {ssh: SSH}}",
        'severity.sensitive_ports.ssh: is not a port; write a number such as 22 or a range such as "137-139".',
    ),
    (
        "severity: {sensitive_ports: {70000: x}}",
        'severity.sensitive_ports.70000: is not a port; write a number such as 22 or a range such as "137-139".',
    ),
    (
        'severity: {sensitive_ports: {"139-137": x}}',
        'severity.sensitive_ports.139-137: is not a port; write a number such as 22 or a range such as "137-139".',
    ),
    ("severity: {public_ports: [80, 65536]}", f"severity.public_ports[1]: 65536 is not a port; {TO_PORT}"),
    ("severity: {public_ports: [http]}", 'severity.public_ports[0]: Expected "int", got "str".'),
    (
        "severity: {trusted_networks: [203.0.113.0/24, office]}",
        'severity.trusted_networks[1]: "office" is not a CIDR; write one such as 198.51.100.0/24 or 2001:db8::/32.',
    ),
    ("colors: {critical: red}", 'colors.critical: "red" is not a colour; write one such as "#0c3f7d".'),
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
        'destinations.room.fallback: "nowhere" is not a destination; ' + DEFINED,
    ),
    (
        "destinations: {room: {kind: pigeon}}",
        f"destinations.room.kind: Invalid value 'pigeon'; write one of {KINDS}.",
    ),
    (
        "destinations: {siem: {kind: webhook, url: {ssm: /a}}}",
        'destinations.siem: Object missing required field "signing_key"; the keys here are ' + SIGNED,
    ),
    (
        "destinations: {pager: {kind: pagerduty, routing_key: {ssm: /a}}}\ndigest: {to: [pager]}",
        'digest.to: "pager" is of kind pagerduty, which takes no digests; write another destination.',
    ),
    *(
        (
            f"destinations: {{room: {{kind: teams, url: {{ssm: /a}}, pace: {pace}}}}}",
            f"destinations.room.pace: {shown} is not a number of seconds from 0 to 60; write one such as 1.",
        )
        for pace, shown in (("-1", "-1"), ("-0.5", "-0.5"), ("61", "61"), (".nan", "nan"), (".inf", "inf"))
    ),
    (
        "destinations: {bus: {kind: eventbridge, bus: security}}",
        f'destinations.bus.bus: "security" is not the ARN of an event bus; write one such as {BUS}.',
    ),
    ("destinations: [room]", "destinations: is not a mapping; write one entry per id or name."),
    ("routes: {to: room}", "routes: is not a list; write one entry per line, each after a dash."),
    ("routes: [{match: {}}]", 'routes[0]: Object missing required field "to"; the keys here are to, match, escalate.'),
    (
        "routes: [{to: [alerts]}, {to: [nowhere]}]",
        'routes[1].to: "nowhere" is not a destination; write one that policy.yaml defines (alerts).',
    ),
    (
        "routes: [{to: [alerts], match: {min_severity: bad}}]",
        "routes[0].match.min_severity: Invalid enum value 'bad'; write one of info, low, medium, high, critical.",
    ),
    ("routes: [{to: []}]", "routes[0].to: names no destination; write one, or remove the route."),
    (
        "routes: [{to: [alerts], match: {min_severity: high, max_severity: low}}]",
        "routes[0].match: min_severity is above max_severity, so nothing matches; swap them.",
    ),
    (
        "routes: [{to: [alerts], match: {action: []}}]",
        "routes[0].match.action: is an empty list, which matches nothing; leave it out or write a value.",
    ),
    (
        "destinations: {b: {kind: sns}}\nroutes: [{to: [alerts], escalate: {after: 15 minutes, to: b}}]",
        'routes[0].escalate.after: "15 minutes" is not a time of up to a day; write one such as 15m or 2h.',
    ),
    (
        "routes: [{to: [alerts], escalate: {after: 15m, to: alerts}}]",
        'routes[0].escalate.to: "alerts" gets the alert already; write another destination.',
    ),
    (
        "routes: [{to: [alerts], match: {ou: Prod}}]",
        'routes[0].match.ou: "Prod" is not the path of a unit; write one such as /Workloads/Prod.',
    ),
    (
        "routes: [{to: [alerts], match: {group: []}}]",
        "routes[0].match.group: is an empty list, which matches nothing; leave it out or write a value.",
    ),
    (
        "routes: [{to: [alerts], match: {account: 111122223333}}]",
        'routes[0].match.account: Expected "str | array | null", got "int"; put it in quotes.',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "sentence"), ACCOUNTS_SENTENCES)
def test_an_invalid_accounts_yaml_is_reported_with_what_to_write(tmp_path, content, sentence):
    assert problems(tmp_path, accounts=content) == [f"accounts.yaml: {sentence}"]


@pytest.mark.parametrize(("content", "sentence"), POLICY_SENTENCES)
def test_an_invalid_policy_yaml_is_reported_with_what_to_write(tmp_path, content, sentence):
    assert problems(tmp_path, policy=content) == [f"policy.yaml: {sentence}"]


@pytest.mark.parametrize(
    ("content", "beginning", "keys"),
    [
        (
            "accounts: {}",
            "accounts: is not a known key; write one of ",
            {"colors", "destinations", "routes", "severity"},
        ),
        (
            "severity: {levels: 3}",
            'severity: Object contains unknown field "levels"; the keys here are ',
            {"sensitive_ports", "public_ports", "trusted_networks"},
        ),
    ],
)
def test_an_unknown_key_is_reported_with_the_known_ones(tmp_path, content, beginning, keys):
    (found,) = problems(tmp_path, policy=content)
    assert found.startswith(f"policy.yaml: {beginning}")
    assert keys <= set(found.removeprefix(f"policy.yaml: {beginning}").rstrip(".").split(", "))


def test_all_problems_are_reported_at_once(tmp_path):
    found = problems(tmp_path, accounts="defaults: {language: fr}\nx: 1", policy="colors: {high: red}\ny: 2")
    assert [each.split(": ")[:2] for each in found] == [
        ["accounts.yaml", "defaults.language"],
        ["accounts.yaml", "x"],
        ["policy.yaml", "y"],
        ["policy.yaml", "colors.high"],
    ]


@pytest.mark.parametrize("broken", ["a: [", b"\xff\xfe\xfa", "a: \x00", "{" * 5000])
def test_invalid_yaml_is_reported(tmp_path, broken):
    (found,) = problems(tmp_path, policy=broken)
    assert found.startswith("policy.yaml: is not valid YAML (")


def test_a_text_of_another_encoding_is_reported_with_its_line(tmp_path):
    (found,) = problems(tmp_path, policy="routes: []\n# café\n".encode("latin-1"))
    assert found == "policy.yaml: is not valid YAML (line 2 is not UTF-8)."


def test_a_missing_file_is_reported_with_its_path(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path / "accounts.yaml", tmp_path)
    assert caught.value.problems == (
        f"{tmp_path}/accounts.yaml: does not exist; write the path of an existing file.",
        f"{tmp_path}: cannot be read (Is a directory); write the path of an existing file.",
    )


def test_a_key_that_overrides_a_merged_one_is_no_duplicate(tmp_path):
    accounts = (
        'accounts:\n  "111122223333": &base {alias: a, environment: prod}\n  "444455556666": {<<: *base, alias: b}'
    )
    assert load(tmp_path, accounts).account("444455556666").alias == "b"


def test_yaml_cannot_create_python_objects(tmp_path):
    (found,) = problems(tmp_path, policy="colors: !!python/object/apply:os.system [true]")
    assert "is not valid YAML" in found


def test_empty_files_give_the_defaults(tmp_path):
    settings = load(tmp_path, "", "")
    assert settings.defaults == Defaults()
    assert PortName(22, 22, "SSH") in settings.severity_rules.sensitive
    assert settings.routes == ()
    assert set(settings.destinations) == {HUB_TOPIC}


def test_an_account_inherits_missing_keys_from_the_defaults(tmp_path):
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
def test_an_unlisted_account_has_the_fallback_alias_of_the_default_language(tmp_path, language, alias):
    account = load(tmp_path, f"defaults: {{language: {language}}}").account("777788889999")
    assert (account.id, account.alias, account.language, account.known) == ("777788889999", alias, language, False)


def test_an_account_inherits_the_read_role_of_the_defaults_unless_its_own_is_empty(tmp_path):
    accounts = """
defaults: {read_role: gatewatch/gatewatch-lookup}
accounts: {"111122223333": {alias: a}, "444455556666": {alias: b, read_role: ""}}
"""
    settings = load(tmp_path, accounts)
    roles = {each: settings.account(each).read_role for each in ("111122223333", "444455556666", "777788889999")}
    assert roles == {"111122223333": LOOKUP_ROLE, "444455556666": None, "777788889999": LOOKUP_ROLE}
    assert settings.read_roles == {LOOKUP_ROLE}
    assert load(tmp_path, accounts, language="ko").account("777788889999").read_role == LOOKUP_ROLE


def test_a_single_account_can_have_a_read_role(tmp_path):
    accounts = f'accounts: {{"111122223333": {{alias: a, read_role: {LOOKUP_ROLE}}}, "444455556666": {{alias: b}}}}'
    settings = load(tmp_path, accounts)
    assert settings.account("111122223333").read_role == LOOKUP_ROLE
    assert settings.account("444455556666").read_role is settings.account("777788889999").read_role is None


@pytest.mark.parametrize("accounts", ["", "defaults: {read_role: }", 'defaults: {read_role: ""}'])
def test_without_a_read_role_no_account_is_queried(tmp_path, accounts):
    settings = load(tmp_path, accounts)
    assert settings.read_roles == frozenset()
    assert settings.account("777788889999").read_role is None


def test_a_language_on_the_command_line_overrides_every_other(tmp_path):
    accounts = 'defaults: {language: ko}\naccounts: {"111122223333": {alias: a, language: ja}}'
    settings = load(tmp_path, accounts, language="en")
    assert settings.languages == ("en",)
    assert settings.account("777788889999").alias == "unknown account"


def test_configured_ports_replace_the_built_in_ones(tmp_path):
    policy = 'severity: {sensitive_ports: {22: SSH, "8000-8100": apps}, trusted_networks: [203.0.113.0/24]}'
    judgement = load(tmp_path, policy=policy).severity_rules
    assert judgement.sensitive == (PortName(22, 22, "SSH"), PortName(8000, 8100, "apps"))
    assert [str(network) for network in judgement.trusted] == ["203.0.113.0/24"]


def test_the_default_destinations_are_those_of_routes_of_everything_from_low_or_the_hub_topic(tmp_path):
    policy = WEBHOOK + "\nroutes: [{to: [room]}, {to: [alerts], match: {min_severity: high}}]"
    assert load(tmp_path, policy=policy).default_destinations == ("room",)
    assert load(tmp_path).default_destinations == (HUB_TOPIC,)


@pytest.mark.parametrize(
    ("match", "is_enough"),
    [
        ("{}", True),
        ("{min_severity: low}", True),
        ("{min_severity: medium}", False),
        ("{min_severity: low, max_severity: high}", False),
        ("{min_severity: low, action: [authorize, revoke]}", False),
        ("{action: revoke}", False),
    ],
)
def test_a_deployment_needs_a_route_of_everything_from_low(tmp_path, match, is_enough):
    policy = f"{WEBHOOK}\nroutes: [{{to: [room], match: {match}}}]"
    assert load(tmp_path, policy=policy).default_destinations == (("room",) if is_enough else (HUB_TOPIC,))
    files = tmp_path / "accounts.yaml", tmp_path / "policy.yaml"
    if is_enough:
        assert load_deployable_settings(*files).routes
    else:
        with pytest.raises(ConfigurationError, match="none matches every alert of severity low and above"):
            load_deployable_settings(*files)


def test_emergency_settings_send_everything_to_the_hub_topic():
    settings = emergency_settings()
    assert settings.default_destinations == (HUB_TOPIC,)
    assert PortName(22, 22, "SSH") in settings.severity_rules.sensitive
    assert settings.routes[0].match.min_severity is Severity.INFO


def test_the_files_of_this_repository_are_valid():
    assert load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml").accounts


def test_a_problem_has_the_line_of_its_key(tmp_path):
    policy = "colors:\n  critical: red\nroutes:\n  - to: [alerts]\n  - match: {}\n    to:\n      - nowhere\n"
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, policy=policy)
    assert [each.removeprefix(f"{tmp_path}/").partition(": ")[0] for each in caught.value.problems] == [
        "policy.yaml:2",
        "policy.yaml:6",
    ]


def test_an_impossible_date_is_reported_with_its_key(tmp_path):
    policy = (
        "exceptions: [{id: x, match: {port: 22}, effect: mute, owner: a, reason: b, ticket: c, expires: 2026-02-31}]"
    )
    sentence = "policy.yaml: exceptions[0].expires: Invalid RFC3339 encoded date; write a day such as 2027-01-31."
    assert problems(tmp_path, policy=policy) == [sentence]


def test_an_invalid_destination_or_route_causes_no_further_problems(tmp_path):
    accounts = 'accounts: {"111122223333": {alias: a, destinations: [room]}}'
    policy = """
destinations: {room: {kind: slack_hook, url: {ssm: /a}}}
routes: [{match: {severity: high}, to: [room]}, {to: [room]}]
digest: {to: [room]}
"""
    found = problems(tmp_path, accounts=accounts, policy=policy)
    assert [each.split(": ")[1] for each in found] == ["destinations.room.kind", "routes[0].match"]
    (unreadable,) = problems(tmp_path, accounts=accounts, policy="routes: [")
    assert "is not valid YAML" in unreadable
