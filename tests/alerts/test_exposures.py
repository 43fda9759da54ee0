"""Which exposures an event opened, narrowed or closed."""

import json

import pytest

from gatewatch.alerts.exposures import exposure_change_of, group_key_of
from gatewatch.model.alert import Alert


def exposure_change(results, record):
    (alert,) = [each for each in results(json.dumps(record)) if isinstance(each, Alert)]
    return exposure_change_of(alert)


SHAPE = "ingress tcp 22-22 0.0.0.0/0"


def test_a_world_open_rule_is_identified_by_its_id_and_by_its_traffic(results, build):
    answer = build.rule_set(build.response_rule(cidrIpv4="0.0.0.0/0"))
    made = exposure_change(results, build.authorize(build.item(v4=["0.0.0.0/0"]), response=answer))
    assert [(each.rule_id, each.shape) for each in made.opened] == [(build.RULE, SHAPE)]
    assert made.group_key == f"{build.ACCOUNT}/eu-west-1/{build.GROUP}"
    assert (made.actor, made.event_id) == ("alice", "1beb5d85-3e0f-4000-b7d7-111111111111")


def test_without_response_elements_a_rule_has_no_id(results, build):
    made = exposure_change(results, build.authorize(build.item(v4=["0.0.0.0/0", "10.0.0.0/8"])))
    assert [(each.rule_id, each.shape) for each in made.opened] == [("", SHAPE)]


def test_a_removal_identifies_the_closed_rule(results, build):
    made = exposure_change(results, build.revoke(build.item(v4=["0.0.0.0/0"])))
    assert [each.shape for each in made.closed] == [SHAPE]
    assert made.opened == ()


def test_a_rule_modified_to_a_narrow_network_is_narrowed_and_to_the_world_is_opened(results, build):
    narrow = build.modify((build.RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "10.0.0.0/24"}))
    assert [each.rule_id for each in exposure_change(results, narrow).narrowed] == [build.RULE]
    world = build.modify((build.RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}))
    assert [each.rule_id for each in exposure_change(results, world).opened] == [build.RULE]


def test_a_deleted_group_closes_all_its_exposures(results, build):
    made = exposure_change(results, build.record("DeleteSecurityGroup", {"groupId": build.GROUP}, {"_return": True}))
    assert made.closes_others


def test_narrow_outbound_and_unapplied_changes_are_no_exposure(results, build):
    narrow, refused = build.item(v4=["10.0.0.0/24"]), build.item(v4=["0.0.0.0/0"])
    assert exposure_change(results, build.authorize(narrow)) is None
    assert exposure_change(results, build.authorize(refused, **build.denied())) is None
    assert exposure_change(results, build.authorize(refused, direction="Egress")) is None
    assert exposure_change(results, build.authorize(refused, eventTime="nonsense")) is None


@pytest.mark.parametrize(
    ("group", "about"),
    [
        ({"groupId": "sg-0aaaaaaaaaaaaaaa1"}, "eu-west-1/sg-0aaaaaaaaaaaaaaa1"),
        ({"groupName": "web"}, ""),
        ({"groupId": "sg-" + "x" * 200}, ""),
    ],
    ids=["by id", "by name", "no id at all"],
)
def test_the_group_key_needs_one_group_id(results, build, group, about):
    record = build.record(
        "AuthorizeSecurityGroupIngress", {"ipPermissions": build.items(build.item(v4=["::/0"]))} | group
    )
    (alert,) = [each for each in results(json.dumps(record)) if isinstance(each, Alert)]
    assert group_key_of(alert) == about


def test_a_call_of_another_family_has_no_group_key(results, build):
    groups = {"groupSet": build.items({"groupId": build.GROUP})}
    record = build.record("ModifyNetworkInterfaceAttribute", {"networkInterfaceId": "eni-0e5f60718293a4b5c"} | groups)
    (alert,) = [each for each in results(json.dumps(record)) if isinstance(each, Alert)]
    assert group_key_of(alert) == ""
