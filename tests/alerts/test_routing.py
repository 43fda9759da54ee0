"""Routing: the account's own destinations, then those of every matching route, each once."""

from datetime import UTC, datetime

import msgspec
import pytest

from gatewatch.alerts.lookup.context import lookup_request_for
from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.routing import route
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.accounts import Defaults
from gatewatch.config.destinations import Match, Route
from gatewatch.config.settings import Colors, Settings, load_deployable_settings
from gatewatch.config.severity import SeverityRules
from gatewatch.model.account import Account
from gatewatch.model.alert import Alert, AssessedChange, Links
from gatewatch.model.api_call import AccessMethod, Actor, ApiCall
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.security_group import Group
from gatewatch.model.severity import Assessment, Severity
from support.paths import ROOT
from tools.example_calls import EXAMPLES, call_of
from tools.example_calls import settings as example_settings

GROUP = Group(id="sg-0aaaaaaaaaaaaaaa1", name="web-front")


def settings(*routes):
    return Settings(
        defaults=Defaults(),
        accounts={},
        severity_rules=SeverityRules((), frozenset(), ()),
        colors=Colors(),
        destinations={},
        routes=routes,
    )


def alert(severity=Severity.HIGH, own=()):
    call = ApiCall(
        event_id="1beb5d85",
        event_name="AuthorizeSecurityGroupIngress",
        event_source="ec2.amazonaws.com",
        time=datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC),
        account_id="111122223333",
        region="eu-west-1",
        actor=Actor("alice", "IAMUser"),
        via=AccessMethod.CLI,
        source_ip=None,
        error_code=None,
        request=None,
        response=None,
        record={},
    )
    account = Account(
        id="111122223333",
        alias="payments",
        timezone="UTC",
        language="en",
        environment="prod",
        destinations=own,
        ou="/Workloads/Prod",
        tags={"team": "payments", "cost": "c2"},
    )
    change = Change(family=Family.SECURITY_GROUP, action=Action.AUTHORIZE, outcome=Outcome.APPLIED, group=GROUP)
    return Alert(call=call, account=account, changes=(AssessedChange(change, Assessment(severity)),), links=Links())


def test_a_route_without_a_match_matches_everything():
    assert route(alert(Severity.INFO), settings(Route(to=("all",)))) == ("all",)


def test_without_a_route_there_is_no_destination():
    assert route(alert(), settings()) == ()


def test_the_accounts_own_destinations_come_first_without_duplicates():
    routes = (Route(to=("all", "own")), Route(to=("late", "all")))
    assert route(alert(own=("own",)), settings(*routes)) == ("own", "all", "late")


@pytest.mark.parametrize(
    "match",
    [
        Match(account="111122223333"),
        Match(environment="prod"),
        Match(region="eu-west-1"),
        Match(family=Family.SECURITY_GROUP),
        Match(min_severity=Severity.HIGH),
        Match(account="111122223333", environment="prod", region="eu-west-1", min_severity=Severity.LOW),
        Match(account=("444455556666", "1111*")),
        Match(environment=("dev", "prod")),
        Match(region="eu-*"),
        Match(family=(Family.IAM, Family.SECURITY_GROUP)),
        Match(action=Action.AUTHORIZE),
        Match(action=(Action.REVOKE, Action.AUTHORIZE), family=Family.SECURITY_GROUP),
        Match(actor="al?ce"),
        Match(group="web-*"),
        Match(group=("sg-none", "sg-0aaaaaaaaaaaaaaa1")),
        Match(max_severity=Severity.HIGH),
        Match(ou="/Workloads/Prod"),
        Match(ou=("/Sandbox", "/Workloads")),
        Match(ou="/"),
        Match(tags={"team": "pay*"}),
        Match(tags={"team": ("x", "payments"), "cost": "?2"}),
    ],
)
def test_a_route_matches_when_all_criteria_match(match):
    assert route(alert(), settings(Route(to=("x",), match=match))) == ("x",)


@pytest.mark.parametrize(
    "match",
    [
        Match(account="444455556666"),
        Match(environment="dev"),
        Match(region="us-east-1"),
        Match(family=Family.PREFIX_LIST),
        Match(min_severity=Severity.CRITICAL),
        Match(account="111122223333", environment="dev"),
        Match(account=("444455556666", "2222*")),
        Match(region="EU-*"),
        Match(family=(Family.IAM, Family.SIGN_IN)),
        Match(action=Action.REVOKE),
        Match(action=Action.AUTHORIZE, family=Family.IAM),
        Match(actor="bob*"),
        Match(group="db-*"),
        Match(max_severity=Severity.MEDIUM),
        Match(ou="/Work"),
        Match(ou="/Workloads/Prod/Web"),
        Match(ou="/workloads"),
        Match(tags={"team": "x"}),
        Match(tags={"team": "payments", "cost": "x"}),
        Match(tags={"owner": "*"}),
    ],
)
def test_a_route_does_not_match_when_one_criterion_differs(match):
    assert route(alert(), settings(Route(to=("x",), match=match))) == ()


def test_an_account_whose_unit_and_tags_are_not_known_matches_no_unit_and_no_tag():
    unknown = msgspec.structs.replace(alert().account, ou=None, tags={})
    found = msgspec.structs.replace(alert(), account=unknown)
    for match in (Match(ou="/"), Match(ou="/Workloads"), Match(tags={"team": "*"})):
        assert route(found, settings(Route(to=("x",), match=match))) == ()


def test_family_and_action_must_match_the_same_change():
    changes = (
        changed(Family.IAM, Action.REVOKE),
        changed(Family.SECURITY_GROUP, Action.AUTHORIZE),
    )
    both = msgspec.structs.replace(alert(), changes=changes)
    removal = Route(to=("x",), match=Match(family=Family.SECURITY_GROUP, action=Action.REVOKE))
    assert route(both, settings(removal)) == ()
    assert route(msgspec.structs.replace(both, changes=(*changes, changed())), settings(removal)) == ("x",)


def changed(family=Family.SECURITY_GROUP, action=Action.REVOKE, severity=Severity.INFO):
    return AssessedChange(Change(family=family, action=action, outcome=Outcome.APPLIED), Assessment(severity))


@pytest.mark.parametrize(
    ("change", "channels"),
    [
        (changed(), ("sec-all",)),
        (changed(Family.PREFIX_LIST), ("sec-all",)),
        (changed(action=Action.DELETE), ()),
        (changed(Family.PUBLIC_ACCESS), ()),
        (changed(Family.IAM, Action.CREATE), ()),
        (changed(Family.IAM, Action.CREATE, Severity.LOW), ("sec-all",)),
        (changed(severity=Severity.HIGH), ("sec-prod", "sec-all")),
    ],
)
def test_the_policy_of_this_repository_sends_low_and_above_and_removed_rules(change, channels):
    policy = load_deployable_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
    assert route(msgspec.structs.replace(alert(), changes=(change,)), policy) == channels


def test_a_new_instance_is_info_without_a_lookup_and_without_a_message():
    """A fleet that scales all day gives thousands of these."""
    (example, *_) = [each for each in EXAMPLES if each.name == "RunInstances" and each.expected["severity"] == "info"]
    launched = assess_call(call_of(example.record()), Assessor(example_settings(), InMemoryRuleHistory()))
    deployed = load_deployable_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
    assert [each.assessment.severity for each in launched.changes] == [Severity.INFO]
    assert (lookup_request_for(launched), route(launched, deployed)) == (None, ())
