"""Which URLs of a secret are used, and that no error shows one."""

import socket

import pytest

from gatewatch.delivery.http import (
    JSON_HEADERS,
    HttpClient,
    http_pool,
    is_host_of,
    is_https_address,
    is_public_address,
    webhook_client,
)
from gatewatch.errors import TransientDeliveryError, UncertainDeliveryError
from support.destinations import DestinationServer, http_client
from support.slack_server import Server, http, silence

PUBLIC = ["https://siem.example/hook", "https://siem.example:8443/hook", "https://8.8.8.8/", "http://127.0.0.1:8080/x"]
NOT_PUBLIC = [
    "http://siem.example/hook",
    "https://169.254.169.254/latest/meta-data",
    "https://[fd00:ec2::254]/latest",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://10.0.0.8/hook",
    "https://127.0.0.1/hook",
    "https://127.1/hook",
    "https://0x7f000001/hook",
    "https://2130706433/hook",
    "https://localhost/hook",
    "https://siem/hook",
    "https://siem.eu-west-1.compute.internal/",
    "https://siem.local./",
    "https://user:password@siem.example/hook",
    "http://[::2]/",
    "ftp://siem.example/",
    "https://",
    "https://siem.example:port/",
    "https://[half/",
    "siem.example",
    "",
]


@pytest.mark.parametrize("url", PUBLIC)
def test_an_https_url_of_a_public_host_is_used(url):
    assert is_public_address(url)


@pytest.mark.parametrize("url", NOT_PUBLIC)
def test_any_other_url_is_not_used(url):
    assert not is_public_address(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://prod-1.westeurope.logic.azure.com:443/workflows/1?sig=x", True),
        ("https://PROD-1.WestEurope.Logic.Azure.com/workflows/1", True),
        ("https://logic.azure.com.evil.example/", False),
        ("https://evil-logic.azure.com/", False),
        ("https://evil.example/?logic.azure.com", False),
        ("https://x.logic.azure.com@evil.example/", False),
        ("http://prod-1.westeurope.logic.azure.com/", False),
    ],
)
def test_a_host_is_of_a_domain_only_as_a_whole(url, expected):
    assert is_host_of(url, (".logic.azure.com",)) is expected


def test_https_is_enough_for_a_host_that_may_be_private():
    assert is_https_address("https://proxy.internal/services/T0")


def test_an_url_that_cannot_be_used_is_an_error_without_it():
    with DestinationServer() as server, pytest.raises(ValueError, match="cannot be used") as caught:
        http_client().post(server.url, b"", {"X-Test": "sEcReT\nx"})
    assert "sEcReT" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_server_that_is_not_there_is_a_transient_error_without_its_url():
    with DestinationServer() as server:
        url = server.url
    with pytest.raises(TransientDeliveryError, match="no connection: ") as caught:
        http_client().post(url, b"", {})
    assert "sEcReT" not in str(caught.value)


def impatient():
    return HttpClient(http_pool(read=0.2, connect=0.2), 0.2)


def test_a_server_without_tls_got_nothing():
    with DestinationServer() as server, pytest.raises(TransientDeliveryError, match="no connection: ") as caught:
        http_client().post(server.url.replace("http:", "https:"), b"x", {})
    assert not isinstance(caught.value, UncertainDeliveryError)


def test_a_server_that_does_not_answer_the_beginning_of_tls_got_nothing():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/hook/sEcReT"
        with pytest.raises(TransientDeliveryError, match="no connection: ") as caught:
            impatient().post(url, b"x", {})
    assert not isinstance(caught.value, UncertainDeliveryError)


def test_a_server_that_read_the_request_and_does_not_answer_may_have_accepted_it():
    with Server(silence()) as server, pytest.raises(UncertainDeliveryError, match="no answer: "):
        impatient().post(server.url(), b"x", {})


def test_a_webhook_has_a_connection_of_its_own_for_each_post():
    client = webhook_client()
    with Server(http(200, "ok"), http(200, "ok")) as server:
        for body in (b"first", b"second"):
            assert client.post(server.url(), body, JSON_HEADERS).body == b"ok"
    heads, bodies = zip(*server.requests, strict=True)
    assert bodies == (b"first", b"second")
    assert all("\r\nConnection: close" in head and "Transfer-Encoding" not in head for head in heads)


def test_a_redirect_is_not_followed():
    with DestinationServer((302, {"Location": "/elsewhere"}), 200) as server:
        assert http_client().post(server.url, b"x", {}).status == 302
        assert len(server.requests) == 1
