"""What stands open now: readings joined with openings of the activity log."""

import msgspec
import pytest
from msgspec.structs import replace

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.settings import load_settings
from gatewatch.digest.activity import activity_of
from gatewatch.digest.open_now import OpenRow, openers, rows_of
from gatewatch.digest.readings import last_readings
from gatewatch.inventory.model import AccountInventory, OpenItem, ResourceKind
from gatewatch.model.change import Family
from gatewatch.model.reachability import Layer, Reachability, Verdict
from gatewatch.model.security_group import Group
from gatewatch.model.severity import Severity
from support.inventory import ACCOUNT, ENTRY, ITEM, LIST, NOW, OPENED, REGION, RULE, reading
from support.paths import ROOT
from tools.example_calls import Example, call_of

SETTINGS = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")


def row(item, *steps):
    (found,) = rows_of([reading(item)], openers(steps), SETTINGS, NOW)
    return found


def public(kind, name):
    return OpenItem(kind=kind, severity=Severity.CRITICAL, resource_id=name, since=NOW)


class Store:
    def __init__(self, accounts=(), regions=()):
        self._accounts, self._regions = accounts, regions

    def accounts(self, wanted):
        return [each for each in self._accounts if each.account_id in wanted]

    def regions(self, accounts):
        known = {(each.account_id, region) for each in accounts for region in each.regions}
        return [each for each in self._regions if (each.account_id, each.region) in known]


def test_a_rule_has_the_actor_and_the_time_of_its_event():
    found = row(ITEM, OPENED)
    assert (found.origin, found.opened_by, found.days) == ("event", "minji", 3)
    assert found.since == "2027-01-12T08:00:00Z"


def test_without_an_event_a_rule_is_older_than_gatewatch_or_no_event_reported_it():
    assert (row(ITEM).origin, row(ITEM).opened_by, row(ITEM).days) == ("older_than_gatewatch", "", 1)
    assert row(replace(ITEM, was_there_first=False)).origin == "no_event"


def test_the_opening_of_another_rule_region_or_account_explains_nothing():
    for other in (
        replace(OPENED, rule=replace(RULE, rule_id="sgr-2")),
        replace(OPENED, region="us-east-1"),
        replace(OPENED, account="444455556666"),
    ):
        assert row(ITEM, other).opened_by == ""


def test_an_entry_of_a_prefix_list_is_matched_by_the_list_and_its_cidr():
    opened = replace(OPENED, family=Family.PREFIX_LIST, group=Group(), resource_id="pl-1", rule=ENTRY)
    found = row(LIST, opened)
    assert (found.resource, found.allows, found.opened_by) == ("pl-1", "0.0.0.0/0", "minji")
    assert row(LIST, replace(opened, resource_id="pl-2")).opened_by == ""


@pytest.mark.parametrize("kind", [ResourceKind.BUCKETS, ResourceKind.SNAPSHOTS])
def test_a_resource_is_not_matched_with_another_opening_that_has_no_rule_id(kind):
    opened = replace(OPENED, family=Family.PREFIX_LIST, group=Group(), resource_id="pl-1", rule=ENTRY)
    assert row(public(kind, "x"), opened).opened_by == ""


def steps_of(call, request):
    """The openings of a call, as the activity log keeps them."""
    service, name = call.split()
    record = Example("", service, name, request, None, None, "", {}).record(eventTime="2026-01-24T03:00:00Z")
    alert = assess_call(call_of(record), Assessor(SETTINGS, InMemoryRuleHistory()))
    return activity_of(alert, alert).steps


POLICY = '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
TO_ALL = {"add": {"items": [{"group": "all"}]}}


@pytest.mark.parametrize(
    ("kind", "name", "call", "request_"),
    [
        (
            ResourceKind.BUCKETS,
            "b",
            "s3 PutBucketPolicy",
            {"bucketName": "b", "bucketPolicy": msgspec.json.decode(POLICY)},
        ),
        (
            ResourceKind.SNAPSHOTS,
            "snap-1",
            "ec2 ModifySnapshotAttribute",
            {"snapshotId": "snap-1", "createVolumePermission": TO_ALL},
        ),
        (
            ResourceKind.IMAGES,
            "ami-1",
            "ec2 ModifyImageAttribute",
            {"imageId": "ami-1", "launchPermission": TO_ALL},
        ),
        (
            ResourceKind.DATABASES,
            "arn:aws:rds:eu-west-1:111122223333:db:d",
            "rds ModifyDBInstance",
            {"dBInstanceIdentifier": "d", "publiclyAccessible": True},
        ),
        (
            ResourceKind.DATABASE_SNAPSHOTS,
            "arn:aws:rds:eu-west-1:111122223333:snapshot:d",
            "rds ModifyDBSnapshotAttribute",
            {"dBSnapshotIdentifier": "d", "attributeName": "restore", "valuesToAdd": ["all"]},
        ),
        (
            ResourceKind.DATABASE_CLUSTER_SNAPSHOTS,
            "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:d",
            "rds ModifyDBClusterSnapshotAttribute",
            {"dBClusterSnapshotIdentifier": "d", "attributeName": "restore", "valuesToAdd": ["all"]},
        ),
    ],
)
def test_a_resource_has_the_actor_of_the_call_that_made_it_public(kind, name, call, request_):
    steps = steps_of(call, request_)
    assert row(public(kind, name), *steps).opened_by == steps[0].actor != ""
    assert row(public(kind, name + "-other"), *steps).opened_by == ""


