"""Severity of security-group changes: the table of the policy, its special cases, known evasions."""

import msgspec
import pytest

from gatewatch.config.sensitive_ports import SENSITIVE_PORTS
from gatewatch.config.settings import load_settings
from gatewatch.errors import ConfigurationError
from support.command import gatewatch
from support.paths import ROOT

WORLD, WORLD6, WIDE, NARROW = "0.0.0.0/0", "::/0", "8.0.0.0/8", "198.51.100.7/32"
SENSITIVE_NUMBERS = (
    "20-23, 25, 69, 110, 111, 135, 137-139, 143, 161, 389, 445, 512-514, 636, 873, 1433, 1434, 1521, 2049, "
    "2375-2377, 2379, 2380, 3306, 3389, 4333, 4505, 4506, 5432, 5439, 5500, 5601, 5672, 5900-5903, 5984, 5985, "
    "5986, 6379, 6443, 7001, 8020, 8086, 8500, 8888, 9042, 9092, 9160, 9200, 9300, 10250, 11211, 15672, "
    "27017-27019, 50000, 50070, 61616"
)


def _numbers(ranges):
    ends = [each.strip().split("-") for each in ranges]
    return {port for end in ends for port in range(int(end[0]), int(end[-1]) + 1)}


def test_the_default_sensitive_ports_are_those_of_the_policy_that_ships():
    expected = _numbers(SENSITIVE_NUMBERS.split(","))
    root = ROOT
    shipped = load_settings(root / "accounts.yaml", root / "policy.yaml").severity_rules.sensitive
    assert _numbers(SENSITIVE_PORTS) == expected
    assert {port for each in shipped for port in range(each.first, each.last + 1)} == expected


PORTS = {
    "sensitive": [
        ("tcp", 22, 22),
        ("udp", 161, 161),
        ("tcp", 0, 65535),
        ("tcp", 22, 80),
        ("tcp", 80, 443),
        ("-1", -1, -1),
    ],
    "public": [("tcp", 80, 80), ("tcp", 443, 443), ("udp", 443, 443), ("icmp", 8, 0), ("icmp", 8, -1)],
    "other": [("tcp", 8080, 8080), ("tcp", 80, 81), ("tcp", 0, 0), ("udp", 53, 53), ("icmp", -1, -1), ("50", 0, 0)],
}
TABLE = {
    ("world", "sensitive"): "critical",
    ("world", "other"): "high",
    ("world", "public"): "low",
    ("wide", "sensitive"): "high",
    ("wide", "other"): "medium",
    ("wide", "public"): "low",
    ("narrow", "sensitive"): "low",
    ("narrow", "other"): "low",
    ("narrow", "public"): "low",
}
PEERS = {"world": WORLD, "wide": WIDE, "narrow": NARROW}
CASES = [(exposure, kind, ports, severity) for (exposure, kind), severity in TABLE.items() for ports in PORTS[kind]]


@pytest.mark.parametrize(("exposure", "kind", "ports", "severity"), CASES)
def test_severity_is_exposure_by_ports(exposure, kind, ports, severity, build, row):
    actual = row(build.authorize(build.item(*ports, v4=[PEERS[exposure]])))
    assert (actual["severity"], kind) == (severity, kind)
    assert actual["reasons"] or severity in {"info", "low"}


@pytest.mark.parametrize(
    ("peer", "ports", "severity"),
    [
        (WORLD6, ("tcp", 22, 22), "critical"),
        (WORLD6, ("tcp", 443, 443), "low"),
        (WORLD6, ("58", -1, -1), "low"),
        (WORLD6, ("icmpv6", 128, 0), "low"),
        ("2000::/3", ("tcp", 22, 22), "critical"),
        ("2600::/32", ("tcp", 22, 22), "high"),
        ("2600::/32", ("tcp", 8080, 8080), "medium"),
        ("2600::/33", ("tcp", 22, 22), "low"),
        ("2001:db8::/32", ("tcp", 22, 22), "low"),
    ],
)
def test_ipv6_has_the_same_severity_as_ipv4(peer, ports, severity, build, row):
    assert row(build.authorize(build.item(*ports, v6=[peer])))["severity"] == severity


