"""No mutation drops an event, and a call of N rules and M peers is N × M changes."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.events.changes.registry import changes_of
from gatewatch.events.decoding import decode
from gatewatch.model.alert import Alert
from gatewatch.model.api_call import ApiCall
from gatewatch.model.network import parse_cidr

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["", "-1", "0.0.0.0/0", "::/0", "tcp", "items", "sg-0", "true"]),
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)
KEPT = {"eventSource", "eventName"}


def _realistic(build):
    octet = build.item(v4=["10.0.0.0/8", {"cidrIp": "0.0.0.0/0", "description": "x"}], v6=["::/0"])
    other = build.item("-1", groups=[{"groupId": "sg-01", "userId": "444455556666"}], lists=["pl-01"])
    answer = build.rule_set(build.response_rule(cidrIpv4="0.0.0.0/0"), build.response_rule("sgr-02", cidrIpv6="::/0"))
    gone = build.rule_set(
        build.response_rule(cidrIpv4="0.0.0.0/0"),
        name="revokedSecurityGroupRuleSet",
        unknownIpPermissionSet=build.items(octet),
    )
    new = {"IpProtocol": 6, "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0", "Description": True}
    described = {"tag": 1, "IpProtocol": "tcp", "IpRanges": {"tag": 1, "CidrIp": "0.0.0.0/0"}}
    return [
        build.authorize(octet, other, response=answer),
        build.authorize(octet, other, direction="Egress", **build.denied()),
        build.record("AuthorizeSecurityGroupIngress", build.request(ipProtocol="tcp", cidrIp="0.0.0.0/0")),
        build.revoke(octet, response=gone),
        build.record(
            "RevokeSecurityGroupEgress", build.request(securityGroupRuleIds=build.items({"securityGroupRuleId": "x"}))
        ),
        build.modify((build.RULE, new)),
        build.modify((build.RULE, new), ("sgr-02", {"Description": "y"})),
        build.wrapped("UpdateSecurityGroupRuleDescriptionsIngress", {"GroupId": "sg-01", "IpPermissions": described}),
        build.record("CreateSecurityGroup", {"groupName": "web", "vpcId": "vpc-01"}, {"groupId": "sg-01"}),
        build.record("DeleteSecurityGroup", {"groupId": "sg-01"}, {"_return": True}),
        build.wrapped("AssociateSecurityGroupVpc", {"GroupId": "sg-01", "VpcId": "vpc-01"}),
        build.wrapped("CreateDefaultVpc", "", {"CreateDefaultVpcResponse": {"vpc": {"vpcId": "vpc-01"}}}),
        build.wrapped("ModifyManagedPrefixList", {"PrefixListId": "pl-01", "AddEntry": {"Cidr": "::/0"}}),
        build.wrapped(
            "CreateManagedPrefixList", {"PrefixListName": "x", "Entry": [{"Cidr": "::/0"}, {"Cidr": "10.0.0.0/8"}]}
        ),
    ]


def _paths(value, path=()):
    """Every path of a JSON value, the outermost first."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        if not (path == () and key in KEPT):
            yield (*path, key)
            yield from _paths(inner, (*path, key))


def _mutated(event, draw):
    made = copy.deepcopy(event)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(_paths(made))))
        owner = made
        for key in path[:-1]:
            owner = owner[key]
        if draw(st.booleans()):
            del owner[path[-1]]
        else:
            owner[path[-1]] = draw(JUNK)
    return made


@pytest.mark.parametrize("index", range(14))
def test_no_mutation_of_an_event_raises_or_drops_it(index, build, results):
    event = _realistic(build)[index]

    @given(st.data())
    def check(data):
        made = _mutated(event, data.draw)
        found = results(json.dumps(build.event(made)))
        assert len(found) == 1
        assert isinstance(found[0], Alert)
        assert len(found[0].changes) >= 1

    check()


@given(document=JUNK)
def test_no_document_makes_the_decoder_or_the_readers_raise(document):
    for each in decode(document):
        if isinstance(each, ApiCall):
            changes_of(each)


@given(content=st.binary(max_size=200))
def test_no_bytes_make_the_reader_raise(content, results):
    assert isinstance(results(content), list)


V4 = st.builds(lambda bits, length: f"{bits >> 24}.{bits >> 16 & 255}.{bits >> 8 & 255}.{bits & 255}/{length}",
               st.integers(0, 2**32 - 1), st.integers(0, 32))  # fmt: skip
V6 = st.builds(lambda bits, length: f"{bits:x}::/{length}", st.integers(0, 0xFFFF), st.integers(0, 128))
SOURCES = st.one_of(
    st.text("0123456789abcdef", min_size=17, max_size=17).map(lambda end: {"groupId": f"sg-{end}"}),
    st.just({"userId": "444455556666", "groupName": "web"}),
)
LISTS = st.text("0123456789abcdef", min_size=17, max_size=17).map(lambda end: f"pl-{end}")
PROTOCOLS = st.sampled_from(["tcp", "udp", "-1", "6", "17", "50", "icmp", "58"])
PERMISSION = st.fixed_dictionaries(
    {
        "protocol": PROTOCOLS,
        "v4": st.lists(V4, max_size=4),
        "v6": st.lists(V6, max_size=3),
        "groups": st.lists(SOURCES, max_size=3),
        "lists": st.lists(LISTS, max_size=2),
    }
).filter(lambda each: each["v4"] or each["v6"] or each["groups"] or each["lists"])


def _peers(permissions):
    """The number of peers, and the CIDRs as EC2 stores them."""
    count = sum(len(each[key]) for each in permissions for key in ("v4", "v6", "groups", "lists"))
    cidrs = [str(parse_cidr(cidr)) for each in permissions for cidr in (*each["v4"], *each["v6"])]
    return count, cidrs


@given(permissions=st.lists(PERMISSION, min_size=1, max_size=5))
def test_n_rules_of_m_peers_are_n_times_m_understood_changes(permissions, build, rows):
    made = build.authorize(*(build.item(each.pop("protocol"), -1, -1, **each) for each in copy.deepcopy(permissions)))
    count, cidrs = _peers(permissions)
    actual = rows(made)
    assert len(actual) == count
    assert [row["peer"] for row in actual if row["peer_kind"] in {"ipv4", "ipv6"}] == cidrs
    assert all(row["understood"] for row in actual)


@given(permissions=st.lists(PERMISSION, min_size=1, max_size=4))
def test_each_rule_of_a_response_is_one_change(permissions, build, rows):
    answers = [
        build.response_rule(
            f"sgr-{index}-{number}", each["protocol"], -1, -1, **{"cidrIpv6" if ":" in cidr else "cidrIpv4": cidr}
        )
        for index, each in enumerate(permissions)
        for number, cidr in enumerate((*each["v4"], *each["v6"]))
    ]
    made = build.authorize(
        *(build.item(each["protocol"], -1, -1, v4=each["v4"], v6=each["v6"]) for each in permissions),
        response=build.rule_set(*answers),
    )
    actual = rows(made)
    if answers:
        assert [row["rule_id"] for row in actual] == [each["securityGroupRuleId"] for each in answers]
    else:
        assert len(actual) == len(permissions)
