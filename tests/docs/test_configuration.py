"""docs/configuration.md and the JSON Schemas, compared with the types of the configuration."""

import json
import re
from enum import Enum

import msgspec
import pytest
import yaml

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.cli.schemas import FILES, schema
from gatewatch.config import account_sync as sync_settings
from gatewatch.config import accounts as account_settings
from gatewatch.config import actions as action_settings
from gatewatch.config import destinations as destination_settings
from gatewatch.config import digest as digest_settings
from gatewatch.config import families as family_settings
from gatewatch.config import iam as access_policy
from gatewatch.config import ingress as ingress_settings
from gatewatch.config import people as people_settings
from gatewatch.config import settings
from gatewatch.config import severity as severity_settings
from gatewatch.config import suppression_rules as exception_settings
from gatewatch.config.access_portal import AccessPortal
from gatewatch.config.context import ContextSettings, FirstTime
from gatewatch.config.identity_store import IdentityStore
from gatewatch.config.quiet_hours import QuietHours
from gatewatch.errors import ConfigurationError
from support.callers import sharing, trusting
from support.command import gatewatch
from support.markdown import PAGES, blocks
from support.paths import ROOT

DOCS = PAGES["docs/configuration.md"]
TYPES = {
    "accounts.yaml: defaults": account_settings.Defaults,
    "accounts.yaml: accounts": account_settings.AccountEntry,
    "accounts.yaml: hub": account_settings.Hub,
    "accounts.yaml: sync": sync_settings.SyncSettings,
    "accounts.yaml: sync, units": sync_settings.UnitFacts,
    "accounts.yaml: people": people_settings.PersonEntry,
    "accounts.yaml: identity_store": IdentityStore,
    "accounts.yaml: access_portal": AccessPortal,
    "policy.yaml: severity": severity_settings.SeveritySection,
    "policy.yaml: severity.iam": access_policy.IamSeverity,
    "policy.yaml: severity.sign_in": access_policy.SignInSeverity,
    "policy.yaml: severity.network": family_settings.NetworkSeverity,
    "policy.yaml: severity.public_access": family_settings.PublicAccessSeverity,
    "policy.yaml: severity.organization": family_settings.OrganizationSeverity,
    "policy.yaml: severity.detection": family_settings.DetectionSeverity,
    "policy.yaml: colors": settings.Colors,
    "policy.yaml: destinations, kind slack_webhook": destination_settings.SlackWebhook,
    "policy.yaml: destinations, kind slack_app": destination_settings.SlackApp,
    "policy.yaml: destinations, kind sns": destination_settings.SnsTopic,
    "policy.yaml: destinations, kind teams": destination_settings.Teams,
    "policy.yaml: destinations, kind webhook": destination_settings.Webhook,
    "policy.yaml: destinations, kind pagerduty": destination_settings.PagerDuty,
    "policy.yaml: destinations, kind eventbridge": destination_settings.EventBus,
    "policy.yaml: a secret": destination_settings.SecretRef,
    "policy.yaml: destinations, quiet": QuietHours,
    "policy.yaml: routes": destination_settings.Route,
    "policy.yaml: routes, escalate": destination_settings.RouteEscalation,
    "policy.yaml: routes, match": destination_settings.Match,
    "policy.yaml: exceptions": exception_settings.PolicyException,
    "policy.yaml: exceptions, match": exception_settings.ExceptionMatch,
    "policy.yaml: digest": digest_settings.DigestSettings,
    "policy.yaml: digest, mail": digest_settings.DigestMail,
    "policy.yaml: actions": action_settings.ActionSettings,
    "policy.yaml: context": ContextSettings,
    "policy.yaml: context, first_time": FirstTime,
    "policy.yaml: ingress": ingress_settings.IngressSection,
    "policy.yaml: ingress, allowed and required": ingress_settings.RuleEntry,
    "policy.yaml: ingress, exempt_groups": ingress_settings.ExemptGroup,
    "policy.yaml: ingress, fight": ingress_settings.ConflictLimit,
    "policy.yaml: access_keys": access_policy.KeyPolicy,
    "policy.yaml: access_keys, exempt": access_policy.KeyExemption,
}