# Evasions of published alerting tools; each opens SSH to the internet.
@pytest.mark.parametrize(
    ("protocol", "start", "end", "v4", "v6"),
    [
        ("tcp", 0, 65535, [WORLD], []),
        ("tcp", 22, 80, [WORLD], []),
        ("tcp", None, None, [WORLD], []),
        ("tcp", 22, 22, [], [WORLD6]),
        ("tcp", 22, 22, ["0.0.0.0/1", "128.0.0.0/1"], []),
        ("tcp", 22, 22, ["128.0.0.0/1"], []),
        ("tcp", 22, 22, [], ["::/1", "8000::/1"]),
        ("tcp", 22, 22, [], ["2000::/4", "3000::/4"]),
        ("tcp", 22, 22, ["203.0.113.9/0"], []),
        ("-1", None, None, [WORLD], []),
        ("-1", 0, 0, [WORLD], []),
        (-1, None, None, [WORLD], []),
        ("6", 22, 22, [WORLD], []),
        (6, "22", "22", [WORLD], []),
    ],
)
def test_every_spelling_of_the_whole_internet_is_critical(protocol, start, end, v4, v6, build, rows):
    actual = rows(build.authorize(build.item(protocol, start, end, v4=v4, v6=v6)))
    assert {row["severity"] for row in actual} == {"critical"}
    assert all(row["reasons"] for row in actual)


def test_the_world_adds_up_over_items_of_equal_ports_only(build, rows):
    halves = [["0.0.0.0/2"], ["64.0.0.0/2"]]
    equal = [build.item(v4=half) for half in halves]
    unequal = [build.item("tcp", port, port, v4=half) for port, half in zip((22, 23), halves, strict=True)]
    assert [row["severity"] for row in rows(build.authorize(*equal))] == ["critical", "critical"]
    assert [row["severity"] for row in rows(build.authorize(*unequal))] == ["high", "high"]


def test_a_narrow_cidr_beside_the_world_stays_narrow(build, rows):
    made = build.authorize(build.item(v4=["0.0.0.0/1", "128.0.0.0/1", NARROW, WIDE]))
    assert [row["severity"] for row in rows(made)] == ["critical", "critical", "low", "high"]


def test_the_world_adds_up_over_the_rules_of_the_response(build, rows):
    answers = [
        build.response_rule(f"sgr-{index}", cidrIpv4=cidr) for index, cidr in enumerate(["0.0.0.0/2", "64.0.0.0/2"])
    ]
    made = build.authorize(build.item(v4=["0.0.0.0/2", "64.0.0.0/2"]), response=build.rule_set(*answers))
    assert {row["severity"] for row in rows(made)} == {"critical"}


@pytest.mark.parametrize(
    "cidr", ["240.0.0.0/4", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "224.0.0.0/4", "8.0.0.0/9"]
)
def test_private_or_small_ranges_are_narrow(cidr, build, row):
    assert row(build.authorize(build.item(v4=[cidr])))["severity"] == "low"


@pytest.mark.parametrize(
    ("peers", "ports", "severity"),
    [
        ({"lists": ["pl-01"]}, ("tcp", 22, 22), "medium"),
        ({"lists": ["pl-01"]}, ("tcp", 443, 443), "low"),
        ({"lists": ["pl-01"]}, ("tcp", 8080, 8080), "low"),
        ({"groups": ["sg-01"]}, ("-1", -1, -1), "low"),
        ({"groups": [{"groupId": "sg-01", "userId": "444455556666"}]}, ("tcp", 22, 22), "medium"),
        ({"groups": [{"groupId": "sg-01", "userId": "444455556666"}]}, ("tcp", 8080, 8080), "low"),
        ({"groups": [{"groupId": "sg-01", "userId": "111122223333"}]}, ("tcp", 22, 22), "low"),
    ],
)
def test_a_group_or_prefix_list_as_peer(peers, ports, severity, build, row):
    assert row(build.authorize(build.item(*ports, **peers)))["severity"] == severity


@pytest.mark.parametrize(
    ("peers", "ports", "severity"),
    [
        ({"v4": [WORLD]}, ("-1", -1, -1), "low"),
        ({"v6": [WORLD6]}, ("-1", -1, -1), "low"),
        ({"v4": [WORLD]}, ("tcp", 22, 22), "info"),
        ({"v4": [WORLD]}, ("tcp", 0, 65535), "info"),
        ({"v4": [NARROW]}, ("-1", -1, -1), "info"),
        ({"lists": ["pl-01"]}, ("tcp", 22, 22), "info"),
        ({"groups": ["sg-01"]}, ("-1", -1, -1), "info"),
    ],
)
def test_egress_is_info_or_low(peers, ports, severity, build, row):
    assert row(build.authorize(build.item(*ports, **peers), direction="Egress"))["severity"] == severity


