"""CIDR arithmetic against brute-force counting, canonical forms, and the limits of world and wide."""

from ipaddress import IPv4Address, IPv4Network, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewatch.model.network import (
    address_bounds,
    address_count,
    cidr_peer,
    is_wide,
    parse_cidr,
    protocol_name,
    public_addresses,
    world_networks,
)

V4 = st.builds(
    lambda bits, length: ip_network((bits, length), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32)
)
SHORT = st.builds(
    lambda bits, length: IPv4Network((bits << 24, length), strict=False), st.integers(0, 255), st.integers(0, 8)
)
SMALL = st.builds(
    lambda bits, length: IPv4Network((0x08080000 + bits, length), strict=False),
    st.integers(0, 255),
    st.integers(24, 32),
)


def nets(*texts):
    return [ip_network(text) for text in texts]


@given(st.lists(SMALL, max_size=12))
def test_address_count_counts_every_address_once(networks):
    assert address_count(networks) == len({address for network in networks for address in network})


@given(st.integers(0, 255), st.integers(0, 8))
@settings(deadline=None, max_examples=25)
def test_public_addresses_leave_out_the_special_purpose_blocks(first, length):
    network = IPv4Network((first << 24, length), strict=False)
    step = 1 << 8  # the smallest special block is a /24
    sampled = range(int(network.network_address), int(network.broadcast_address) + 1, step)
    if len(sampled) > 1 << 16:
        return
    special = [
        *nets("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *nets("192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *nets("203.0.113.0/24", "224.0.0.0/3"),
    ]
    public = sum(not any(IPv4Address(each) in block for block in special) for each in sampled)
    assert public_addresses(network) == public * step


@given(st.lists(SHORT, max_size=10))
def test_the_world_by_union_is_half_of_the_first_octets(networks):
    pool = [each for each in networks if each.prefixlen < 8 and public_addresses(each)]
    octets = {first for each in pool for first in range(256) if IPv4Address(first << 24) in each}
    alone = {each for each in networks if each.prefixlen <= 1}
    assert world_networks(networks) == (alone | set(pool) if len(octets) >= 128 else alone)


@given(V4)
def test_a_cidr_has_one_canonical_form_whatever_its_host_bits(network):
    written = f"{network.broadcast_address}/{network.prefixlen}"
    assert cidr_peer(written).cidr == str(network)
    assert cidr_peer(str(network)) == cidr_peer(written)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("8.8.8.8/0", "0.0.0.0/0"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("100.68.0.18/18", "100.68.0.0/18"),
        ("198.51.100.7", "198.51.100.7/32"),
        ("0:0:0:0:0:0:0:0/0", "::/0"),
        ("2001:DB8::1/32", "2001:db8::/32"),
        ("2001:0db8:0000::/64", "2001:db8::/64"),
    ],
)
def test_cidrs_have_a_canonical_form(written, canonical):
    assert cidr_peer(written).cidr == canonical


@pytest.mark.parametrize(
    "text", ["", "x", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/-1", "010.0.0.0/8", "1/2/3", "/0"]
)
def test_text_that_is_not_a_cidr_is_none(text):
    assert parse_cidr(text) is None


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("tcp", "tcp"),
        ("TCP", "tcp"),
        ("6", "tcp"),
        ("06", "tcp"),
        ("17", "udp"),
        ("1", "icmp"),
        ("58", "icmpv6"),
        ("icmpv6", "icmpv6"),
        ("-1", "all"),
        ("all", "all"),
        ("50", "50"),
        ("0", "0"),
        ("255", "255"),
        ("256", None),
        ("-2", None),
        ("tcpudp", None),
        ("٦", None),
        ("9" * 5000, None),
    ],
)
def test_protocols_have_one_name(written, name):
    assert protocol_name(written) == name


@pytest.mark.parametrize(
    ("cidr", "wide"),
    [
        ("8.0.0.0/8", True),
        ("8.0.0.0/9", False),
        ("10.0.0.0/8", False),
        ("10.0.0.0/7", True),  # 11.0.0.0/8 is public
        ("0.0.0.0/8", False),
        ("127.0.0.0/8", False),
        ("100.64.0.0/10", False),
        ("172.0.0.0/8", False),  # a part of it is private: what is public is less than a /8
        ("224.0.0.0/4", False),
        ("240.0.0.0/4", False),
        ("224.0.0.0/3", False),
        ("2600::/32", True),
        ("2600::/33", False),
        ("2600:1f00::/24", True),
        ("2001:db8::/32", False),
        ("2001:db8::/31", True),
        ("fc00::/7", False),
        ("fe80::/10", False),
        ("ff00::/8", False),
        ("3fff::/20", False),
        ("::ffff:0:0/96", False),
        ("::1/128", False),
    ],
)
def test_wide_is_public_space_of_a_slash_8_or_a_slash_32(cidr, wide):
    assert is_wide(ip_network(cidr)) is wide


@pytest.mark.parametrize(
    ("cidrs", "world"),
    [
        (["0.0.0.0/0"], ["0.0.0.0/0"]),
        (["::/0"], ["::/0"]),
        (["0.0.0.0/1"], ["0.0.0.0/1"]),
        (["128.0.0.0/1"], ["128.0.0.0/1"]),
        (["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/1", "128.0.0.0/1"]),
        (["::/1", "8000::/1"], ["::/1", "8000::/1"]),
        (["0.0.0.0/2"], []),
        (["0.0.0.0/2", "64.0.0.0/2"], ["0.0.0.0/2", "64.0.0.0/2"]),
        (["0.0.0.0/2", "0.0.0.0/3", "32.0.0.0/3"], []),
        (["0.0.0.0/2", "64.0.0.0/2", "8.8.8.0/24", "9.0.0.0/8"], ["0.0.0.0/2", "64.0.0.0/2"]),
        ([f"{first}.0.0.0/8" for first in range(256)], []),
        (["64.0.0.0/2", "128.0.0.0/3", "224.0.0.0/3"], []),  # reserved space does not count
        (["2000::/3"], ["2000::/3"]),
        (["2000::/4"], ["2000::/4"]),
        (["2000::/5"], []),
        (["2000::/5", "2800::/5"], ["2000::/5", "2800::/5"]),
        (["::/2"], ["::/2"]),
        (["fc00::/7"], []),
        (["0.0.0.0/2", "2000::/5"], []),
        ([], []),
    ],
)
def test_the_world_is_half_of_the_space_alone_or_together(cidrs, world):
    assert world_networks(nets(*cidrs)) == frozenset(nets(*world))


@given(
    st.one_of(
        st.text(max_size=20),
        st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,4}){2,4}/[0-9]{1,3}", fullmatch=True),
        st.ip_addresses().map(str),
        st.tuples(st.ip_addresses(), st.integers(0, 140)).map(lambda pair: f" {pair[0]}/{pair[1]}"),
        st.tuples(st.ip_addresses(), st.integers(0, 33)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
    )
)
def test_a_cidr_is_read_as_ip_network_reads_it(text):
    try:
        expected = ip_network(text.strip(), strict=False)
    except ValueError:
        expected = None
    assert parse_cidr(text) == expected
    if expected is not None:
        bounds = (expected.version, int(expected.network_address), int(expected.broadcast_address))
        assert address_bounds(str(expected)) == bounds