def tables():
    parts = re.split(r"^## (.+)$", DOCS, flags=re.MULTILINE)[1:]
    return {title: re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", text, re.MULTILINE) for title, text in pairs(parts)}


def pairs(parts):
    return zip(parts[::2], parts[1::2], strict=True)


def shown_default(field):
    """Return the default of a field as the tables show it."""
    if field.required:
        return "required"
    default = {} if field.default is msgspec.NODEFAULT else field.default
    if isinstance(default, msgspec.Struct):
        return "everything" if isinstance(default, destination_settings.Match) else "its own table"
    if isinstance(default, tuple):
        return f"[{', '.join(map(str, default))}]".replace("*", r"\*")
    if default is None:
        return "—"
    text = default.value if isinstance(default, Enum) else default
    return str(text).lower() if isinstance(text, bool) else str(text) or '""'


@pytest.mark.parametrize("title", TYPES)
def test_a_table_has_every_key_with_its_default(title):
    found = [(key, default) for key, default, _ in tables()[title]]
    assert found == [(field.encode_name, shown_default(field)) for field in msgspec.structs.fields(TYPES[title])]


def test_every_table_has_a_type():
    assert set(tables()) == set(TYPES)


@pytest.mark.parametrize("file", FILES)
def test_a_schema_has_the_sections_that_the_loader_accepts(tmp_path, file):
    for name in FILES:
        (tmp_path / f"{name}.yaml").write_text("unknown_key: 1" if name == file else "{}", "utf-8")
    with pytest.raises(ConfigurationError, match="write one of ") as caught:
        settings.load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")
    known = str(caught.value).split("write one of ")[1].rstrip(".").split(", ")
    assert set(known) == set(FILES[file].__struct_encode_fields__)


@pytest.mark.parametrize("file", FILES)
def test_the_files_of_this_repository_match_their_schema(file):
    content = yaml.safe_load((ROOT / f"{file}.yaml").read_text("utf-8"))
    if file == "policy":
        ports = content["severity"]["sensitive_ports"]
        content["severity"]["sensitive_ports"] = {str(key): name for key, name in ports.items()}
    assert msgspec.convert(content, FILES[file])
    assert set(content) <= set(definition(json.loads(schema(file)))["properties"])


def definition(found):
    return found["$defs"][found["$ref"].rpartition("/")[2]]


def test_a_schema_is_closed_and_has_required_keys():
    ran = gatewatch("check", "--schema", "policy")
    found = json.loads(ran.out)
    assert definition(found)["additionalProperties"] is False
    exception = found["$defs"]["PolicyException"]
    assert {"owner", "reason", "ticket", "expires"} <= set(exception["required"])
    assert set(found["$defs"]["QuietHours"]["properties"]) == {"from", "to", "timezone", "below"}


def test_the_example_is_valid(tmp_path):
    accounts, policy, vendors = (yaml.safe_load(block) for block in blocks(DOCS, "yaml")[1:])
    (tmp_path / "vendors.yaml").write_bytes(msgspec.json.encode(vendors))
    policy["context"] = {"vendor_accounts": "vendors.yaml"}
    for name, content in (("accounts", accounts), ("policy", policy)):
        (tmp_path / f"{name}.json").write_bytes(msgspec.json.encode(content))
    loaded = settings.load_settings(tmp_path / "accounts.json", tmp_path / "policy.json")
    assert loaded.account("111122223333").alias == "payments-prod"
    assert loaded.vendor_names["444455556666"] == "Example Monitoring"


OUTSIDE = "444455556666"
KNOWN = {
    "`accounts` of accounts.yaml": ({"accounts": {OUTSIDE: {"alias": "other"}}}, {}),
    "`known_accounts` of severity.iam in policy.yaml": ({}, {"severity": {"iam": {"known_accounts": [OUTSIDE]}}}),
    "`known_accounts` of accounts.yaml": ({"known_accounts": [OUTSIDE]}, {}),
    "none of them": ({}, {}),
}


@pytest.mark.parametrize("where", KNOWN)
def test_the_table_of_known_accounts_says_what_each_list_reaches(tmp_path, where):
    for name, content in zip(("accounts", "policy"), KNOWN[where], strict=True):
        (tmp_path / f"{name}.yaml").write_bytes(msgspec.json.encode(content))
    assessor = Assessor(settings.load_settings(*(tmp_path / f"{each}.yaml" for each in FILES)), InMemoryRuleHistory())
    found = [assess_call(each(OUTSIDE), assessor).severity.value for each in (sharing, trusting)]
    assert f"| {where} | {' | '.join(found)} |" in DOCS