@pytest.mark.parametrize(
    ("peer", "ports", "severity"),
    [
        (WORLD, ("tcp", 22, 22), "high"),
        (WORLD, ("tcp", 8080, 8080), "medium"),
        (WORLD, ("tcp", 443, 443), "low"),
        (WIDE, ("tcp", 22, 22), "medium"),
        (WIDE, ("tcp", 8080, 8080), "low"),
        (NARROW, ("tcp", 22, 22), "low"),
    ],
)
def test_denied_is_one_level_lower_and_at_least_low(peer, ports, severity, build, row, shows):
    made = build.authorize(build.item(*ports, v4=[peer]), **build.denied())
    shows(row(made), severity=severity, outcome="denied")


def test_denied_egress_is_at_least_low(build, row):
    made = build.authorize(build.item(v4=[NARROW]), direction="Egress", **build.denied())
    assert row(made)["severity"] == "low"


@pytest.mark.parametrize(
    ("new", "severity"),
    [
        ({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": WORLD}, "critical"),
        ({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}, "critical"),
        ({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}, "low"),
        ({"CidrIpv6": WORLD6}, "critical"),
        ({"CidrIpv4": NARROW}, "low"),
        ({"CidrIpv4": WIDE}, "high"),
    ],
)
def test_a_partial_modify_gets_the_worst_severity_its_unknown_parts_allow(new, severity, build, row):
    assert row(build.modify((build.RULE, new)))["severity"] == severity


def test_a_modify_of_a_known_egress_rule_is_info(build, rows):
    known = build.rule_set(build.response_rule(egress=True, cidrIpv4=NARROW))
    new = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": WORLD}
    made = build.authorize(build.item(v4=[NARROW]), direction="Egress", response=known), build.modify((build.RULE, new))
    assert [row["severity"] for row in rows(*made)] == ["info", "info"]


def test_everything_medium_and_above_has_a_reason(build, rows):
    made = [
        build.record("AuthorizeSecurityGroupIngress", None),
        build.record("AuthorizeSecurityGroupIngress", None, **build.denied()),
        build.record("DeleteSecurityGroup", None),
        build.modify((build.RULE, {"CidrIpv4": WORLD})),
        build.authorize(build.item(lists=["pl-01"]), build.item(v4=[WIDE, WORLD])),
        build.wrapped("ModifyManagedPrefixList", {"PrefixListId": "pl-01", "AddEntry": {"Cidr": WORLD}}),
    ]
    loud = [row for row in rows(*made) if row["severity"] in {"medium", "high", "critical"}]
    assert len(loud) == 8
    assert all(row["reasons"] and all(row["reasons"]) for row in loud)


POLICY = """
severity:
  sensitive_ports: {8443: Admin}
  public_ports: [80, 81]
  trusted_networks: [8.0.0.0/7]
"""


@pytest.fixture
def own_policy(tmp_path):
    (tmp_path / "accounts.yaml").write_text("")
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def test_an_own_policy_replaces_the_default(own_policy, build):
    events = [
        build.authorize(build.item("tcp", 22, 22, v4=[WORLD])),
        build.authorize(build.item("tcp", 8443, 8443, v4=[WORLD])),
        build.authorize(build.item("tcp", 80, 81, v4=[WORLD])),
        build.authorize(build.item("tcp", 443, 443, v4=[WORLD])),
        build.authorize(build.item("tcp", 8443, 8443, v4=["9.0.0.0/8"])),
    ]
    options = ("--accounts", own_policy / "accounts.yaml", "--policy", own_policy / "policy.yaml")
    ran = gatewatch("replay", "--format", "json", *options, stdin=build.text(*events))
    assert [row["severity"] for row in ran.rows] == ["high", "critical", "low", "high", "low"]


@pytest.mark.parametrize("port", ["-1", "65536", "5-1", "ssh", "1-70000"])
def test_an_invalid_port_is_a_configuration_error(port, own_policy):
    policy = own_policy / "policy.yaml"
    policy.write_bytes(msgspec.json.encode({"severity": {"sensitive_ports": {port: "Odd"}}}))
    with pytest.raises(ConfigurationError, match="is not a port"):
        load_settings(own_policy / "accounts.yaml", policy)