@pytest.mark.parametrize(
    "item",
    [
        public(ResourceKind.DATABASE_SNAPSHOTS, "arn:aws:rds:eu-west-1:111122223333:snapshot:d"),
        public(ResourceKind.DATABASE_CLUSTER_SNAPSHOTS, "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:d"),
        public(ResourceKind.BUCKETS, "d"),
    ],
)
def test_a_resource_of_another_kind_with_the_same_name_explains_nothing(item):
    database = steps_of("rds ModifyDBInstance", {"dBInstanceIdentifier": "d", "publiclyAccessible": True})
    assert (row(item, *database).origin, row(item, *database).opened_by) == ("no_event", "")


def test_a_bucket_is_matched_whatever_its_region():
    request = {"bucketName": "b", "bucketPolicy": msgspec.json.decode(POLICY)}
    (found,) = rows_of(
        [reading(public(ResourceKind.BUCKETS, "b"), region="ap-northeast-2")],
        openers(steps_of("s3 PutBucketPolicy", request)),
        SETTINGS,
        NOW,
    )
    assert found.opened_by


def test_the_worst_is_first_then_what_can_be_reached_then_the_oldest():
    stopped = Reachability(verdict=Verdict.NOT_REACHABLE, layer=Layer.ROUTE)
    items = [
        replace(ITEM, group=Group(id="stopped"), reachability=stopped),
        replace(ITEM, group=Group(id="new"), since=NOW),
        replace(ITEM, group=Group(id="old")),
        replace(ITEM, group=Group(id="worst"), severity=Severity.CRITICAL),
    ]
    rows = rows_of([reading(*items)], {}, SETTINGS, NOW)
    assert [each.resource for each in rows] == ["worst", "old", "new", "stopped"]
    assert (rows[-1].reachable, rows[-1].layer) == ("not_reachable", "route")


def test_what_was_not_read_is_named():
    role = replace(SETTINGS.account(ACCOUNT), read_role="gatewatch/gatewatch-lookup")
    settings = replace(SETTINGS, accounts={ACCOUNT: role}, defaults=replace(SETTINGS.defaults, read_role=None))
    account = AccountInventory(account_id=ACCOUNT, at=NOW, regions=(REGION, "us-east-1"), error="AccessDenied")
    store = Store([account], [reading(unread={ResourceKind.BUCKETS: "Throttling"})])
    found = last_readings(store, [ACCOUNT, "444455556666"], settings)
    assert (
        found.unread
        == found.summary.unread
        == (
            "444455556666: NoReadRole",
            f"{ACCOUNT}: AccessDenied",
            f"{ACCOUNT} us-east-1: NotReadYet",
            f"{ACCOUNT} {REGION} buckets: Throttling",
        )
    )
    assert last_readings(Store(), [ACCOUNT], settings).unread == (f"{ACCOUNT}: NotReadYet",)


def test_nothing_read_has_no_time():
    nothing = last_readings(Store(), [ACCOUNT], SETTINGS)
    assert (nothing.since, nothing.summary) == (None, None)
    account = AccountInventory(account_id=ACCOUNT, at=NOW, regions=(REGION,))
    found = last_readings(Store([account], [reading()]), [ACCOUNT], SETTINGS)
    assert (found.since, found.summary.accounts, found.summary.regions) == (NOW, 1, 1)


def test_the_fields_are_a_contract():
    assert OpenRow.__struct_fields__ == (
        *("severity", "account", "alias", "region", "kind", "resource", "name", "rule", "allows", "reachable"),
        *("layer", "since", "days", "origin", "opened_by", "owner", "exception"),
    )


def test_the_kinds_that_one_error_left_unread_are_one_line():
    denied = dict.fromkeys([ResourceKind.RULES, ResourceKind.IMAGES], "UnauthorizedOperation")
    account = AccountInventory(account_id=ACCOUNT, at=NOW, regions=(REGION,))
    store = Store([account], [reading(unread={**denied, ResourceKind.DATABASES: "Throttling"})])
    found = last_readings(store, [ACCOUNT], SETTINGS)
    assert found.unread == (
        f"{ACCOUNT} {REGION} rules, images: UnauthorizedOperation",
        f"{ACCOUNT} {REGION} databases: Throttling",
    )


def test_a_group_that_the_account_shares_is_listed_with_those_it_is_shared_with():
    names = ("444455556666", "arn:aws:organizations::111122223333:ou/o-exampleorgid/ou-ab12-example", "3", "4", "5")
    assert row(replace(ITEM, shared_with=names[:1])).name == "web (shared with 444455556666)"
    assert row(replace(ITEM, shared_with=names)).name == "web (shared with 444455556666, ou-ab12-example, 3 +2)"


def test_the_rule_of_a_shared_group_has_the_owner_of_the_account_that_shares_it():
    shared = replace(ITEM, owner_id="444455556666")
    found = row(shared)
    assert found.account == ACCOUNT
    assert found.name == "web (shared by 444455556666)"
