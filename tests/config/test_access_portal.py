"""`access_portal` of accounts.yaml, and the links that open the right account."""

from urllib.parse import parse_qs, urlsplit

import pytest

from gatewatch.alerts.enrichment import through_portal
from gatewatch.config.access_portal import AccessPortal
from gatewatch.config.settings import load_settings
from gatewatch.errors import ConfigurationError
from gatewatch.model.alert import Links

PORTAL = "https://d-1234567890.awsapps.com/start"
EVENT = "https://eu-west-1.console.aws.amazon.com/cloudtrailv2/home?region=eu-west-1#/events/e-1"
GOV_CONSOLE = "https://us-gov-west-1.console.amazonaws-us-gov.com/x"
ACCOUNTS = 'accounts: {"111122223333": {alias: payments}}\n'


@pytest.fixture
def load(tmp_path):
    def load(portal):
        (tmp_path / "accounts.yaml").write_text(f"{ACCOUNTS}access_portal: {portal}\n", "utf-8")
        (tmp_path / "policy.yaml").write_text("routes: []\n", "utf-8")
        return load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")

    return load


def links(settings, account_id="111122223333", **urls):
    return through_portal(Links(**urls), settings.account(account_id), settings)


def test_a_link_names_account_role_and_page(load):
    settings = load(f"{{url: {PORTAL}, role: Read+Only}}")
    url = links(settings, event=EVENT).event
    assert url.startswith(
        f"{PORTAL}/#/console?account_id=111122223333&role_name=Read%2BOnly&destination=https%3A%2F%2F"
    )
    query = parse_qs(urlsplit(url).fragment.partition("?")[2])
    assert query == {"account_id": ["111122223333"], "role_name": ["Read+Only"], "destination": [EVENT]}


def test_an_account_that_is_not_listed_and_an_absent_page_keep_what_they_had(load):
    settings = load(f"{{url: {PORTAL}, role: ReadOnly}}")
    assert links(settings, "999999999999", event=EVENT) == Links(event=EVENT)
    assert links(settings, event=EVENT).group == ""
    assert links(load("{}"), event=EVENT) == Links(event=EVENT)


@pytest.mark.parametrize(
    ("portal", "console", "serves"),
    [
        (PORTAL, "https://eu-west-1.console.aws.amazon.com/x", True),
        (PORTAL, GOV_CONSOLE, False),
        (PORTAL, "https://cn-north-1.console.amazonaws.cn/x", False),
        (
            "https://start.us-gov-home.awsapps.com/directory/d-1",
            "https://us-gov-west-1.console.amazonaws-us-gov.com/x",
            True,
        ),
        ("https://start.home.awsapps.cn/directory/d-1", "https://cn-north-1.console.amazonaws.cn/x", True),
        ("https://start.home.awsapps.cn/directory/d-1", "https://eu-west-1.console.aws.amazon.com/x", False),
    ],
)
def test_a_portal_serves_the_consoles_of_its_partition(portal, console, serves):
    assert AccessPortal(portal, "ReadOnly").serves(console) is serves


@pytest.mark.parametrize(
    ("portal", "problem"),
    [
        (f"{{url: {PORTAL}}}", "access_portal.role: missing"),
        ("{role: ReadOnly}", "access_portal.url: missing"),
        ("{url: 'http://x.example', role: ReadOnly}", "is not the address of an access portal"),
        (f"{{url: '{PORTAL}|x', role: ReadOnly}}", "is not the address of an access portal"),
        (f"{{url: {PORTAL}, role: 'a b'}}", "is not the name of a permission set"),
    ],
)
def test_a_wrong_portal_is_refused_with_its_key(load, portal, problem):
    with pytest.raises(ConfigurationError, match=problem):
        load(portal)
