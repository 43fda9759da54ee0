"""Which gates an event opened or closed, from the event itself."""

import json

import pytest

from gatewatch.alerts.exposures import gate_of, group_of
from gatewatch.model.alert import Alert
from gatewatch.rendering.text.labels import load_labels


def gate(results, build, record):
    (alert,) = [each for each in results(json.dumps(record)) if isinstance(each, Alert)]
    return gate_of(alert, load_labels(build.ROOT / "templates", "en"))


SHAPE = "ingress tcp 22-22 0.0.0.0/0"


def test_a_rule_for_the_world_is_a_gate_by_its_id_and_by_what_it_lets_through(results, build):
    answer = build.rule_set(build.answered(cidrIpv4="0.0.0.0/0"))
    made = gate(results, build, build.authorize(build.item(v4=["0.0.0.0/0"]), response=answer))
    assert [(each.rule_id, each.shape) for each in made.opened] == [(build.RULE, SHAPE)]
    assert made.place == f"{build.ACCOUNT}/eu-west-1/{build.GROUP}"
    assert (made.who, made.thread) == ("alice", "1beb5d85-3e0f-4000-b7d7-111111111111")


def test_without_an_answer_a_gate_has_no_id(results, build):
    made = gate(results, build, build.authorize(build.item(v4=["0.0.0.0/0", "10.0.0.0/8"])))
    assert [(each.rule_id, each.shape) for each in made.opened] == [("", SHAPE)]


def test_a_removal_names_what_it_closed(results, build):
    made = gate(results, build, build.revoke(build.item(v4=["0.0.0.0/0"])))
    assert [each.shape for each in made.closed] == [SHAPE]
    assert made.opened == ()


def test_a_rule_modified_to_a_narrow_network_is_narrowed_and_one_to_the_world_opened(results, build):
    narrow = build.modify((build.RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "10.0.0.0/24"}))
    assert [each.rule_id for each in gate(results, build, narrow).narrowed] == [build.RULE]
    world = build.modify((build.RULE, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}))
    assert [each.rule_id for each in gate(results, build, world).opened] == [build.RULE]


def test_a_deleted_group_closes_all_it_had(results, build):
    made = gate(results, build, build.record("DeleteSecurityGroup", {"groupId": build.GROUP}, {"_return": True}))
    assert made.is_group_deleted


def test_what_nobody_needs_to_close_is_no_gate(results, build):
    narrow, refused = build.item(v4=["10.0.0.0/24"]), build.item(v4=["0.0.0.0/0"])
    assert gate(results, build, build.authorize(narrow)) is None
    assert gate(results, build, build.authorize(refused, **build.refused())) is None
    assert gate(results, build, build.authorize(refused, direction="Egress")) is None
    assert gate(results, build, build.authorize(refused, eventTime="nonsense")) is None


@pytest.mark.parametrize(
    ("group", "about"),
    [
        ({"groupId": "sg-0aaaaaaaaaaaaaaa1"}, "eu-west-1/sg-0aaaaaaaaaaaaaaa1"),
        ({"groupName": "web"}, ""),
        ({"groupId": "sg-" + "x" * 200}, ""),
    ],
    ids=["by id", "by name", "no id at all"],
)
def test_a_call_is_about_the_group_that_it_names_by_id(results, build, group, about):
    record = build.record(
        "AuthorizeSecurityGroupIngress", {"ipPermissions": build.items(build.item(v4=["::/0"]))} | group
    )
    (alert,) = [each for each in results(json.dumps(record)) if isinstance(each, Alert)]
    assert group_of(alert) == about


def test_a_call_of_another_family_is_about_no_group(results, build):
    groups = {"groupSet": build.items({"groupId": build.GROUP})}
    record = build.record("ModifyNetworkInterfaceAttribute", {"networkInterfaceId": "eni-0e5f60718293a4b5c"} | groups)
    (alert,) = [each for each in results(json.dumps(record)) if isinstance(each, Alert)]
    assert group_of(alert) == ""
