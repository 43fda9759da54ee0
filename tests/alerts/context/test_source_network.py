"""Country and kind of network of a source address, by the packages that policy.yaml asks for."""

import re
from datetime import date

import pytest

from gatewatch.alerts.context.source_network import (
    COUNTRY_PACKAGE,
    NETWORK_PACKAGE,
    SourceNetworks,
    data_dates,
    is_public,
    packaged_networks,
)
from gatewatch.config.context import ContextSettings
from gatewatch.model.source_network import SourceNetwork
from support.callers import call
from support.paths import ROOT

BOTH = ContextSettings(source_country=True, source_network=True)
FAKE = SourceNetworks(lambda _address: "NL", lambda _address: ("hosting", "Provider"))


def of(networks, address, **fields):
    return networks.of(call(sourceIPAddress=address, **fields))


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("185.220.101.1", SourceNetwork("DE", "tor", "Tor")),
        ("34.80.0.1", SourceNetwork("US", "hosting", "Google Cloud")),
        ("145.58.28.190", SourceNetwork("NL")),
        ("2a00:1450:4001:81b::200e", SourceNetwork("IE", "hosting", "Google")),
    ],
)
def test_the_packages_answer(address, found):
    assert of(packaged_networks(BOTH), address) == found


def test_each_package_answers_alone():
    assert of(packaged_networks(ContextSettings(source_country=True)), "185.220.101.1") == SourceNetwork("DE")
    network = packaged_networks(ContextSettings(source_network=True))
    assert of(network, "185.220.101.1") == SourceNetwork("", "tor", "Tor")
    assert of(network, "145.58.28.190") is None
    assert of(packaged_networks(ContextSettings()), "185.220.101.1") is None


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "198.51.100.7",
        "fd00::1",
        "fe80::1%eth0",
        "AWS Internal",
        "cloudformation.amazonaws.com",
        "",
        "185.220.101.1 ",
        "185.220.101.1; DROP",
        "9" * 5000,
        "💥",
    ],
)
def test_private_addresses_services_and_nonsense_have_no_country(address):
    assert of(FAKE, address) is None
    assert of(packaged_networks(BOTH), address) is None
    assert not is_public(address)


def test_a_call_through_a_vpc_endpoint_has_no_country():
    assert of(FAKE, "185.220.101.1") == SourceNetwork("NL", "hosting", "Provider")
    assert of(FAKE, "185.220.101.1", vpcEndpointId="vpce-1") is None


def test_an_unknown_kind_says_nothing_and_a_provider_is_bounded():
    odd = SourceNetworks(network_of=lambda _address: ("unknown", "Somebody"))
    assert of(odd, "8.8.8.8") is None
    long = SourceNetworks(network_of=lambda _address: ("vpn", "x" * 5000))
    assert len(of(long, "8.8.8.8").provider) == 40


def test_the_lock_has_the_versions_whose_dates_are_known():
    lock = (ROOT / "requirements" / "context.txt").read_text("utf-8")
    assert {COUNTRY_PACKAGE, NETWORK_PACKAGE} <= set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    dates = dict(data_dates(BOTH))
    assert dates.keys() == {COUNTRY_PACKAGE, NETWORK_PACKAGE}
    assert all(date(2026, 9, 1) < each < date(2028, 1, 1) for each in dates.values())
    assert list(data_dates(ContextSettings())) == []
