from __future__ import annotations

import json
import re
from ipaddress import ip_network

import boto3
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from support import automation, members
from support import ingress as kit
from tools.compliance_templates import document, documents

ROLE = "arn:aws:iam::123456789012:role/gatewatch/gatewatch-automation-eu-west-1"
OPEN_PORTS = document("revoke-open-ports")
DEFAULT_GROUP = document("close-default-group")
WORLD = {"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "::/1", "8000::/1", "2000::/3"}


@pytest.fixture
def cloud(monkeypatch):
    """moto, and the credentials and Region that a document's own script takes from where it runs."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", members.REGION)
    with mock_aws():
        boto3.setup_default_session(botocore_session=members.session()._session)  # noqa: SLF001  its loader is warm
        yield
        boto3.DEFAULT_SESSION = None


@pytest.fixture
def member(cloud):  # noqa: ARG001
    return members.Member()


def run(document, member, group_id, **parameters):
    given = {"AutomationAssumeRole": ROLE, "GroupId": group_id} | parameters
    return automation.execute(document, given, {"ec2": member.ec2})


def rules(member, group_id):
    return sorted(kit.rule_text(each.rule) for each in member.current_rules(group_id))


def test_a_dry_run_is_the_default_and_changes_nothing(member):
    group_id = member.group(kit.rule("tcp 22 from 0.0.0.0/0"))
    outputs, ran = run(OPEN_PORTS, member, group_id)
    assert ran == ["ClosePorts"]
    assert len(outputs["ClosePorts.Closed"]) == 1
    assert rules(member, group_id) == ["tcp 22 from 0.0.0.0/0"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(["tcp 22 from 0.0.0.0/0"], [], id="one of four rules is enough"),
        pytest.param(["tcp 22 from ::/0", "tcp 3389 from ::/0", "tcp 3306 from ::/0"], [], id="IPv6"),
        pytest.param(["udp 3389 from 0.0.0.0/0"], [], id="RDP over UDP"),
        pytest.param(["tcp 22 from 10.0.0.0/8"], ["tcp 22 from 10.0.0.0/8"], id="a private network stays"),
        pytest.param(["tcp 22 from 128.0.0.0/1"], [], id="half of the internet"),
        pytest.param(["tcp 443 from 0.0.0.0/0"], ["tcp 443 from 0.0.0.0/0"], id="HTTPS stays"),
        pytest.param(
            ["tcp 20-23 from 0.0.0.0/0"],
            ["tcp 20-21 from 0.0.0.0/0", "tcp 23 from 0.0.0.0/0"],
            id="a range is narrowed",
        ),
        pytest.param(
            ["all from ::/0"],
            [
                "icmpv6 from ::/0",
                "tcp 0-21 from ::/0",
                "tcp 23-3305 from ::/0",
                "tcp 3307-3388 from ::/0",
                "tcp 3390-65535 from ::/0",
                "udp 0-3388 from ::/0",
                "udp 3390-65535 from ::/0",
            ],
            id="all traffic is narrowed",
        ),
    ],
)
def test_ports_are_closed_to_the_internet_only(member, before, after):
    group_id = member.group(*map(kit.rule, before))
    run(OPEN_PORTS, member, group_id, DryRun=False)
    assert rules(member, group_id) == after


def test_the_remaining_parts_of_a_rule_keep_its_description_and_tags(member):
    group_id = member.group(kit.rule("tcp 22-23 from 0.0.0.0/0", description="old telnet"), tags=(("Owner", "net"),))
    run(OPEN_PORTS, member, group_id, DryRun=False)
    ((_, _, description, tags),) = member.rules(group_id)
    assert (description, tags) == ("old telnet", (("Owner", "net"),))


def full_group(member, *rules):
    """A group with as many rules as EC2 allows, most of them of private networks."""
    group_id = member.group(*map(kit.rule, rules))
    for number in range(60 - len(rules)):
        member.authorize(group_id, kit.rule(f"tcp 8000 from 10.0.{number}.0/24"))
    return group_id


def test_a_full_group_is_closed_and_what_could_not_be_kept_is_an_output(member):
    group_id = full_group(member, "tcp 20-23 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0", "tcp 1-3400 from ::/0")
    outputs, _ = run(OPEN_PORTS, member, group_id, DryRun=False)
    internet = [each for each in rules(member, group_id) if each.endswith("/0") and "10.0." not in each]
    assert internet == ["tcp 1-21 from ::/0", "tcp 20-21 from 0.0.0.0/0", "tcp 23 from 0.0.0.0/0"]
    assert outputs["ClosePorts.NotKept"] == [
        "tcp 23-3305 from ::/0",
        "tcp 3307-3388 from ::/0",
        "tcp 3390-3400 from ::/0",
    ]
    assert not set(outputs["ClosePorts.Kept"]) & set(outputs["ClosePorts.NotKept"])


def test_a_full_default_group_is_emptied(member):
    group_id = default_group(member)
    permission = {"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000}
    ranges = [{"CidrIp": f"10.0.{number}.0/24"} for number in range(59)]
    member.ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission | {"IpRanges": ranges}])
    run(DEFAULT_GROUP, member, group_id, DryRun=False)
    assert everything(member, group_id) == []


def test_only_the_given_ports_are_closed(member):
    group_id = member.group(kit.rule("tcp 22 from 0.0.0.0/0"), kit.rule("tcp 3306 from 0.0.0.0/0"))
    run(OPEN_PORTS, member, group_id, TcpPorts=["22"], UdpPorts=[], DryRun=False)
    assert rules(member, group_id) == ["tcp 3306 from 0.0.0.0/0"]


ports = st.tuples(st.sampled_from([0, 21, 22, 3306, 3390]), st.sampled_from([22, 80, 3389, 65535])).map(sorted)
traffics = st.one_of(
    st.builds(lambda name, ends: f"{name} {ends[0]}-{ends[1]}", st.sampled_from(["tcp", "udp"]), ports),
    st.sampled_from(["all", "icmp"]),
)
peers = st.sampled_from(["0.0.0.0/0", "::/0", "128.0.0.0/1", "2000::/3", "10.0.0.0/8", "203.0.113.0/24"])
CLOSED = {("tcp", 22), ("tcp", 3389), ("tcp", 3306), ("udp", 3389)}
PROBES = [(name, port) for name in ("tcp", "udp") for port in (0, 21, 22, 23, 80, 3305, 3306, 3389, 3390, 65535)]


def allowed_access(current):
    """Return protocol, port and source of everything that is allowed."""
    return {
        (name, port, each.rule.peer.text)
        for each in current
        for name, port in PROBES
        if each.rule.traffic.protocol in {"all", name}
        and (each.rule.traffic.ports is None or each.rule.traffic.ports.covers(port))
    }


@settings(
    max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(st.lists(st.builds("{} from {}".format, traffics, peers), max_size=4, unique=True))
def test_exactly_the_open_ports_are_closed_and_a_second_run_changes_nothing(cloud, texts):  # noqa: ARG001
    member = members.Member()
    group_id = member.group(*map(kit.rule, texts))
    before = allowed_access(member.current_rules(group_id))
    run(OPEN_PORTS, member, group_id, DryRun=False)
    closed = {each for each in before if each[:2] in CLOSED and each[2] in WORLD}
    assert allowed_access(member.current_rules(group_id)) == before - closed
    done = member.current_rules(group_id)
    outputs, _ = run(OPEN_PORTS, member, group_id, DryRun=False)
    assert (outputs["ClosePorts.Closed"], member.current_rules(group_id)) == ([], done)


def default_group(member):
    groups = member.ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]}])
    return groups["SecurityGroups"][0]["GroupId"]


def everything(member, group_id):
    answer = member.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group_id]}])
    return answer["SecurityGroupRules"]


@settings(
    max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(st.lists(st.builds("{} from {}".format, traffics, peers), max_size=4, unique=True))
def test_a_default_group_is_closed_both_ways_and_a_second_run_changes_nothing(cloud, texts):  # noqa: ARG001
    member = members.Member()
    group_id = default_group(member)
    for each in texts:
        member.authorize(group_id, kit.rule(each))
    run(DEFAULT_GROUP, member, group_id, DryRun=False)
    assert everything(member, group_id) == []
    outputs, ran = run(DEFAULT_GROUP, member, group_id, DryRun=False)
    assert (outputs, ran[-1]) == ({"RevokeRules.Closed": []}, "RevokeRules")


def test_closing_a_default_group_is_a_dry_run_first(member):
    group_id = default_group(member)
    before = everything(member, group_id)
    outputs, ran = run(DEFAULT_GROUP, member, group_id)
    assert (ran[-1], len(outputs["RevokeRules.Closed"])) == ("RevokeRules", len(before))
    assert everything(member, group_id) == before


def test_no_other_group_is_closed(member):
    group_id = member.group(kit.rule("tcp 22 from 0.0.0.0/0"))
    with pytest.raises(automation.StepFailedError, match="OnlyTheDefaultGroup"):
        run(DEFAULT_GROUP, member, group_id, DryRun=False)
    assert len(member.current_rules(group_id)) == 1


@pytest.mark.parametrize("name", documents())
def test_a_document_keeps_to_the_limits_of_systems_manager(name):
    content = document(name)
    assert len(json.dumps(content)) < 64_000
    assert content["schemaVersion"] == "0.3"
    assert content["assumeRole"] == "{{ AutomationAssumeRole }}"
    assert content["parameters"]["DryRun"]["default"] is True
    names = [step["name"] for step in content["mainSteps"]]
    assert all(re.fullmatch(r"\w{1,128}", each) for each in names)
    assert len(set(names)) == len(names)
    assert all(step.get("timeoutSeconds", 0) <= 600 for step in content["mainSteps"])


def test_the_script_and_the_test_agree_on_internet_cidrs():
    assert all(ip_network(each).prefixlen <= 3 for each in WORLD)
    script = next(step for step in OPEN_PORTS["mainSteps"] if step["name"] == "ClosePorts")["inputs"]["Script"]
    scope = {}
    exec(script, scope)  # noqa: S102  our own script
    assert scope["WORLD"] == WORLD
